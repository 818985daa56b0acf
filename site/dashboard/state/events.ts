/** The room's states as they come from the site, and that it is away when none can. */
import type { Room } from "../../../contract/room.ts";
import { away, takeRoom } from "./room.ts";
import { whoAmI } from "./site.ts";

const retryMs = 2000;

/** A browser tries again by itself, but not after every kind of refusal, and says nothing of why. */
export function listen(): void {
  const source = new EventSource("/api/v1/events");
  let isFirst = true;
  source.addEventListener("room", (event) => {
    away.value = "";
    takeRoom(JSON.parse(event.data) as Room);
    // Whoever changes something needs the mark that goes with this sign-in, also after the site was started anew.
    if (isFirst) void whoAmI().catch(() => undefined);
    isFirst = false;
  });
  source.addEventListener("error", () => {
    away.value =
      "The site does not answer. What is shown is the last that was heard; the page tries again by itself.";
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    // Refused for want of a sign-in? That leads there; else it is still away.
    void whoAmI().catch(() => undefined);
    setTimeout(listen, retryMs);
  });
}
