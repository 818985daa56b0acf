/** volley status */
import { limits } from "../../contract/limits.ts";
import { Severity, type SiteStatusEntry, type StatusEntry } from "../../contract/status-messages.ts";
import { VolleyError } from "../../contract/errors.ts";
import { csvText } from "../csv.ts";
import type { SiteClient } from "../client.ts";
import { timeText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { oneMachine } from "./machine.ts";
import { number } from "./numbers.ts";
import { printJson, printTable } from "./output.ts";
import { time } from "./times.ts";

const defaultEntries = 50;
const shownCharacters = 80;

const head = ["TIME (UTC)", "MACHINE", "DEPLOYMENT", "SEVERITY", "ID", "MESSAGE", "STEP", "CODE", ""];
const cells = (entry: StatusEntry, whole: boolean): string[] => {
  const output = whole ? entry.output : entry.output.slice(0, shownCharacters);
  return [
    timeText(entry.received),
    entry.machine,
    entry.deployment,
    entry.severity,
    String(entry.messageId),
    entry.message,
    entry.action,
    `0x${entry.exitCode.toString(16).toUpperCase()}`,
    output,
  ];
};

async function showSite(client: SiteClient, call: CommandCall, query: URLSearchParams): Promise<void> {
  const entries = await client.get<SiteStatusEntry[]>(`/site-status?${query.toString()}`);
  if (call.json) return printJson(entries);
  const rows = entries.map(({ message, messageId, severity, text: what, time: when }) => [
    timeText(when),
    severity,
    String(messageId),
    message,
    what,
  ]);
  const table = [["TIME (UTC)", "SEVERITY", "ID", "MESSAGE", ""], ...rows];
  if (call.values["csv"] === true) process.stdout.write(csvText(table));
  else printTable(table);
}

export const statusMessageCommands: SiteCommand[] = [
  {
    words: "status",
    operands: "",
    operandCount: 0,
    summary: "Show the status messages of machines, the newest first.",
    options: {
      machine: { type: "string", value: "NAME", help: "Only of that machine." },
      deployment: { type: "string", value: "NAME", help: "Only of that deployment." },
      from: { type: "string", value: "TIME", help: "Not before that, as 2026-11-22T08:00:00Z." },
      to: { type: "string", value: "TIME", help: "Not after that." },
      severity: { type: "string", value: "HOW", help: "Only information, warning or error." },
      id: { type: "string", value: "N", help: "Only that message, 11135 for a step that failed." },
      entries: { type: "string", value: "N", help: `How many (${defaultEntries}).` },
      site: { type: "boolean", help: "What the site tells of itself, in the place of machines." },
      csv: { type: "boolean", help: "As comma-separated values." },
    },
    run: async (client, call) => {
      const severity = text(call, "severity");
      if (severity !== undefined && !Severity.safeParse(severity).success) {
        throw new VolleyError("E_USAGE", `--severity is one of ${Severity.options.join(", ")}.`);
      }
      const [machine, deployment] = [text(call, "machine"), text(call, "deployment")];
      const most = limits.statusAnswerMost;
      const id = number(call, "id", { least: 0, most: 2 ** 31, whole: true });
      const wanted = {
        machineId: machine === undefined ? undefined : await oneMachine(client, machine),
        deploymentId: deployment === undefined ? undefined : (await findDeployment(client, deployment)).id,
        from: time(call, "from"),
        to: time(call, "to"),
        severity,
        messageId: id === undefined ? undefined : String(id),
        limit: String(number(call, "entries", { least: 1, most, whole: true }) ?? defaultEntries),
      };
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
      if (call.values["site"] === true) return showSite(client, call, query);
      const entries = await client.get<StatusEntry[]>(`/status?${query.toString()}`);
      if (call.json) return printJson(entries);
      if (call.values["csv"] === true) {
        process.stdout.write(csvText([head, ...entries.map((entry) => cells(entry, true))]));
      } else printTable([head, ...entries.map((entry) => cells(entry, false))]);
    },
  },
];
