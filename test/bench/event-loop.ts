/**
 * Loaded into an agent by the benchmark: how long its event loop stood still at most, and its memory. Start-up, in which
 * modules are loaded and nothing is received yet, is not counted: it looks from the first data on the disk to the end.
 */
import { statSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 5;
const lookMs = 20;
/** More than the two chunks that are cleared before anything is received. */
const begunBytes = 4 * 2 ** 20;

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} names no file`);
  return value;
}

const file = given("VOLLEY_BENCH_EVENT_LOOP");
const disk = given("VOLLEY_BENCH_DISK");
const delays = monitorEventLoopDelay({ resolution: resolutionMs });
let startedMs = Infinity;
const looking = setInterval(() => {
  if (statSync(disk).blocks * 512 < begunBytes) return;
  clearInterval(looking);
  startedMs = performance.now();
  delays.enable();
}, lookMs);
looking.unref();

process.once("exit", () => {
  const sampledSeconds = Math.max(0, (performance.now() - startedMs) / 1000);
  const residentBytesMost = process.resourceUsage().maxRSS * 1024;
  const longestPauseMs = delays.max / 1e6 - resolutionMs;
  writeFileSync(file, JSON.stringify({ longestPauseMs, sampledSeconds, residentBytesMost }));
});
