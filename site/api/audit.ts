/** GET /audit: who did what. GET /audit/export: the same as a file. */
import { AuditQuery, type AuditEntry } from "../../contract/accounts.ts";
import { csvText } from "../csv.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

const columns = ["sequence", "time", "who", "kind", "address", "action", "target", "outcome"] as const;

export function auditRoutes({ store }: ApiContext): Route[] {
  const who = "administrator";
  const list = (call: Call): Promise<AuditEntry[]> => store.audit.list(parse(AuditQuery, call.request.query));
  return [
    { method: "GET", path: "/audit", who, handle: list },
    {
      method: "GET",
      path: "/audit/export",
      who,
      audited: true,
      handle: async (call) => {
        const { format } = parse(AuditQuery, call.request.query);
        const entries = await list(call);
        call.reply.header("content-disposition", `attachment; filename="audit.${format}"`);
        if (format === "json") return entries;
        call.reply.type("text/csv; charset=utf-8");
        return csvText([[...columns], ...entries.map((entry) => columns.map((name) => String(entry[name])))]);
      },
    },
  ];
}
