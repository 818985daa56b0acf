/** Tells the site which step runs. Only the latest counts, and a site that is away hears of the next one. */
import type { RunningStep } from "../../contract/report.ts";

export class StepTeller {
  readonly #send: (step: RunningStep) => Promise<void>;
  #next: RunningStep | null = null;
  #isSending = false;

  constructor(send: (step: RunningStep) => Promise<void>) {
    this.#send = send;
  }

  /** Waits for nothing. One is under way at a time, and what is not sent by then is replaced by the next. */
  offer(step: RunningStep): void {
    this.#next = step;
    if (!this.#isSending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#next !== null) {
      const step = this.#next;
      this.#next = null;
      // What counts of a step is its status message, in the outbox: this is for the site's page alone.
      await this.#send(step).catch(() => undefined);
    }
    this.#isSending = false;
  }
}
