/** Whether the site can do its work: for the page's banner, monitoring and load balancers. */
import type { Health } from "../../contract/administration.ts";
import { errors } from "../../contract/errors.ts";
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";

export function healthRoutes({ disk }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/health",
      who: "anyone",
      handle: (): Health => {
        if (!disk.isFull) return { state: "ok", trouble: null };
        const { meaning, remedy } = errors.E_DISK_FULL;
        return { state: "impaired", trouble: { code: "E_DISK_FULL", detail: meaning, remedy } };
      },
    },
  ];
}
