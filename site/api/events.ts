/** GET /events: the room's states as server-sent events. */
import { limits } from "../../contract/limits.ts";
import type { Watcher } from "../room.ts";
import type { ApiContext } from "./context.ts";
import type { Route } from "./routes.ts";

const heartbeatMs = 15_000;
/** The browser's wait before it tries again. */
const retryMs = 1000;

export function eventRoutes({ room }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/events",
      who: "watcher",
      handle: async ({ request, reply }) => {
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
