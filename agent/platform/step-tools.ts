/** Runs the programs of steps: bounded output, a time limit and a cancellation that end the whole process tree. */
import { existsSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { VolleyError } from "../../contract/errors.ts";
import { runProgram } from "./run-program.ts";

/** The variable that marks a step's programs, and so all that they start. */
export const markVariable = "VOLLEY_STEP";

export interface StepToolRun {
  command: readonly string[];
  verbatim?: boolean;
  workingFolder?: string;
  input?: string;
  environment?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}
export interface StepToolResult {
  exitCode: number;
  output: string;
  timedOut: boolean;
}

export interface StepToolsOptions {
  /** What every program's environment begins with. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Put into each program's environment, so that all it starts can be found. */
  mark: string;
  /** Of standard output and standard error together, the last ones. */
  outputCharacters: number;
  /** Time left to a step, in milliseconds; a program gets no longer. */
  timeLeftMs(): number;
  signal: AbortSignal;
  /** Ends a program with all it has started; resolves when they are gone. */
  endTree(root: number | null, mark: string): Promise<unknown>;
}

/** How long output is awaited after a program has ended that left a child behind with it. */
const drainMs = 250;

/**
 * Resolves when the program has ended, whatever its status; a signal counts as 128 and its number, as in a shell.
 * Rejects with E_TOOL_MISSING, E_NOT_FOUND for a working folder that is not there, E_TOOL_FAILED for what the system
 * refuses to start, and E_CANCELLED.
 */
export async function runStepTool(run: StepToolRun, options: StepToolsOptions): Promise<StepToolResult> {
  const { command, environment, input = "", timeoutMs = Infinity, verbatim = false, workingFolder } = run;
  if (command[0] !== undefined && workingFolder !== undefined && !existsSync(workingFolder)) {
    throw new VolleyError("E_NOT_FOUND", `The folder ${workingFolder} is not there`);
  }
  const output = new Tail(options.outputCharacters);
  const [onOutput, onComplaint] = [output.listener(), output.listener()];
  const end = await runProgram({
    command,
    environment: { ...options.environment, ...environment, [markVariable]: options.mark },
    input,
    verbatim,
    ...(workingFolder !== undefined && { workingFolder }),
    timeMs: Math.min(timeoutMs, options.timeLeftMs()),
    signal: options.signal,
    onOutput,
    onComplaint,
    drainMs,
    endTree: (root) => options.endTree(root, options.mark),
  });
  return { ...end, output: output.text };
}

/** Streams as they come, the last `most` characters of them. */
class Tail {
  readonly #most: number;
  #text = "";

  constructor(most: number) {
    this.#most = most;
  }

  get text(): string {
    return this.#text.slice(-this.#most);
  }

  /** For one stream: a character may come in two pieces. */
  listener(): (piece: Buffer) => void {
    const decoder = new StringDecoder("utf8");
    return (piece) => {
      this.#text += decoder.write(piece);
      if (this.#text.length > this.#most * 2) this.#text = this.#text.slice(-this.#most);
    };
  }
}
