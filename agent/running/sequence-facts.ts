/** The facts of this machine and run, as a sequence's built-in variables have them. */
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Hardware } from "../platform/platform.ts";
import type { SequenceMachine, StartPlace } from "../platform/sequence-machine.ts";
import type { SequenceFacts } from "../sequence/facts.ts";
import type { Sequence } from "../sequence/tree.ts";
import { describeTimeZone } from "./time-zone.ts";

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
  const inPe = hardware.operatingSystem === "linux-pe" || hardware.operatingSystem === "winpe";
  // From a medium in a PE, by a person in a full system.
  const launchMode = inPe ? ((await peLaunchMode(machine)) ?? "UFD") : "SMS";
  return {
    inPe,
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
    launchMode,
    mediaType: mediaTypeOf(launchMode, "FullMedia"),
    logPath: options.logPath,
    dataPath: options.dataPath,
    clientCache: "",
    userStatePath: "",
    clientGuid: "",
    packageId: "",
    packageName: sequence.name,
    bootImageId: sequence.bootImageId,
    deploymentId: "",
    managementPoint: "",
    managementPointPort: null,
    userStarted: true,
    deploysSystem: writesSystem(sequence),
    timeZone: describeTimeZone(
      Intl.DateTimeFormat().resolvedOptions().timeZone,
      new Date().getFullYear(),
      (await machine.timeZoneName?.()) ?? null,
    ),
    detectedWindows: hardware.operatingSystem === "winpe" ? installedWindows(machine) : null,
  };
}

type LaunchMode = SequenceFacts["launchMode"];

/** A DVD is a disc as a CD is; "HD": prestaged media on a hard disk. */
const launchModes: Readonly<Record<StartPlace, LaunchMode>> = {
  network: "PXE",
  stick: "UFD",
  disc: "CD",
  disk: "HD",
};

/** Null where nothing says how the PE came here. */
export async function peLaunchMode(machine: SequenceMachine): Promise<LaunchMode | null> {
  const from = await machine.startedFrom();
  return from === null ? null : launchModes[from];
}

/** "_SMSTSMediaType": `medium` is what a stick or a disc of this run is. */
export function mediaTypeOf(
  launchMode: LaunchMode,
  medium: "BootMedia" | "FullMedia",
): SequenceFacts["mediaType"] {
  if (launchMode === "SMS") return "";
  if (launchMode === "PXE") return "PXE";
  return launchMode === "HD" ? "OEMMedia" : medium;
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
