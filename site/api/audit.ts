/** GET /audit: who did what. GET /audit/export: the same as a file. */
import { AuditExportQuery, AuditQuery } from "../../contract/accounts.ts";
import type { ApiContext } from "./context.ts";
import { sendExport } from "./export.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

const columns = ["sequence", "time", "who", "kind", "address", "action", "target", "outcome"] as const;

export function auditRoutes({ store: { audit } }: ApiContext): Route[] {
  const who = "administrator";
  return [
    {
      method: "GET",
      path: "/audit",
      who,
      handle: ({ request }) => audit.list(parse(AuditQuery, request.query)),
    },
    {
      method: "GET",
      path: "/audit/export",
      who,
      audited: true,
      handle: (call) =>
        sendExport(call, {
          name: "audit",
          columns,
          query: parse(AuditExportQuery, call.request.query),
          list: (query) => audit.list(query),
        }),
    },
  ];
}
