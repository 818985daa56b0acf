/** What steps need of this machine, from the platform. What belongs to a site is not here. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { safetyRefusals } from "../imaging/choose-disk.ts";
import type { Asker } from "../imaging/plan.ts";
import type { WmiFact } from "../platform/sequence-machine.ts";
import type { Platform } from "../platform/platform.ts";
import { runTool } from "../platform/run-tool.ts";
import { linuxDevices } from "../steps/linux/devices.ts";
import { linuxNetwork } from "../steps/linux/network.ts";
import type { ReadinessFacts, StepServices } from "../steps/services.ts";
import type { ToolResult, ToolRun } from "../steps/step.ts";
import { agentVersion } from "../version.ts";

export interface StepServicesOptions {
  platform: Platform;
  /** Where steps keep their own files and mount volumes. */
  work: string;
  /** Disks are written without asking. */
  yes: boolean;
  asker: Asker;
  write(text: string): void;
}

export function machineServices(options: StepServicesOptions): StepServices {
  const { platform, work } = options;
  return {
    disks: { list: () => platform.listDisks() },
    diskFitting: platform.fitting,
    devices: platform.sequenceMachine.devices ?? linuxDevices(),
    readiness: { facts: () => readinessFacts(platform) },
    plans: { show: (lines) => confirm(lines, options) },
    network: platform.sequenceMachine.networkState ?? linuxNetwork({ run: runForFacts }),
    folders: { work },
  };
}

/** For looking alone: what fails has nothing to say. */
async function runForFacts({ command }: ToolRun): Promise<ToolResult> {
  const output = await runTool(command, limits.toolTimeMs);
  return { exitCode: output === null ? 1 : 0, output: output ?? "", timedOut: false };
}

/** Rejects with E_PLAN_DECLINED when a person says no, or nobody is there to say yes. */
async function confirm(lines: readonly string[], { asker, write, yes }: StepServicesOptions): Promise<void> {
  for (const line of lines) write(`${line}\n`);
  if (yes) return;
  if (!asker.interactive) {
    throw new VolleyError("E_PLAN_DECLINED", "Nobody is there to confirm it; --yes says so beforehand");
  }
  const answer = await asker.ask('Type "yes" to go on: ');
  if (answer.trim().toLowerCase() !== "yes") throw new VolleyError("E_PLAN_DECLINED", "It was not confirmed");
}

async function readinessFacts(platform: Platform): Promise<ReadinessFacts> {
  const first = async (className: string): Promise<Record<string, WmiFact>> =>
    (await platform.sequenceMachine.wmiRows(className))?.[0] ?? {};
  const classes = ["ComputerSystem", "Processor", "OperatingSystem", "Tpm", "Battery", "SystemEnclosure"];
  const [system, processor, operatingSystem, tpm, battery, enclosure] = await Promise.all(
    classes.map((name) => first(`Win32_${name}`)),
  );
  const adapters = await platform.sequenceMachine.wmiRows("Win32_NetworkAdapter");
  const connected = (adapters ?? []).filter((adapter) => adapter["NetEnabled"] === true);
  const disks = (await platform.listDisks()).filter(
    (disk) => safetyRefusals(disk, { removable: false }, true).length === 0,
  );
  const largest = Math.max(0, ...disks.map((disk) => disk.sizeBytes));
  const { firmware } = await platform.identify();
  const number = (value: WmiFact | undefined): number | null => (typeof value === "number" ? value : null);
  const megabytes = (bytes: number | null): number | null =>
    bytes === null ? null : Math.floor(bytes / 1_048_576);
  const architecture = operatingSystem?.["OSArchitecture"];
  const version = operatingSystem?.["Version"];
  return {
    memoryMegabytes: megabytes(number(system?.["TotalPhysicalMemory"])),
    processorMegahertz: number(processor?.["MaxClockSpeed"]),
    freeDiskMegabytes: disks.length === 0 ? null : megabytes(largest),
    operatingSystem: (number(operatingSystem?.["ProductType"]) ?? 1) === 1 ? "client" : "server",
    architecture: architecture === "64-bit" || architecture === "32-bit" ? architecture : null,
    operatingSystemVersion: typeof version === "string" ? version : null,
    clientVersion: agentVersion,
    operatingSystemLanguage: number(operatingSystem?.["OSLanguage"]),
    // A machine without a battery is on mains power.
    onMainsPower: battery?.["BatteryStatus"] === undefined ? true : battery["BatteryStatus"] !== 1,
    networkConnected: connected.length > 0,
    wiredNetworkConnected: connected.some((adapter) => adapter["AdapterTypeID"] === 0),
    uefi: firmware === "unknown" ? null : firmware === "uefi",
    tpm:
      typeof tpm?.["SpecVersion"] === "string"
        ? {
            version: tpm["SpecVersion"].split(",")[0] ?? "",
            enabled: tpm["IsEnabled_InitialValue"] === true,
            activated: tpm["IsActivated_InitialValue"] === true,
          }
        : null,
    chassisType: firstNumber(enclosure?.["ChassisTypes"]),
  };
}

const firstNumber = (value: WmiFact | undefined): number | null => {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "number" ? first : null;
};
