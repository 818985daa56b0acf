/**
 * A PGlite that does not outlive a disk that fails. After PostgreSQL stopped itself PGlite answers nothing any more;
 * here everything that waits, and everything that comes, is refused with what happened.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { PGliteDialectConfig } from "kysely";
import { VolleyError } from "../../contract/errors.ts";

/** What Kysely uses of PGlite. */
type DialectDatabase = Exclude<PGliteDialectConfig["pglite"], (...given: never[]) => unknown>;

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

export function guardDatabase(database: PGlite, disk: FailedDisk): DialectDatabase {
  return {
    get closed() {
      return database.closed;
    },
    get ready() {
      return database.ready;
    },
    get waitReady() {
      return database.waitReady;
    },
    // What is left of it goes with the process; the log on the disk says what was committed.
    close: () => (disk.failed ? Promise.resolve() : database.close()),
    query: (...given) => disk.guard(() => database.query(...given)),
    transaction: (work) =>
      disk.guard(() =>
        database.transaction((transaction) =>
          work({
            query: (...given) => disk.guard(() => transaction.query(...given)),
            rollback: () => disk.guard(() => transaction.rollback()),
          }),
        ),
      ),
  };
}
