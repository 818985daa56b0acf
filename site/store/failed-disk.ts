/**
 * What waits for a database whose disk fails. After PostgreSQL stopped itself PGlite answers nothing any more; here
 * everything that waits, and everything that comes, is refused with what happened.
 */
import { VolleyError } from "../../contract/errors.ts";

export class FailedDisk {
  #failure: VolleyError | undefined;
  readonly #waiting = new Set<(failure: VolleyError) => void>();
  readonly #listeners: ((failure: VolleyError) => void)[] = [];

  /** Called by the file system at the moment a disk refuses to make something durable. */
  report(reason: string): void {
    if (this.#failure !== undefined) return;
    const failure = new VolleyError(
      "E_STORE",
      `The database's disk does not keep what is written: ${reason}.`,
    );
    this.#failure = failure;
    for (const refuse of this.#waiting) refuse(failure);
    for (const listener of this.#listeners) listener(failure);
  }

  onFailure(listener: (failure: VolleyError) => void): void {
    this.#listeners.push(listener);
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** What `work` answers, unless the disk fails before or meanwhile. */
  guard<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.add(reject);
      work()
        .finally(() => this.#waiting.delete(reject))
        .then(resolve, reject);
    });
  }
}
