/** Upgrade Operating System: Windows Setup over the Windows that runs. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codes } from "./codes.ts";
import { splitWords } from "./command-words.ts";
import {
  flag,
  real,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  unsupported,
  wholeNumber,
  workFolder,
} from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { hostPath } from "./volumes.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");
/** MOSETUP_E_COMPAT_SCANONLY: "no compatibility issue was found". */
const scanFoundNothing = 0xc1900210;
const defaultMinutes = 360;

/** There when Setup took its upgrade back; `work` is the run's folder for steps' own files. */
export const rollbackMarker = (work: string): string => join(work, "upgrade", "rolled-back");

export const upgradeOperatingSystem = stepKind({
  type: "UpgradeOperatingSystem",
  title: "Upgrade Operating System",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: unsupported("it upgrades Windows, and none runs here"),
  },
  repeatable: false,
  async perform(context) {
    const scanOnly = flag(setting(context, "ScanOnly", "OSDUpgradeScanOnly"), false);
    const minutes = wholeNumber(
      setting(context, "SetupTimeout", "OSDUpgradeSetupTimeout"),
      "The time for Setup",
      {
        least: 1,
        most: 10_000,
        fallback: defaultMinutes,
      },
    );
    const key = setting(context, "OsProductKey", "OSDUpgradeOsProductKey");
    const file = key === "" ? "" : await writeSetupConfig(context, key);
    const whenRolledBack = scanOnly ? [] : await prepareForRollback(context);
    try {
      const command = [...(await setupCommand(context, scanOnly, file)), ...whenRolledBack];
      const result = await context.tools.run({ command, timeoutMs: minutes * 60_000 });
      return outcome(context, result, scanOnly);
    } finally {
      if (file !== "") await rm(file, { force: true });
    }
  },
});

/** "Windows Setup Automation Overview", /ConfigFile: the product key stands on no command line. */
async function writeSetupConfig(context: StepContext, key: string): Promise<string> {
  const path = join(await workFolder(context), `${randomUUID()}.ini`);
  await writeFile(path, `[SetupConfig]\r\nPKey=${key}\r\n`, { mode: 0o600 });
  return path;
}

/**
 * "Windows Setup Command-Line Options", /PostRollback: a script of that name, which Setup runs in the Windows that is back; by
 * /PostRollbackContext as the system, since it writes where nobody else may.
 */
async function prepareForRollback(context: StepContext): Promise<string[]> {
  const marker = rollbackMarker(await workFolder(context));
  const folder = dirname(marker);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const script = join(folder, "setuprollback.cmd");
  await writeFile(
    script,
    `@echo off\r\n>"${marker.replaceAll("%", "%%")}" echo Setup took the upgrade back\r\n`,
  );
  return ["/postrollback", script, "/postrollbackcontext", "system"];
}

/** "Windows Setup Command-Line Options". */
async function setupCommand(context: StepContext, scanOnly: boolean, configFile: string): Promise<string[]> {
  const packageId = setting(context, "InstallPackageID", "OSDUpgradeInstallPackageID");
  const path = setting(context, "InstallPath", "OSDUpgradeInstallPath");
  const hasPackage = packageId !== "" && packageId !== "00000000";
  if (!hasPackage && path === "") {
    throw new StepFailure(codes.invalidSetting, "Neither an upgrade package nor a path is named");
  }
  const folder = hasPackage ? await context.content.folderOf(packageId) : await hostPath(context, path);
  // "Specifies what data to keep during an upgrade": the words of Setup's /Auto.
  const preserve = setting(context, "PreserveSettings", "OSDUpgradePreserveSettings") || "Upgrade";
  const keep = ["Upgrade", "DataOnly", "Clean"].find((word) => word.toLowerCase() === preserve.toLowerCase());
  if (keep === undefined) throw new StepFailure(codes.invalidSetting, `Setup cannot keep "${preserve}"`);
  const index = setting(context, "InstallEditionIndex", "OSDUpgradeInstallEditionIndex");
  const drivers = setting(context, "DriverPackageID", "OSDUpgradeDriverPackageID");
  const staged = setting(context, "StagedContent", "OSDUpgradeStagedContent");
  const hasDrivers = drivers !== "" && drivers !== "00000000";
  const driverFolder = hasDrivers ? await context.content.folderOf(drivers) : staged;
  const dynamic = setting(context, "DynamicUpdateSettings", "OSDUpgradeDynamicUpdateSettings");
  const ignore = flag(setting(context, "IgnoreMessages", "OSDUpgradeIgnoreMessages"), false);
  const compatibility = [...(ignore ? ["IgnoreWarning"] : []), ...(scanOnly ? ["ScanOnly"] : [])];
  return [
    join(folder, "setup.exe"),
    "/auto",
    keep,
    "/quiet",
    "/noreboot",
    "/dynamicupdate",
    // "OveridePolicy", as its class writes it, is one of the two values that it has.
    /^(enable|overr?ide)/i.test(dynamic) ? "Enable" : "Disable",
    ...compatibility.flatMap((word) => ["/compat", word]),
    ...(index === ""
      ? []
      : [
          "/imageindex",
          String(wholeNumber(index, "The edition's index", { least: 1, most: 1000, fallback: 1 })),
        ]),
    ...(driverFolder === "" ? [] : ["/installdrivers", driverFolder]),
    ...(configFile === "" ? [] : ["/configfile", configFile]),
    ...splitWords(context.variables.get("OSDSetupAdditionalUpgradeOptions")),
  ];
}

function outcome(
  context: StepContext,
  result: { exitCode: number; output: string; timedOut: boolean },
  scanOnly: boolean,
): StepOutcome {
  const exitCode = result.exitCode >>> 0;
  setOutput(context, "_SMSTSOSUpgradeActionReturnCode", String(exitCode));
  if (result.timedOut) {
    return { exitCode: codes.timedOut, text: "Windows Setup took too long", output: result.output };
  }
  if (scanOnly && (exitCode === scanFoundNothing || exitCode === 0)) {
    return {
      exitCode: codes.success,
      text: "Setup finds nothing against the upgrade",
      output: result.output,
    };
  }
  if (exitCode === 0 || exitCode === codes.rebootRequired) {
    context.variables.set("SMSTSRebootRequested", "HD");
    // Until Setup says otherwise, in the Windows that the machine comes back with.
    setOutput(context, "_SMSTSSetupRollback", "false");
    return { exitCode: codes.success, text: "Windows is upgraded at the restart", output: result.output };
  }
  const text = `Windows Setup ended with 0x${exitCode.toString(16).toUpperCase()}`;
  return { exitCode, text, output: result.output };
}
