/**
 * Puts what many machines report at once into few transactions: while one is on its way to the disk, whatever comes waits
 * for the next, together. Whose reports spoil a transaction is found by taking each request's alone.
 */
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Report } from "../../contract/report.ts";

export interface Reported {
  machineId: string;
  report: Report;
}

interface Request {
  reported: Reported[];
  resolve: (fresh: Report[]) => void;
  reject: (error: unknown) => void;
}

export class ReportBatches {
  readonly #write: (reported: Reported[]) => Promise<Set<Reported>>;
  #waiting: Request[] = [];
  #writing = false;

  /** `write` takes all of them or none, and answers which were new. */
  constructor(write: (reported: Reported[]) => Promise<Set<Reported>>) {
    this.#write = write;
  }

  /** Resolves, once they are kept, with those that were new. A request's are taken all or none. */
  take(machineId: string, reports: readonly Report[]): Promise<Report[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ reported: reports.map((report) => ({ machineId, report })), resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) await this.#take(this.#next());
    this.#writing = false;
  }

  #next(): Request[] {
    let count = 0;
    const fits = this.#waiting.findIndex(
      ({ reported }) => (count += reported.length) > limits.reportsPerBatch,
    );
    return this.#waiting.splice(0, fits === -1 ? this.#waiting.length : Math.max(fits, 1));
  }

  async #take(requests: Request[]): Promise<void> {
    try {
      const fresh = await this.#write(requests.flatMap(({ reported }) => reported));
      for (const { reported, resolve } of requests) {
        resolve(reported.filter((one) => fresh.has(one)).map(({ report }) => report));
      }
    } catch (error) {
      // A database that is not there is so for all of them.
      if (requests.length === 1 || toVolleyError(error).code === "E_STORE") {
        for (const { reject } of requests) reject(error);
      } else {
        for (const request of requests) await this.#take([request]);
      }
    }
  }
}
