/** The facts of this machine and run, as a sequence's built-in variables have them. */
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Hardware } from "../platform/platform.ts";
import type { SequenceMachine } from "../platform/sequence-machine.ts";
import type { SequenceFacts } from "../sequence/facts.ts";
import type { Sequence } from "../sequence/tree.ts";

export interface FactsOptions {
  machineName: string;
  hardware: Hardware;
  machine: SequenceMachine;
  sequence: Sequence;
  logPath: string;
  dataPath: string;
}

/** For a run without a site: what only a site knows is not set. */
export async function standAloneFacts(options: FactsOptions): Promise<SequenceFacts> {
  const { hardware, machine, sequence } = options;
  const enclosures = await machine.wmiRows("Win32_SystemEnclosure");
  const assetTag = enclosures?.[0]?.["SMBIOSAssetTag"];
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return {
    inPe: hardware.operatingSystem === "linux-pe" || hardware.operatingSystem === "winpe",
    machineName: options.machineName,
    make: hardware.manufacturer ?? "",
    model: hardware.model ?? "",
    serialNumber: hardware.serial ?? "",
    assetTag: typeof assetTag === "string" ? assetTag : "",
    smbiosUuid: hardware.smbiosUuid ?? "",
    macAddresses: hardware.macAddresses,
    ipAddresses: addresses.filter((one) => !one.internal && one.family === "IPv4").map((one) => one.address),
    defaultGateways: machine.gateways(),
    uefi: hardware.firmware === "uefi",
    secureBoot: machine.secureBoot(),
    // Stand-alone: from a medium in a PE, by a person in a full system.
    launchMode: hardware.operatingSystem.endsWith("pe") ? (peLaunchMode(machine) ?? "UFD") : "SMS",
    mediaType: hardware.operatingSystem.endsWith("pe") ? "FullMedia" : "",
    logPath: options.logPath,
    dataPath: options.dataPath,
    clientCache: "",
    userStatePath: "",
    clientGuid: "",
    packageId: "",
    packageName: sequence.name,
    deploymentId: "",
    managementPoint: "",
    managementPointPort: null,
    userStarted: true,
    deploysSystem: writesSystem(sequence),
    timeZone: {
      biasMinutes: new Date().getTimezoneOffset(),
      standardName: Intl.DateTimeFormat().resolvedOptions().timeZone,
      daylightName: "",
    },
    detectedWindows: hardware.operatingSystem === "winpe" ? installedWindows(machine) : null,
  };
}

/** A DVD is a disc as a CD is. Null where nothing says how the PE came here. */
export function peLaunchMode(machine: SequenceMachine): "PXE" | "UFD" | "CD" | null {
  const from = machine.startedFrom();
  if (from === "") return null;
  if (from.startsWith("cd")) return "CD";
  return from.startsWith("hd") ? "UFD" : "PXE";
}

/** "The task sequence scans the computer's hard drives for a previous OS installation when Windows PE starts"; X: is its own. */
function installedWindows({ driveFolder }: SequenceMachine): SequenceFacts["detectedWindows"] {
  for (const letter of "CDEFGHIJKLMNOPQRSTUVWYZ") {
    const root = driveFolder(letter);
    if (root === null || !existsSync(join(root, "Windows", "System32", "config", "SYSTEM"))) continue;
    return { drive: `${letter}:`, folder: `${letter}:\\Windows` };
  }
  return null;
}

/** "An OS deployment task sequence" is one that applies an operating system or upgrades one. */
function writesSystem(sequence: Sequence): boolean {
  const open = [...sequence.nodes];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === "group") for (const inner of node.nodes) open.push(inner);
    else if (
      node.kind === "step" &&
      /^(ApplyOperatingSystem|UpgradeOperatingSystem|BDD_InstallOS)$/i.test(node.type ?? "")
    ) {
      return true;
    }
  }
  return false;
}
