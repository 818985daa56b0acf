/** Lines of standard input one after another, also when several come at once, as from a pipe. */
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { VolleyError } from "../contract/errors.ts";

export interface ConsoleLines {
  /** Null when there are no more. Rejects with E_CANCELLED when `signal` fires. */
  next(signal: AbortSignal): Promise<string | null>;
  close(): void;
}

/** Nothing is read before the first line is asked for. */
export function openConsoleLines(input: Readable): ConsoleLines {
  const lines: string[] = [];
  let reader: Interface | null = null;
  let isClosed = false;
  let wake = (): void => {};
  const open = (): void => {
    // Not in terminal mode: then Ctrl-C stays a signal.
    reader = createInterface({ input, terminal: false });
    reader.on("line", (line) => {
      lines.push(line);
      wake();
    });
    reader.on("close", () => {
      isClosed = true;
      wake();
    });
  };
  return {
    async next(signal) {
      if (reader === null) open();
      while (lines.length === 0 && !isClosed && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      if (signal.aborted) throw new VolleyError("E_CANCELLED", "Nobody is to be asked any more");
      return lines.shift() ?? null;
    },
    close: () => reader?.close(),
  };
}
