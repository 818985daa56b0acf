/** volley status */
import { Severity, type SiteStatusEntry, type StatusEntry } from "../../contract/status-messages.ts";
import { VolleyError } from "../../contract/errors.ts";
import { timeText } from "../quantities.ts";
import { text, type SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { entriesOptions, printEntries } from "./entries.ts";
import { oneMachine } from "./machine.ts";
import { number } from "./numbers.ts";
import { time } from "./times.ts";

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

const siteHead = ["TIME (UTC)", "SEVERITY", "ID", "MESSAGE", ""];
const siteCells = ({ message, messageId, severity, text: what, time: when }: SiteStatusEntry): string[] => [
  timeText(when),
  severity,
  String(messageId),
  message,
  what,
];

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
      site: { type: "boolean", help: "What the site tells of itself, in the place of machines." },
      ...entriesOptions,
    },
    run: async (client, call) => {
      const severity = text(call, "severity");
      if (severity !== undefined && !Severity.safeParse(severity).success) {
        throw new VolleyError("E_USAGE", `--severity is one of ${Severity.options.join(", ")}.`);
      }
      const [machine, deployment] = [text(call, "machine"), text(call, "deployment")];
      const id = number(call, "id", { least: 0, most: 2 ** 31, whole: true });
      const query = {
        machineId: machine === undefined ? undefined : await oneMachine(client, machine),
        deploymentId: deployment === undefined ? undefined : (await findDeployment(client, deployment)).id,
        from: time(call, "from"),
        to: time(call, "to"),
        severity,
        messageId: id === undefined ? undefined : String(id),
      };
      await (call.values["site"] === true
        ? printEntries<SiteStatusEntry>(client, call, {
            path: "/site-status",
            query,
            head: siteHead,
            cells: siteCells,
          })
        : printEntries<StatusEntry>(client, call, { path: "/status", query, head, cells }));
    },
  },
];
