/** Capture Windows Settings: name, registration and time zone of a system, for the one that comes after it. */
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "./codes.ts";
import { adapted, flag, real, runOrFail, setting, StepFailure, stepKind, succeeded } from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { systemRoot } from "./user-state/linux-state.ts";
import { findInAnyCase, hostPath, isLinux } from "./volumes.ts";
import { findInstalledWindows } from "./windows/installed-windows.ts";
import { readRegistryValue } from "./windows/offline-registry.ts";

interface Capture {
  property: string;
  option: string;
  variable: string;
  hive: "SYSTEM" | "SOFTWARE";
  /** Below the current control set when it begins with "Control". */
  key: string;
  value: string;
}

const registration = { property: "MigrateRegistrationInfo", option: "OSDMigrateRegistrationInfo" };
const currentVersion = { hive: "SOFTWARE", key: "Microsoft\\Windows NT\\CurrentVersion" } as const;
/** "Each setting is captured" by itself: all default to true. */
const captures: Capture[] = [
  {
    property: "MigrateComputerName",
    option: "OSDMigrateComputerName",
    variable: "OSDComputerName",
    hive: "SYSTEM",
    key: "Control\\ComputerName\\ComputerName",
    value: "ComputerName",
  },
  { ...registration, ...currentVersion, variable: "OSDRegisteredUserName", value: "RegisteredOwner" },
  { ...registration, ...currentVersion, variable: "OSDRegisteredOrgName", value: "RegisteredOrganization" },
  {
    property: "MigrateTimeZone",
    option: "OSDMigrateTimeZone",
    variable: "OSDTimeZone",
    hive: "SYSTEM",
    key: "Control\\TimeZoneInformation",
    value: "TimeZoneKeyName",
  },
];

export const captureWindowsSettings = stepKind({
  type: "CaptureWindowsSettings",
  title: "Capture Windows Settings",
  support: {
    winpe: real,
    linuxpe: real,
    windows: real,
    linux: adapted(
      "the computer's name and the time zone are captured, as Linux names it; a Linux is registered to nobody",
    ),
  },
  async perform(context) {
    if (context.system === "linux") return captureLinux(context);
    const read = context.system === "windows" ? runningReader(context) : await offlineReader(context);
    const captured: string[] = [];
    const wanted = captures.filter((one) => flag(setting(context, one.property, one.option), true));
    for (const capture of wanted) {
      const value = await read(capture);
      if (value === null || value === "") {
        context.log.warning(
          `${capture.value} is not in the registry, and ${capture.variable} is left as it is`,
        );
        continue;
      }
      context.variables.set(capture.variable, value);
      captured.push(`${capture.variable} = ${value}`);
    }
    if (wanted.length > 0 && captured.length === 0) {
      throw new StepFailure(codes.notFound, "The registry of Windows gave none of what is to be captured");
    }
    return succeeded(captured.length === 0 ? "Nothing is to be captured" : captured.join("; "));
  },
});

async function captureLinux(context: StepContext): Promise<StepOutcome> {
  const root = systemRoot(context);
  const wanted = [
    { ...captures[0], value: await hostName(root) },
    { ...captures.at(-1), value: await timeZone(root) },
  ];
  const captured: string[] = [];
  for (const { option = "", property = "", value, variable = "" } of wanted) {
    if (value === "" || !flag(setting(context, property, option), true)) continue;
    context.variables.set(variable, value);
    captured.push(`${variable} = ${value}`);
  }
  return succeeded(captured.length === 0 ? "Nothing is captured" : captured.join("; "));
}

/** hostname(5): one line, comments begin with "#"; the name before its domain. */
async function hostName(root: string): Promise<string> {
  const text = await readFile(join(root, "etc/hostname"), "utf8").catch(() => "");
  const name = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
  return name?.trim().split(".")[0] ?? "";
}

/** localtime(5): a link into the list of zones, of which the rest is the name; Debian also keeps it as text. */
async function timeZone(root: string): Promise<string> {
  const link = await readlink(join(root, "etc/localtime")).catch(() => "");
  const linked = /\/zoneinfo\/(.+)$/.exec(link)?.[1];
  return linked ?? (await readFile(join(root, "etc/timezone"), "utf8").catch(() => "")).trim();
}

type Reader = (capture: Capture) => Promise<string | null>;

const fullKey = ({ hive, key }: Capture, controlSet: string): string =>
  hive === "SYSTEM" ? `${controlSet}\\${key}` : key;

/** "reg query": the value stands behind its type. */
function runningReader(context: StepContext): Reader {
  return (capture) => queryRegistry(context, `HKLM\\${capture.hive}`, capture, "CurrentControlSet");
}

async function queryRegistry(
  context: StepContext,
  root: string,
  capture: Capture,
  controlSet: string,
): Promise<string | null> {
  const key = `${root}\\${fullKey(capture, controlSet)}`;
  const result = await context.tools.run({ command: ["reg.exe", "query", key, "/v", capture.value] });
  if (result.exitCode !== 0) return null;
  return /\bREG_(?:EXPAND_)?SZ\s+(.*?)\s*$/m.exec(result.output)?.[1] ?? null;
}

/** The registry of the Windows on the disk: by hivex on Linux; in Windows PE it is loaded beside the PE's own. */
async function offlineReader(context: StepContext): Promise<Reader> {
  const root = await findInstalledWindows(context);
  if (!isLinux(context)) return loadedReader(context, root);
  const config = await findInAnyCase(await hostPath(context, root), ["System32", "config"]);
  const system = await findInAnyCase(config, ["SYSTEM"]);
  const software = await findInAnyCase(config, ["SOFTWARE"]);
  const current = (await readRegistryValue(context, system, "\\Select", "Current")) ?? "1";
  const controlSet = `ControlSet${current.padStart(3, "0")}`;
  return (capture) =>
    readRegistryValue(
      context,
      capture.hive === "SYSTEM" ? system : software,
      `\\${fullKey(capture, controlSet)}`,
      capture.value,
    );
}

function loadedReader(context: StepContext, root: string): Reader {
  return async (capture) => {
    const name = `HKLM\\Volley${capture.hive}`;
    await runOrFail(context, `load the registry of ${root}`, {
      command: ["reg.exe", "load", name, `${root}\\System32\\config\\${capture.hive}`],
    });
    try {
      const controlSet = capture.hive === "SYSTEM" ? await loadedControlSet(context, name) : "";
      return await queryRegistry(context, name, capture, controlSet);
    } finally {
      await context.tools.run({ command: ["reg.exe", "unload", name] });
    }
  };
}

async function loadedControlSet(context: StepContext, name: string): Promise<string> {
  const result = await runOrFail(context, "find the current control set", {
    command: ["reg.exe", "query", `${name}\\Select`, "/v", "Current"],
  });
  const number = /REG_DWORD\s+0x([0-9a-f]+)/i.exec(result.output)?.[1] ?? "1";
  return `ControlSet${String(Number.parseInt(number, 16)).padStart(3, "0")}`;
}
