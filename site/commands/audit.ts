/** volley audit */
import type { AuditEntry } from "../../contract/accounts.ts";
import { limits } from "../../contract/limits.ts";
import { csvText } from "../csv.ts";
import { timeText } from "../quantities.ts";
import { text, type SiteCommand } from "./command.ts";
import { number } from "./numbers.ts";
import { printJson, printTable } from "./output.ts";
import { time } from "./times.ts";

const defaultEntries = 50;

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
      entries: { type: "string", value: "N", help: `How many (${defaultEntries}).` },
      csv: { type: "boolean", help: "As comma-separated values." },
    },
    run: async (client, call) => {
      const most = limits.auditAnswerMost;
      const wanted = {
        from: time(call, "from"),
        to: time(call, "to"),
        who: text(call, "who"),
        text: text(call, "text"),
        outcome: call.values["failed"] === true ? "E_SIGN_IN" : undefined,
        limit: String(number(call, "entries", { least: 1, most, whole: true }) ?? defaultEntries),
      };
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
      const entries = await client.get<AuditEntry[]>(`/audit?${query.toString()}`);
      if (call.json) printJson(entries);
      else if (call.values["csv"] === true) process.stdout.write(csvText([head, ...entries.map(cells)]));
      else printTable([head, ...entries.map(cells)]);
    },
  },
];
