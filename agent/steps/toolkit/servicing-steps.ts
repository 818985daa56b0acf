/** Steps of the toolkit that service a Windows: updates and language packs into an image, roles and features. */
import { cp, mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { codes } from "../codes.ts";
import {
  adapted,
  flag,
  real,
  runOrFail,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
} from "../step-kind.ts";
import type { StepContext, StepKind } from "../step.ts";
import { changeAnswerFile, targetSystemRoot } from "../unattend/place.ts";
import { addSpecializeCommand } from "../unattend/specialize-command.ts";
import { hostPath, isLinux } from "../volumes.ts";
import { powerShell } from "../windows/powershell.ts";
import { afterInstall } from "./before-install.ts";
import { toolkitValue } from "./delegate.ts";
import { listOf } from "./lists.ts";

const inPeOnly = unsupported("it runs in a PE alone, on a Windows that does not run yet");
const noWindows = unsupported("it services a Windows that runs, and none runs here");

/** Those that every deployment share has; what they stand for is in its files alone. */
const builtInProfiles = /^(everything|nothing|all packages|all drivers and packages|sample)$/i;

/** Packages of a selection profile go into the applied Windows. */
function offlinePackages(type: string, title: string, pattern: RegExp): StepKind {
  const kind = stepKind({
    type,
    title,
    support: {
      winpe: real,
      linuxpe: adapted(
        "the packages are copied into the applied Windows, whose specialize pass adds them by DISM",
      ),
      windows: inPeOnly,
      linux: inPeOnly,
    },
    async perform(context) {
      const profile =
        toolkitValue(context, "PackageSelectionProfile") || toolkitValue(context, "SelectionProfile");
      const isOfShare = builtInProfiles.test(profile.trim());
      const named = isOfShare ? [] : profile.split(/[,; ]+/).filter((id) => id !== "");
      const ids = [...named, ...listOf(context, "LanguagePacks")];
      if (ids.length === 0 && isOfShare) {
        context.log.warning(`"${profile}" is a selection of a deployment share: name packages of the site`);
        return succeeded(`"${profile}" names no package of the site, so that nothing is added`);
      }
      if (ids.length === 0) throw new StepFailure(codes.invalidSetting, "No selection of packages is named");
      const files: string[] = [];
      for (const id of ids) {
        const folder = await context.content.folderOf(id);
        const entries = await readdir(folder, { withFileTypes: true, recursive: true });
        const found = entries.filter((entry) => entry.isFile() && pattern.test(entry.name));
        files.push(...found.map((entry) => join(entry.parentPath, entry.name)).sort());
      }
      if (files.length === 0) throw new StepFailure(codes.notFound, `${profile} holds no package of Windows`);
      await (isLinux(context) ? stagePackages(context, files) : addPackages(context, files));
      return succeeded(`${files.length} packages are added`);
    },
  });
  return afterInstall(kind);
}

/** "DISM Operating System Package Servicing Command-Line Options". */
async function addPackages(context: StepContext, files: readonly string[]): Promise<void> {
  const image = `/Image:${targetSystemRoot(context).slice(0, 2)}\\`;
  for (const [index, file] of files.entries()) {
    context.progress(index / files.length, `Adding ${basename(file)}`);
    await runOrFail(context, `add ${file}`, {
      command: ["dism.exe", image, "/Add-Package", `/PackagePath:${file}`],
    });
  }
}

async function stagePackages(context: StepContext, files: readonly string[]): Promise<void> {
  const drive = targetSystemRoot(context).slice(0, 2);
  const folder = `${drive}\\_SMSTaskSequence\\Packages`;
  const target = await hostPath(context, folder);
  await mkdir(target, { recursive: true });
  for (const file of files) await cp(file, join(target, basename(file)));
  await changeAnswerFile(context, (root, architecture) => {
    for (const file of files) {
      // The volume may have another letter in the Windows on it than it has here.
      const path = `"%SystemDrive%\\_SMSTaskSequence\\Packages\\${basename(file)}"`;
      const line = `cmd.exe /c dism.exe /Online /Add-Package /Quiet /NoRestart /PackagePath:${path}`;
      // From 100 on: drivers come before.
      addSpecializeCommand(root, architecture, { order: 100, description: "Add a package", line });
    }
  });
}

export const installUpdatesOffline = offlinePackages(
  "BDD_InstallUpdatesOffline",
  "Install Updates Offline",
  /\.(msu|cab)$/i,
);
export const installLanguagePacksOffline = offlinePackages(
  "BDD_InstallLanguagePacksOffline",
  "Install Language Packs Offline",
  /^(lp|.*language.*)\.cab$/i,
);

/** Roles, role services and features by name: Install-WindowsFeature on servers, DISM on clients and in images. */
function roles(type: string, title: string, prefix: string, verb: "enable" | "disable"): StepKind {
  return stepKind({
    type,
    title,
    support: {
      winpe: verb === "enable" ? real : inPeOnly,
      linuxpe: noWindows,
      windows: real,
      linux: noWindows,
    },
    async perform(context) {
      const names = [`${prefix}Roles`, `${prefix}RoleServices`, `${prefix}Features`]
        .flatMap((name) => toolkitValue(context, name).split(/[,; ]+/))
        .filter((name) => name !== "");
      if (names.length === 0) return succeeded("No role and no feature is named");
      if (names.some((name) => !/^[A-Za-z0-9._-]+$/.test(name))) {
        throw new StepFailure(
          codes.invalidSetting,
          "A role's or feature's name holds a character that none has",
        );
      }
      const change = {
        names,
        verb,
        // "Completely remove": their files go, too.
        isWhole: verb === "disable" && flag(toolkitValue(context, "CompletelyRemove"), false),
        source: verb === "enable" ? context.variables.get("WindowsSource") : "",
      };
      if (context.system === "windows" && (await isServer(context))) await serverFeatures(context, change);
      else await imageFeatures(context, change);
      return succeeded(`${names.join(", ")}: done`);
    },
  });
}

async function isServer(context: StepContext): Promise<boolean> {
  const script = [
    "if ((Get-CimInstance Win32_OperatingSystem).ProductType -ne 1) { exit 0 } else { exit 1 }",
  ];
  return (await context.tools.run(powerShell(script))).exitCode === 0;
}

interface FeatureChange {
  names: readonly string[];
  verb: "enable" | "disable";
  isWhole: boolean;
  /** "A UNC path to the Sources\\sxs folder for the operating system being deployed"; empty for Windows' own places. */
  source: string;
}

async function serverFeatures(
  context: StepContext,
  { isWhole, names, source, verb }: FeatureChange,
): Promise<void> {
  const command = verb === "enable" ? "Install-WindowsFeature" : "Uninstall-WindowsFeature";
  const options = `${isWhole ? " -Remove" : ""}${source === "" ? "" : " -Source $env:VOLLEY_SOURCE"}`;
  const script = [
    `$result = ${command} -Name ($env:VOLLEY_NAMES -split ',')${options}`,
    "if (-not $result.Success) { exit 1 }",
  ];
  const environment = { VOLLEY_NAMES: names.join(","), VOLLEY_SOURCE: source };
  await runOrFail(context, `${verb} roles and features`, powerShell(script, environment));
}

async function imageFeatures(
  context: StepContext,
  { isWhole, names, source, verb }: FeatureChange,
): Promise<void> {
  const image =
    context.system === "windows" ? "/Online" : `/Image:${targetSystemRoot(context).slice(0, 2)}\\`;
  const command = [
    "dism.exe",
    image,
    verb === "enable" ? "/Enable-Feature" : "/Disable-Feature",
    ...names.map((name) => `/FeatureName:${name}`),
    ...(verb === "enable" ? ["/All"] : []),
    ...(source === "" ? [] : [`/Source:${source}`, "/LimitAccess"]),
    ...(isWhole ? ["/Remove"] : []),
    "/NoRestart",
  ];
  await runOrFail(context, `${verb} features`, { command }, [0, 3010]);
}

export const installRoles = roles("BDD_InstallRoles", "Install Roles and Features", "OS", "enable");
export const uninstallRoles = roles(
  "BDD_UninstallRoles",
  "Uninstall Roles and Features",
  "UninstallOS",
  "disable",
);
