/** Programs joined by pipes, through which a saved partition goes: files, a decompressor, what writes it. */
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { type Compression, notCompressed, streamHeadBytes } from "../../../contract/saved-stream.ts";
import { startGroup } from "../program-group.ts";
import { runTool } from "../tools.ts";

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

const keptCharacters = 4000;

/**
 * Throws E_IMAGE_TRUNCATED with what the programs said, E_CONTENT_WRITE for a full disk, E_TOOL_FAILED when they do not end,
 * E_CANCELLED.
 */
export async function runPipeline(pipeline: Pipeline): Promise<void> {
  const { done, limitMs = limits.savedToolMs, parameters, signal, stages } = pipeline;
  signal.throwIfAborted();
  const group = startGroup(`set -o pipefail; ${stages.join(" | ")}`, parameters);
  let said = "";
  group.heard((text) => {
    const percent = [...text.matchAll(/Completed:\s*(\d+(?:\.\d+)?)%/g)].at(-1)?.[1];
    if (percent !== undefined) done?.(Number(percent) / 100);
    said = (said + text).slice(-keptCharacters);
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    group.end();
  }, limitMs);
  signal.addEventListener("abort", group.end, { once: true });
  try {
    const { code } = await group.ended;
    if (signal.aborted) throw new VolleyError("E_CANCELLED", "The import was cancelled.");
    if (code === 0) return;
    if (isLate) throw new VolleyError("E_TOOL_FAILED", `${stages.join(" | ")}: over ${limitMs} ms.`);
    throw failure(said, code);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", group.end);
  }
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
