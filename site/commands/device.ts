/** volley device list | add | import | approve | refuse | forget | variables | recovery-keys */
import { readFileSync } from "node:fs";
import type { DeviceRecord, ImportDevicesAnswer } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { RecoveryKey } from "../../contract/recovery-keys.ts";
import type { SiteClient } from "../client.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findDevice } from "./device-names.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { confirmationOf, confirmOption } from "./preview.ts";
import { changeVariables, variableOptions } from "./variables.ts";
import { countIsText } from "../quantities.ts";

export function deviceRows(devices: readonly DeviceRecord[]): string[][] {
  const rows = devices.map((one) => [
    one.facts?.name ?? one.name,
    one.machineId === null ? one.state : one.state === "approved" ? "enrolled" : `enrolled, ${one.state}`,
    one.uuid ?? "",
    one.mac ?? "",
    one.id,
  ]);
  return [["DEVICE", "STATE", "UUID", "MAC", "ID"], ...rows];
}

const settingState = (words: string, state: "approved" | "refused", summary: string): SiteCommand => ({
  words,
  operands: "DEVICE",
  operandCount: 1,
  summary,
  options: state === "approved" ? confirmOption : {},
  run: async (client, call) => {
    const { id } = await findDevice(client, call.positionals[0] ?? "");
    const path = `/devices/${id}/state`;
    const confirm = await confirmationOf(client, call, { path, body: { state } });
    const device = await client.post<DeviceRecord>(path, { state, confirm });
    if (call.json) printJson(device);
    else printLine(`Computer ${device.name} is ${state}.`);
  },
});

async function importFile(client: SiteClient, call: CommandCall): Promise<void> {
  const [path = ""] = call.positionals;
  let csv: string;
  try {
    csv = readFileSync(path, "utf8");
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
  const confirm = await confirmationOf(client, call, { path: "/devices/import", body: { csv } });
  const answer = await client.post<ImportDevicesAnswer>("/devices/import", { csv, confirm });
  if (call.json) return printJson(answer);
  printLine(`${countIsText(answer.added, "device")} added.`);
  for (const { line, reason } of answer.skipped) printLine(`Entry ${line - 1}: ${reason}`);
}

export const deviceCommands: SiteCommand[] = [
  {
    words: "device list",
    operands: "",
    operandCount: 0,
    summary: "List the devices: told of, waiting for approval, enrolled.",
    options: {},
    run: async (client, call) => {
      const devices = await client.get<DeviceRecord[]>("/devices");
      if (call.json) printJson(devices);
      else printTable(deviceRows(devices));
    },
  },
  {
    words: "device import",
    operands: "FILE",
    operandCount: 1,
    summary: "Make computers known from a CSV file with the columns name, uuid, mac and collection.",
    options: confirmOption,
    run: importFile,
  },
  {
    words: "device add",
    operands: "NAME",
    operandCount: 1,
    summary: "Make a computer known before it boots for the first time.",
    options: {
      uuid: { type: "string", value: "UUID", help: "Its SMBIOS UUID." },
      mac: { type: "string", value: "MAC", help: "The MAC of its network card." },
      ...confirmOption,
    },
    run: async (client, call) => {
      const [name = ""] = call.positionals;
      const wanted = { name, uuid: text(call, "uuid") ?? null, mac: text(call, "mac") ?? null };
      const confirm = await confirmationOf(client, call, { path: "/devices", body: wanted });
      const device = await client.post<DeviceRecord>("/devices", { ...wanted, confirm });
      if (call.json) printJson(device);
      else printLine(`Computer ${name} is known.`);
    },
  },
  settingState("device approve", "approved", "Let a computer that waits boot, and take what is deployed."),
  settingState("device refuse", "refused", "Answer a computer no more, and give it nothing."),
  {
    words: "device forget",
    operands: "DEVICE",
    operandCount: 1,
    summary: "Forget what was said of a computer; an enrolled machine stays as it is.",
    options: {},
    run: async (client, call) => {
      const { id, name } = await findDevice(client, call.positionals[0] ?? "");
      await client.remove(`/devices/${id}`);
      if (!call.json) printLine(`Computer ${name} is forgotten.`);
    },
  },
  {
    words: "device variables",
    operands: "DEVICE",
    operandCount: 1,
    summary: "Show or change a device's own variables: they count over a collection's and a deployment's.",
    options: variableOptions,
    run: async (client, call) => {
      const { id } = await findDevice(client, call.positionals[0] ?? "");
      await changeVariables(client, call, `/devices/${id}/variables`);
    },
  },
  {
    words: "device recovery-keys",
    operands: "DEVICE",
    operandCount: 1,
    summary: "Show a device's BitLocker recovery passwords, newest first; an administrator's, and audited.",
    options: {},
    run: async (client, call) => {
      const { id, name } = await findDevice(client, call.positionals[0] ?? "");
      const keys = await client.get<RecoveryKey[]>(`/devices/${id}/recovery-keys`);
      if (call.json) return printJson(keys);
      if (keys.length === 0) return printLine(`The site keeps no recovery password of ${name}.`);
      const rows = keys.map((key) => [key.id, key.drive, key.password, key.deployment, key.kept]);
      printTable([["KEY ID", "DRIVE", "RECOVERY PASSWORD", "DEPLOYMENT", "KEPT"], ...rows]);
    },
  },
];
