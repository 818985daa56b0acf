/** Running a program that may hang: it gets a time limit, and is left behind if it cannot even be killed. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runProgram } from "./run-program.ts";

export interface ToolExtras {
  /** Windows: the words go to the program as they are, without quotation marks. */
  verbatim?: boolean;
  /** For its standard input. */
  input?: string;
  /** The whole of it; by default the agent's own. */
  environment?: Readonly<Record<string, string>>;
}
export interface ToolResult {
  exitCode: number;
  output: Buffer;
  /** The end of what it said on standard error. */
  complaint: string;
}

/** The end of what a program complains of is where it says why. */
const complaintCharacters = 1500;

/**
 * Standard output of `command`, or null when it is missing, fails, says too much or takes longer than `timeMs`. It
 * runs in a process group of its own, which is killed whole.
 */
export async function runTool(
  command: readonly string[],
  timeMs: number,
  extras: ToolExtras = {},
): Promise<string | null> {
  const result = await collect(command, timeMs, extras).catch(() => null);
  return result?.exitCode === 0 ? result.output.toString("utf8") : null;
}

/**
 * The same for who has to say what went wrong: resolves whatever its status. Rejects with E_TOOL_MISSING, and with
 * E_TOOL_FAILED when it does not start, says too much or takes longer than `timeMs`.
 */
export async function runToolToEnd(
  command: readonly string[],
  timeMs: number,
  extras: ToolExtras = {},
): Promise<ToolResult> {
  let complaint = "";
  const onComplaint = (piece: Buffer): void => {
    complaint = (complaint + piece.toString("utf8")).slice(-complaintCharacters);
  };
  const end = await collect(command, timeMs, { ...extras, onComplaint });
  return { ...end, complaint: complaint.trim() };
}

async function collect(
  command: readonly string[],
  timeMs: number,
  extras: ToolExtras & { onComplaint?: (piece: Buffer) => void },
): Promise<{ exitCode: number; output: Buffer }> {
  const pieces: Buffer[] = [];
  const tooMuch = new AbortController();
  let bytes = 0;
  const onOutput = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > limits.toolOutputBytes) tooMuch.abort();
    else pieces.push(piece);
  };
  const run = runProgram({ command, timeMs, signal: tooMuch.signal, onOutput, ...extras });
  const { exitCode, timedOut } = await run.catch((error: unknown) => {
    if (!tooMuch.signal.aborted) throw error;
    throw failed(command, `printed more than ${limits.toolOutputBytes} bytes`);
  });
  if (timedOut) throw failed(command, `did not end within ${timeMs} ms`);
  return { exitCode, output: Buffer.concat(pieces) };
}

function failed([program = ""]: readonly string[], how: string): VolleyError {
  return new VolleyError("E_TOOL_FAILED", `${program} ${how}`);
}
