/** How fast sessions sent in the last minutes, as far as this page has seen it: for the plots. */
import { signal, type Signal } from "@preact/signals";
import type { SessionRecord } from "../../../contract/administration.ts";

/** A value for each second. */
export const rateSamples = 180;

/** Bytes a second, the latest last. */
const samples = new Map<string, Signal<readonly number[]>>();

export function ratesOf(sessionId: string): Signal<readonly number[]> {
  let found = samples.get(sessionId);
  if (found === undefined) {
    found = signal([]);
    samples.set(sessionId, found);
  }
  return found;
}

/** Called each second; what ended long enough ago to be gone from the list is forgotten. */
export function takeRates(sessions: readonly SessionRecord[]): void {
  const listed = new Set(sessions.map(({ id }) => id));
  for (const id of samples.keys()) if (!listed.has(id)) samples.delete(id);
  for (const { id, rateBytesPerSecond, state } of sessions) {
    if (state === "closed") continue;
    const rates = ratesOf(id);
    rates.value = [...rates.peek().slice(1 - rateSamples), state === "casting" ? rateBytesPerSecond : 0];
  }
}
