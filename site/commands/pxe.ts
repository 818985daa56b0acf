/** volley pxe status | set | clear */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import type { PxeClearAnswer, PxeProperties, PxeStatus } from "../../contract/pxe.ts";
import { timeText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findMachines } from "./deployment.ts";
import { deviceRows } from "./device.ts";
import { number } from "./numbers.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { passwordIn } from "./passwords.ts";

function oneOf(call: CommandCall, name: string, values: readonly string[]): string | undefined {
  const given = text(call, name);
  if (given === undefined || values.includes(given)) return given;
  throw new VolleyError("E_USAGE", `--${name} is one of ${values.join(", ")}, not "${given}".`);
}

/** With commas between; "none" for an empty list. */
function list(call: CommandCall, name: string): string[] | undefined {
  const given = text(call, name);
  if (given === undefined) return undefined;
  return given === "none" ? [] : given.split(",").map((item) => item.trim());
}

/** "none", or a password. */
function password(call: CommandCall): string | null | undefined {
  return text(call, "password-file") === "none" ? null : passwordIn(call, "password-file");
}

function changeOf(call: CommandCall): Record<string, unknown> {
  const respond = oneOf(call, "respond", ["on", "off"]);
  const change = {
    respond: respond === undefined ? undefined : respond === "on",
    unknown: oneOf(call, "unknown", ["ignore", "hold", "answer"]),
    delaySeconds: number(call, "delay", { least: 0, most: limits.pxeDelaySecondsMost, whole: true }),
    promptSeconds: number(call, "prompt", { least: 1, most: limits.pxePromptSecondsMost, whole: true }),
    uefiLoader: oneOf(call, "uefi", ["signed", "ipxe"]),
    bootImage: oneOf(call, "boot-image", ["linux", "winpe"]),
    interfaces: list(call, "interfaces"),
    excludedMacs: list(call, "exclude"),
    ignoredMacs: list(call, "ignore-macs"),
    ignoredUuids: list(call, "ignore-uuids"),
    password: password(call),
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function showProperties(properties: PxeProperties): void {
  const listed = (items: string[]): string => (items.length === 0 ? "none" : items.join(", "));
  printTable([
    ["Responds", properties.respond ? "yes" : "no"],
    ["Unknown computers", properties.unknown],
    ["Password", properties.password ? "is asked for" : "none"],
    ["Delay", `${properties.delaySeconds} s`],
    ["UEFI machines load", properties.uefiLoader === "signed" ? "the signed chain" : "iPXE"],
    ["Boot image", properties.bootImage === "linux" ? "Linux PE" : "Windows PE"],
    ["Prompt of available deployments", `${properties.promptSeconds} s`],
    [
      "Interfaces",
      properties.interfaces.length === 0 ? "all that were given" : properties.interfaces.join(", "),
    ],
    ["Excluded MACs", listed(properties.excludedMacs)],
    ["Ignored MACs", listed(properties.ignoredMacs)],
    ["Ignored UUIDs", listed(properties.ignoredUuids)],
  ]);
}

function showStatus(status: PxeStatus, computers: DeviceRecord[]): void {
  const { asked, properties, serving } = status;
  if (serving === null) printLine("PXE is not served: the site runs without --pxe.");
  for (const { address, mode, name } of serving?.interfaces ?? []) {
    const as = mode === "server" ? "DHCP server" : "proxyDHCP beside another server";
    printLine(`PXE is served on ${name} (${address}) as ${as}; boot files at port ${serving?.port}.`);
  }
  if (serving?.failure) printLine(serving.failure);
  showProperties(properties);
  if (computers.length > 0) {
    printLine("");
    printTable(deviceRows(computers));
  }
  if (asked.length > 0) {
    const rows = asked.map(({ answer, mac, name, reason, time, uuid }) => [
      timeText(time),
      name ?? uuid ?? mac ?? "",
      mac ?? "",
      answer,
      reason,
    ]);
    printLine("");
    printTable([["ASKED (UTC)", "COMPUTER", "MAC", "ANSWER", ""], ...rows]);
  }
}

export const pxeCommands: SiteCommand[] = [
  {
    words: "pxe status",
    operands: "",
    operandCount: 0,
    summary: "Show how machines that boot from the network are answered, and which asked.",
    options: {},
    run: async (client, call) => {
      const status = await client.get<PxeStatus>("/pxe");
      const computers = await client.get<DeviceRecord[]>("/devices");
      if (call.json) printJson({ ...status, computers });
      else showStatus(status, computers);
    },
  },
  {
    words: "pxe set",
    operands: "",
    operandCount: 0,
    summary: "Change how they are answered; what is not named stays.",
    options: {
      respond: { type: "string", value: "on|off", help: "Whether they are answered at all (on)." },
      unknown: {
        type: "string",
        value: "HOW",
        help: "Computers without a record: ignore, hold until approved, or answer (hold).",
      },
      delay: { type: "string", value: "S", help: "Seconds before an answer, for another PXE server (0)." },
      prompt: { type: "string", value: "S", help: "Seconds to take an available deployment in (15)." },
      uefi: {
        type: "string",
        value: "LOADER",
        help: "What UEFI machines load: signed, for Secure Boot, or ipxe, which is faster (signed).",
      },
      "boot-image": {
        type: "string",
        value: "PE",
        help: "What machines start: linux, or winpe, made by volley media build --winpe (linux).",
      },
      interfaces: { type: "string", value: "LIST", help: "Only these of --pxe; none: all of them." },
      exclude: { type: "string", value: "MACS", help: "Computers that get no answer, or none." },
      "ignore-macs": {
        type: "string",
        value: "MACS",
        help: "MACs that say nothing, of docks for example, or none.",
      },
      "ignore-uuids": { type: "string", value: "UUIDS", help: "UUIDs that many boards have, or none." },
      "password-file": {
        type: "string",
        value: "FILE",
        help: "The password is its first line; none: no password.",
      },
    },
    run: async (client, call) => {
      const properties = await client.post<PxeProperties>("/pxe/properties", changeOf(call));
      if (call.json) printJson(properties);
      else showProperties(properties);
    },
  },
  {
    words: "pxe clear",
    operands: "MACHINES",
    operandCount: 1,
    summary: "Answer required deployments once more: to machines, with commas between, or all.",
    options: {},
    run: async (client, call) => {
      const machines = await findMachines(client, call.positionals[0] ?? "");
      const answer = await client.post<PxeClearAnswer>("/pxe/clear", { machines });
      if (call.json) printJson(answer);
      else printLine(`${answer.cleared} answers are cleared.`);
    },
  },
];
