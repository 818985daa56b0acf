/** GET /events: the room's states as server-sent events. */
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Watcher } from "../room.ts";
import type { Person, Route } from "./route.ts";
import type { ApiContext } from "./context.ts";

const heartbeatMs = 15_000;
/** The browser's wait before it tries again. */
const retryMs = 1000;

export function eventRoutes(context: ApiContext): Route[] {
  const { room } = context;
  return [
    {
      method: "GET",
      path: "/events",
      who: "viewer",
      handle: async ({ person, request, reply }) => {
        const response = reply.raw;
        const watcher: Watcher = {
          show: (state) => response.write(`event: room\ndata: ${state}\n\n`),
          isBehind: () => response.writableLength > limits.roomBacklogBytes,
          end: () => response.end(),
        };
        const first = await room.watch(watcher);
        reply.hijack();
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        response.write(`retry: ${retryMs}\n\n`);
        watcher.show(first);
        const heartbeat = setInterval(() => {
          if (!watcher.isBehind()) response.write(": alive\n\n");
          // Who signed out, lost the account, or whose token ended, sees no more of the room.
          void isStillIn(person, context).then((stays) => stays || watcher.end());
        }, heartbeatMs);
        const leave = (): void => {
          clearInterval(heartbeat);
          room.unwatch(watcher);
        };
        request.raw.on("close", leave);
        if (request.raw.destroyed) leave();
      },
    },
  ];
}

async function isStillIn(person: Person | null, { log, store }: ApiContext): Promise<boolean> {
  if (person === null || person.kind === "local") return true;
  try {
    if (person.kind === "token") return person.id !== null && (await store.tokens.isValid(person.id));
    return person.cookieHash !== null && (await store.accounts.signedIn(person.cookieHash)) !== undefined;
  } catch (error) {
    log.warn(`whether ${person.name} is still signed in: ${toVolleyError(error).detail}`);
    return true;
  }
}
