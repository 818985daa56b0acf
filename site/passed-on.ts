/** Requests that another process of the site took and passed on to the one that serves: for whom each of them is. */
import type { IncomingMessage } from "node:http";

/** The address of who asked, which only another process of the site may say. */
export const clientHeader = "x-volley-client";

const clients = new WeakMap<IncomingMessage, string>();

export function markPassedOn(request: IncomingMessage, client: string): void {
  clients.set(request, client);
}

/** The address of who asked the other process; undefined for who asked this one. */
export function passedOnFor(request: IncomingMessage): string | undefined {
  return clients.get(request);
}
