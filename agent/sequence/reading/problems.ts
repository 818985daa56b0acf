/** What a reader has to say about a file: collected up to a bound, and how many more there were. */
import { VolleyError } from "../../../contract/errors.ts";
import type { SequenceProblem } from "../tree.ts";
import { readingLimits } from "./limits.ts";

export class Problems {
  readonly #list: SequenceProblem[] = [];
  #more = 0;
  #moreErrors = 0;

  error(line: number, text: string): void {
    this.#add({ line, severity: "error", text });
  }

  warning(line: number, text: string): void {
    this.#add({ line, severity: "warning", text });
  }

  /** By line; what was found later of the same line follows. */
  list(): SequenceProblem[] {
    const sorted = this.#list.toSorted((one, other) => one.line - other.line);
    if (this.#more > 0) {
      const errors = this.#moreErrors > 0 ? `, ${this.#moreErrors} of them errors` : "";
      sorted.push({
        line: sorted.at(-1)?.line ?? 1,
        severity: this.#moreErrors > 0 ? "error" : "warning",
        text: `${this.#more} more problems follow${errors}`,
      });
    }
    return sorted;
  }

  #add(problem: SequenceProblem): void {
    if (this.#list.length < readingLimits.problems) {
      this.#list.push(problem);
      return;
    }
    this.#more += 1;
    if (problem.severity === "error") this.#moreErrors += 1;
  }
}

/** Text of the file as a sentence repeats it: on one line, and not longer than a person reads. */
export function quoted(text: string): string {
  const start = text.slice(0, readingLimits.quotedCharacters + 1);
  // oxlint-disable-next-line no-control-regex -- a file's control characters are not for a terminal
  const line = start.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > readingLimits.quotedCharacters
    ? `"${line.slice(0, readingLimits.quotedCharacters)}…"`
    : `"${line}"`;
}

export function unreadable(detail: string, cause?: unknown): VolleyError {
  return new VolleyError("E_SEQUENCE_UNREADABLE", detail, { cause });
}

export function tooLarge(detail: string): VolleyError {
  return new VolleyError("E_SEQUENCE_TOO_LARGE", detail);
}
