/** volley machine list */
import type { MachineRecord } from "../../contract/administration.ts";
import type { SiteCommand } from "./command.ts";
import { printJson, printTable } from "./output.ts";

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
];
