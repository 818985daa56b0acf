/** A backup of the whole site, keys and secrets among it: sealed before it leaves. */
import { BackupRequest } from "../../contract/administration.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function backupRoutes({ backups }: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/backup",
      who: "administrator",
      handle: async ({ reply, request }) => {
        const { passphrase } = parse(BackupRequest, request.body);
        const { bytes, content } = await backups.make(passphrase);
        reply.type("application/octet-stream").header("content-length", bytes);
        return content;
      },
    },
  ];
}
