/** GET /status: what machines told; GET /site-status: what the site tells of itself. Below each, export: the same as a file. */
import {
  StatusExportQuery,
  StatusQuery,
  type SiteStatusEntry,
  type StatusEntry,
} from "../../contract/status-messages.ts";
import type { ApiContext } from "./context.ts";
import { sendExport } from "./export.ts";
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

const siteColumns = [
  "sequence",
  "time",
  "severity",
  "messageId",
  "message",
  "text",
] as const satisfies (keyof SiteStatusEntry)[];

export function statusMessageRoutes({ store }: ApiContext): Route[] {
  const who = "viewer";
  const { siteMessages, statusMessages } = store;
  const queryOf = ({ request }: Call): StatusQuery => parse(StatusQuery, request.query);
  const exportOf = ({ request }: Call): StatusExportQuery => parse(StatusExportQuery, request.query);
  return [
    { method: "GET", path: "/status", who, handle: (call) => statusMessages.list(queryOf(call)) },
    {
      method: "GET",
      path: "/status/export",
      who,
      handle: (call) =>
        sendExport(call, {
          name: "status",
          columns,
          query: exportOf(call),
          list: (query) => statusMessages.list(query),
        }),
    },
    { method: "GET", path: "/site-status", who, handle: (call) => siteMessages.list(queryOf(call)) },
    {
      method: "GET",
      path: "/site-status/export",
      who,
      handle: (call) =>
        sendExport(call, {
          name: "site-status",
          columns: siteColumns,
          query: exportOf(call),
          list: (query) => siteMessages.list(query),
        }),
    },
  ];
}
