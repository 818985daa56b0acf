/** volley audit */
import type { AuditEntry } from "../../contract/accounts.ts";
import { timeText } from "../quantities.ts";
import { text, type SiteCommand } from "./command.ts";
import { entriesOptions, printEntries } from "./entries.ts";
import { time } from "./times.ts";

const cells = ({ action, address, outcome, target, time: at, who }: AuditEntry): string[] => [
  timeText(at),
  who,
  address,
  action,
  target,
  outcome,
];
const head = ["TIME (UTC)", "WHO", "FROM", "WHAT", "", "OUTCOME"];

export const auditCommands: SiteCommand[] = [
  {
    words: "audit",
    operands: "",
    operandCount: 0,
    summary: "Show who did what, the newest first.",
    options: {
      from: {
        type: "string",
        value: "TIME",
        help: "Not before that, as 2026-11-22 or 2026-11-22T08:00:00Z.",
      },
      to: { type: "string", value: "TIME", help: "Not after that." },
      who: { type: "string", value: "NAME", help: "Only that user or token; local is this command line." },
      text: { type: "string", value: "TEXT", help: "Only where what was done, or to what, holds that." },
      failed: { type: "boolean", help: "Only wrong passwords." },
      ...entriesOptions,
    },
    run: async (client, call) => {
      const query = {
        from: time(call, "from"),
        to: time(call, "to"),
        who: text(call, "who"),
        text: text(call, "text"),
        outcome: call.values["failed"] === true ? "E_SIGN_IN" : undefined,
      };
      await printEntries<AuditEntry>(client, call, { path: "/audit", query, head, cells });
    },
  },
];
