/** GET /status: what machines told. GET /status/export: the same as a file. */
import { StatusQuery, type StatusEntry } from "../../contract/status-messages.ts";
import { csvText } from "../csv.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

const columns = [
  "sequence",
  "received",
  "time",
  "machine",
  "machineId",
  "deployment",
  "deploymentId",
  "severity",
  "messageId",
  "message",
  "step",
  "group",
  "action",
  "exitCode",
  "output",
] as const satisfies (keyof StatusEntry)[];

export function statusMessageRoutes({ store }: ApiContext): Route[] {
  const who = "viewer";
  const list = (call: Call): Promise<StatusEntry[]> =>
    store.statusMessages.list(parse(StatusQuery, call.request.query));
  return [
    { method: "GET", path: "/status", who, handle: list },
    {
      method: "GET",
      path: "/status/export",
      who,
      handle: async (call) => {
        const { format } = parse(StatusQuery, call.request.query);
        const entries = await list(call);
        call.reply.header("content-disposition", `attachment; filename="status.${format}"`);
        if (format === "json") return entries;
        call.reply.type("text/csv; charset=utf-8");
        return csvText([[...columns], ...entries.map((entry) => columns.map((name) => String(entry[name])))]);
      },
    },
  ];
}
