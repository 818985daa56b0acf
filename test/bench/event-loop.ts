/** Loaded into an agent by the benchmark: at its end it writes how long its event loop stood still at most, and its memory. */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 5;
/** Start-up, in which modules are loaded and nothing is received yet, is not counted. */
const startMs = 3000;

const path = process.env["VOLLEY_BENCH_EVENT_LOOP"];
if (path === undefined) throw new Error("VOLLEY_BENCH_EVENT_LOOP names no file");
const delays = monitorEventLoopDelay({ resolution: resolutionMs });
const file = path;
setTimeout(() => delays.enable(), startMs).unref();
process.once("exit", () => {
  const residentBytesMost = process.resourceUsage().maxRSS * 1024;
  writeFileSync(file, JSON.stringify({ longestPauseMs: delays.max / 1e6 - resolutionMs, residentBytesMost }));
});
