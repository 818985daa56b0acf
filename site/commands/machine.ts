/** volley machine list | variables */
import type { MachineRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { DeviceVariables } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import type { CommandCall, SiteCommand } from "./command.ts";
import { findMachines } from "./deployment.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { readVariables } from "./variables.ts";

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
      const rows = machines.map((machine) => [
        machine.facts.name,
        machine.state,
        doing(machine),
        machine.lastSeen.slice(0, 19).replace("T", " "),
        machine.id,
      ]);
      printTable([["NAME", "STATE", "", "LAST SEEN (UTC)", "ID"], ...rows]);
    },
  },
  {
    words: "machine variables",
    operands: "MACHINE",
    operandCount: 1,
    summary: "Show a machine's own variables, or give it others: they count over those of a deployment.",
    options: {
      variables: {
        type: "string",
        value: "FILE",
        help: "A line NAME=VALUE each, in the place of all it had.",
      },
      secrets: {
        type: "string",
        value: "FILE",
        help: "As --variables, but hidden: passwords and keys. Remove the file afterwards.",
      },
      clear: { type: "boolean", help: "Take away all that it had." },
    },
    run: async (client, call) => {
      const path = `/machines/${await oneMachine(client, call)}/variables`;
      const given = [...readVariables(call, "variables", false), ...readVariables(call, "secrets", true)];
      const changes = ["variables", "secrets", "clear"].some((name) => call.values[name] !== undefined);
      const { variables } = changes
        ? await client.post<DeviceVariables>(path, { variables: given })
        : await client.get<DeviceVariables>(path);
      if (call.json) return printJson(variables);
      for (const { hidden, name, value } of variables) printLine(`${name}=${hidden ? "(hidden)" : value}`);
    },
  },
];

async function oneMachine(client: SiteClient, call: CommandCall): Promise<string> {
  const found = await findMachines(client, call.positionals[0] ?? "");
  const [id, more] = found;
  if (found !== "all" && id !== undefined && more === undefined) return id;
  throw new VolleyError("E_USAGE", "One machine is to be named.");
}
