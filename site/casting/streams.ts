/** The streams of one deployment: which machine is in which of them, and since when for which reason. */
import type { LiveSession } from "./live-session.ts";
import { StreamRule, type StreamMove } from "./stream-rule.ts";

export interface StreamPlace {
  stream: number;
  /** Why the machine was moved there; empty: it began there. */
  reason: string;
}

export class Streams {
  readonly #rule: StreamRule;
  readonly #places = new Map<string, StreamPlace>();

  /** `streams`: how many there may be. */
  constructor(streams: number) {
    this.#rule = new StreamRule(streams);
  }

  /** Where a machine joins: what is not known yet begins in the first stream. */
  placeOf(machineId: string): StreamPlace {
    return this.#places.get(machineId) ?? { stream: 0, reason: "" };
  }

  settle(machineId: string, place: StreamPlace): void {
    this.#places.set(machineId, place);
  }

  /** Which machines are to be moved. Call it about once a second with the deployment's open sessions. */
  look(nowMs: number, sessions: readonly LiveSession[]): StreamMove[] {
    return this.#rule.look(
      nowMs,
      sessions.map((session) => ({
        stream: session.stored.stream,
        sentBytes: session.sentBytes,
        clients: session.clients(),
      })),
    );
  }

  /** After a restart: a machine counts in the stream that it was in last. */
  sortOut(sessions: readonly LiveSession[]): void {
    for (const { machines, stored } of sessions) {
      for (const machineId of machines.keys()) {
        if (this.placeOf(machineId).stream !== stored.stream) machines.delete(machineId);
      }
    }
  }
}
