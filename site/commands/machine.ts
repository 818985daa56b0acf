/** volley machine list | variables | state | drop-state */
import type { MachineRecord, SessionRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";
import type { KeptState } from "../../contract/sequence.ts";
import { movedTexts, ownLimit, paceText } from "../held-back.ts";
import { keptStateText, timeText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { findMachines } from "./deployment.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { changeVariables, variableOptions } from "./variables.ts";

function doing(machine: MachineRecord): string {
  if (machine.error) return machine.error.code;
  if (machine.state !== "working" || !machine.progress) return machine.notice;
  const { bytesVerified, bytesTotal, waitingFor } = machine.progress;
  return waitingFor || `${((bytesVerified / Math.max(bytesTotal, 1)) * 100).toFixed(0)} %`;
}

export const machineCommands: SiteCommand[] = [
  {
    words: "machine list",
    operands: "",
    operandCount: 0,
    summary: "List the enrolled machines and what each does.",
    options: {},
    run: async (client, call) => {
      const machines = await client.get<MachineRecord[]>("/machines");
      if (call.json) return printJson(machines);
      const sessions = await client.get<SessionRecord[]>("/sessions");
      const moved = movedTexts(sessions);
      const byId = new Map(sessions.map((session) => [session.id, session]));
      const limitOf = (machine: MachineRecord): string =>
        machine.state === "working" ? ownLimit(machine) || paceText(machine, byId) : "";
      const rows = machines.map((machine) => [
        machine.facts.name,
        machine.state,
        doing(machine),
        timeText(machine.lastSeen),
        machine.id,
        limitOf(machine),
        moved.get(machine.id) ?? "",
      ]);
      printTable([["NAME", "STATE", "", "LAST SEEN (UTC)", "ID", "HELD BACK BY", "MOVED"], ...rows]);
    },
  },
  {
    words: "machine variables",
    operands: "MACHINE",
    operandCount: 1,
    summary: "Show a machine's own variables, or give it others: they count over those of a deployment.",
    options: variableOptions,
    run: async (client, call) =>
      changeVariables(
        client,
        call,
        `/machines/${await oneMachine(client, call.positionals[0] ?? "")}/variables`,
      ),
  },
  {
    words: "machine state",
    operands: "MACHINE",
    operandCount: 1,
    summary: "Show what the site keeps of the users' files that a migration of the machine captured.",
    options: {},
    run: async (client, call) => {
      const name = call.positionals[0] ?? "";
      const answer = await client.get<KeptState>(`/machines/${await oneMachine(client, name)}/state`);
      if (call.json) return printJson(answer);
      printLine(keptStateText(answer));
    },
  },
  {
    words: "machine drop-state",
    operands: "MACHINE",
    operandCount: 1,
    summary: "Forget the users' files that a refresh of the machine kept and that were not brought back.",
    options: {},
    run: async (client, call) => {
      const name = call.positionals[0] ?? "";
      await client.remove(`/machines/${await oneMachine(client, name)}/state`);
      if (call.json) printJson({ dropped: name });
      else printLine(`The users' files of ${name} are forgotten.`);
    },
  },
];

/** By name or identifier. Throws E_USAGE for several, E_NOT_FOUND. */
export async function oneMachine(client: SiteClient, name: string): Promise<string> {
  const found = await findMachines(client, name);
  const [id, more] = found;
  if (found !== "all" && id !== undefined && more === undefined) return id;
  throw new VolleyError("E_USAGE", "One machine is to be named.");
}
