/** volley machine wake | device wake | collection wake | deployment unseen */
import type { DeploymentWake, WakeAnswer } from "../../contract/wake.ts";
import type { SiteClient } from "../client.ts";
import { countIsText, timeText } from "../quantities.ts";
import { findCollection } from "./collection.ts";
import type { CommandCall, SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { findDevice } from "./device-names.ts";
import { printJson, printLine, printTable } from "./output.ts";

function tell(call: CommandCall, answer: WakeAnswer): void {
  if (call.json) return printJson(answer);
  const { interfaces, withoutMac, woken } = answer;
  printLine(`${countIsText(woken, "device")} woken, by ${interfaces.join(", ")}.`);
  if (withoutMac.length === 0) return;
  printLine(`No MAC is known of ${withoutMac.map(({ name }) => name).join(", ")}.`);
}

async function wakeDevices(client: SiteClient, call: CommandCall): Promise<void> {
  const devices: string[] = [];
  for (const name of call.positionals) devices.push((await findDevice(client, name)).id);
  tell(call, await client.post<WakeAnswer>("/devices/wake", { devices }));
}

const wakeNamed = (words: string, operands: string): SiteCommand => ({
  words,
  operands,
  operandCount: "some",
  summary: "Switch computers on by Wake-on-LAN.",
  options: {},
  run: wakeDevices,
});

export const wakeCommands: SiteCommand[] = [
  wakeNamed("machine wake", "MACHINE..."),
  wakeNamed("device wake", "DEVICE..."),
  {
    words: "collection wake",
    operands: "NAME",
    operandCount: 1,
    summary: "Switch the computers of a collection on by Wake-on-LAN.",
    options: {},
    run: async (client, call) => {
      const { id } = await findCollection(client, call.positionals[0] ?? "");
      tell(call, await client.post<WakeAnswer>(`/collections/${id}/wake`, {}));
    },
  },
  {
    words: "deployment unseen",
    operands: "NAME",
    operandCount: 1,
    summary: "Show which machines were not seen since a deployment woke them (--wake).",
    options: {},
    run: async (client, call) => {
      const { id, name, wake } = await findDeployment(client, call.positionals[0] ?? "");
      const answer = await client.get<DeploymentWake>(`/deployments/${id}/wake`);
      if (call.json) return printJson(answer);
      if (answer.woken === null) {
        return printLine(wake ? `${name} has woken nobody yet.` : `${name} wakes nobody.`);
      }
      const since = timeText(answer.woken);
      printLine(`Woken ${since} (UTC). Not seen since: ${answer.unseen.length} of ${answer.devices}.`);
      const rows = answer.unseen.map((one) => [
        one.name,
        one.hasMac ? "" : "no MAC is known",
        timeText(one.lastSeen),
        one.id,
      ]);
      if (rows.length > 0) printTable([["DEVICE", "", "LAST SEEN (UTC)", "ID"], ...rows]);
    },
  },
];
