/** Programs joined by pipes, through which a saved partition goes: files, a decompressor, what writes it. */
import { spawn } from "node:child_process";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { type Compression, notCompressed, streamHeadBytes } from "../../../contract/saved-stream.ts";
import { runTool, startFailure, toolEnvironment } from "../tools.ts";

/** Words of the shell's, of which none comes from a folder or a request: paths go in as parameters. */
export interface Pipeline {
  stages: readonly string[];
  parameters: readonly string[];
  signal: AbortSignal;
  /** 0 to 1, as partclone says it. */
  done?: (part: number) => void;
  /** In place of limits.savedToolMs. */
  limitMs?: number;
}

/** Each stage ends with the shell, and the shell with this process. */
const untilParentDies = "setpriv --pdeathsig KILL";
const keptCharacters = 4000;

/**
 * Throws E_IMAGE_TRUNCATED with what the programs said, E_CONTENT_WRITE for a full disk, E_TOOL_FAILED when they do not end,
 * E_CANCELLED.
 */
export function runPipeline(pipeline: Pipeline): Promise<void> {
  const { done, limitMs = limits.savedToolMs, parameters, signal, stages } = pipeline;
  signal.throwIfAborted();
  const script = `set -o pipefail; ${stages.map((stage) => `${untilParentDies} ${stage}`).join(" | ")}`;
  return new Promise((resolve, reject) => {
    const words = [...untilParentDies.split(" ").slice(1), "bash", "-c", script, "bash", ...parameters];
    // A group of its own, so that all of it can be ended at once.
    const child = spawn("setpriv", words, {
      stdio: ["ignore", "ignore", "pipe"],
      env: toolEnvironment(),
      detached: true,
    });
    let said = "";
    let isLate = false;
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, "SIGKILL");
      }
    };
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, limitMs);
    signal.addEventListener("abort", end, { once: true });
    child.stderr.on("data", (piece: Buffer) => {
      const text = piece.toString("latin1");
      const percent = [...text.matchAll(/Completed:\s*(\d+(?:\.\d+)?)%/g)].at(-1)?.[1];
      if (percent !== undefined) done?.(Number(percent) / 100);
      said = (said + text).slice(-keptCharacters);
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(startFailure("setpriv", error));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(new VolleyError("E_CANCELLED", "The import was cancelled."));
      else if (code === 0) resolve();
      else if (isLate) reject(new VolleyError("E_TOOL_FAILED", `${stages.join(" | ")}: over ${limitMs} ms.`));
      else reject(failure(said, code));
    });
  });
}

function failure(said: string, code: number | null): VolleyError {
  const lines = said
    // partclone goes back to a line's beginning, or up, to tell its progress, and goes on in that line.
    .replaceAll("\u001B[A", "\n")
    .replaceAll(/(Elapsed:|current block:)[^\r\n]*?(\/min,|%|$)/gm, "\n")
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const complaints = lines.filter((line) => /err|fail|unexpected|corrupt|invalid|not |no space/i.test(line));
  const reason =
    (complaints.length > 0 ? complaints : lines).slice(0, 3).join("; ") || `it ended with ${code}`;
  const isFull = /no space left/i.test(said);
  return new VolleyError(isFull ? "E_CONTENT_WRITE" : "E_IMAGE_TRUNCATED", reason);
}

/** Throws E_TOOL_MISSING. */
export async function needCompression({ name }: Compression): Promise<void> {
  if (name !== notCompressed.name) await runTool(name, ["--version"]);
}

/** The first bytes of a stream, decompressed; fewer where it is shorter or damaged. */
export async function beginningOf(
  file: string,
  { decompress }: Compression,
  signal: AbortSignal,
): Promise<Buffer> {
  const script = `head -c ${streamHeadBytes} -- "$1" | ${decompress} 2>/dev/null | head -c 4096`;
  return (await runTool("bash", ["-c", script, "bash", file], signal)).bytes;
}
