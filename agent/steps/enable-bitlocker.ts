/** Enable BitLocker: protectors, where the recovery password is kept, and encryption. */
import { setTimeout as delay } from "node:timers/promises";
import { codes } from "./codes.ts";
import { keepRecoveryPassword, readRecoveryPlace } from "./bitlocker/recovery-password.ts";
import { notWanted, wantsBitLocker } from "./bitlocker/toolkit.ts";
import { addOwnKey, openByItself } from "./bitlocker/data-drive.ts";
import { addStartupKey, startupKeyDrive } from "./bitlocker/startup-key.ts";
import {
  chooseMethod,
  manageBde,
  systemDrive,
  targetDrive,
  windowsOnly,
  withoutTpm,
} from "./bitlocker/volume.ts";
import { flag, real, setting, StepFailure, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { runPowerShell } from "./windows/powershell.ts";

const pollMs = 5000;
const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const enableBitLocker = stepKind({
  type: "EnableBitLocker",
  title: "Enable BitLocker",
  support: { winpe: fullSystemOnly, linuxpe: fullSystemOnly, windows: real, linux: unsupported(windowsOnly) },
  async perform(context) {
    if (isToolkits(context) && !wantsBitLocker(context)) return succeeded(notWanted);
    const drive = targetDrive(context, "OSDBitLockerTargetDrive");
    const mode = readMode(context, drive);
    const keep = readRecoveryPlace(context);
    const method = await chooseMethod(
      context,
      setting(context, "EncryptMethod", "OSDBitLockerEncryptMethod"),
    );
    const full = flag(setting(context, "EncryptFullDisk", "OSDBitLockerEncryptFullDisk"), false);
    const wait = flag(
      setting(context, "WaitForEncryption", "OSDBitLockerWaitForEncryption") ||
        context.variables.get("BDEWaitForEncryption"),
      false,
    );
    const skip = setting(context, "SkipWhenNoValidTPM", "OSDBitLockerSkipWhenNoValidTPM");
    const needsTpm = mode !== "Key" && mode !== "data";
    const skipped = needsTpm ? await withoutTpm(context, flag(skip, false)) : null;
    if (skipped !== null) return skipped;
    const isEncrypted = (await encryptedPercent(context, drive)) > 0;
    const ownKey = mode === "data" ? await addOwnKey(context, drive) : "";
    if (mode !== "data") await addProtector(context, drive, mode);
    if (keep !== "none") await keepRecoveryPassword(context, drive, keep);
    const usedSpace = full ? [] : ["-usedspaceonly"];
    const on = ["-on", drive, ...method.words, "-skiphardwaretest", ...usedSpace];
    // What Pre-provision BitLocker has encrypted lies under a clear key, which goes with this.
    if (isEncrypted) await manageBde(context, `protect ${drive}`, ["-protectors", "-enable", drive]);
    else await manageBde(context, `encrypt ${drive}`, on);
    if (ownKey !== "") await openByItself(context, drive, ownKey);
    if (wait) await waitForEncryption(context, drive);
    const outcome = succeeded(`${drive} ${wait ? "is" : "is being"} encrypted`);
    return isEncrypted ? outcome : { ...outcome, ...method.told };
  },
});

type Mode = "TPM" | "Key" | "TPMKey" | "TPMPin";

/** As the class, its export and MDT write them. */
const modes: ReadonlyMap<string, Mode> = new Map([
  ["tpm", "TPM"],
  ["key", "Key"],
  ["tpmkey", "TPMKey"],
  ["tpmandkey", "TPMKey"],
  ["tpmpin", "TPMPin"],
  ["tpmandpin", "TPMPin"],
]);

const isToolkits = ({ step }: StepContext): boolean => /\bztibde\.wsf\b/i.test(step.action);
const toolkitMode = ({ property, variables }: StepContext): string =>
  variables.get("BDEInstall") || property("BdeInstall");

/**
 * "TPM", "Key" (a USB drive) and both, of MDT's words its wizard's first. "Required if TargetDrive is set to null": a drive that
 * is named without one is a data drive, unless it is the system's.
 */
function readMode(context: StepContext, drive: string): Mode | "data" {
  const written = isToolkits(context) ? toolkitMode(context) : "";
  const chosen = written || setting(context, "Mode", "OSDBitLockerMode") || toolkitMode(context);
  if (chosen === "") return drive === systemDrive(context) ? "TPM" : "data";
  const mode = modes.get(chosen.toLowerCase());
  if (mode === undefined) {
    throw new StepFailure(codes.invalidSetting, `"${chosen}" is no way to unlock a volume`);
  }
  return mode;
}

async function addProtector(context: StepContext, drive: string, mode: Mode): Promise<void> {
  const doing = `protect ${drive}`;
  if (mode === "Key") return addStartupKey(context, drive);
  try {
    await addTpm(context, doing, { drive, mode });
  } catch (error) {
    if (!(error instanceof StepFailure) || error.exitCode === codes.invalidSetting) throw error;
    // A volume has one of the TPM, and this step may have been here before the power failed.
    context.log.info(`${drive} may be protected by the TPM already; that is replaced`);
    for (const type of ["tpm", "tpmandpin", "tpmandstartupkey"]) {
      await context.tools.run({
        command: ["manage-bde.exe", "-protectors", "-delete", drive, "-type", type],
      });
    }
    await addTpm(context, doing, { drive, mode });
  }
}

async function addTpm(
  context: StepContext,
  doing: string,
  { drive, mode }: { drive: string; mode: Exclude<Mode, "Key"> },
): Promise<void> {
  const add = ["-protectors", "-add", drive];
  if (mode === "TPM") return void (await manageBde(context, doing, [...add, "-tpm"]));
  if (mode === "TPMKey") {
    return void (await manageBde(context, doing, [
      ...add,
      "-tpmandstartupkey",
      await startupKeyDrive(context),
    ]));
  }
  const pin =
    setting(context, "PIN", "OSDBitLockerPIN") ||
    context.property("BdePin") ||
    context.variables.get("BDEPin");
  // "Alphanumeric characters are allowed in the PIN", where the policy for enhanced PINs is set.
  const isEnhanced = /^yes$/i.test(context.variables.get("BDEAllowAlphaNumericPin"));
  if (!(isEnhanced ? /^[\x20-\x7e]{4,20}$/ : /^\d{4,20}$/).test(pin)) {
    const wanted = isEnhanced ? "characters" : "digits";
    throw new StepFailure(codes.invalidSetting, `A PIN has 4 to 20 ${wanted}`);
  }
  const script = [
    "$pin = ConvertTo-SecureString $env:VOLLEY_PIN -AsPlainText -Force",
    "Add-BitLockerKeyProtector -MountPoint $env:VOLLEY_DRIVE -TpmAndPinProtector -Pin $pin | Out-Null",
  ];
  await runPowerShell(context, doing, script, { VOLLEY_PIN: pin, VOLLEY_DRIVE: drive });
}

async function waitForEncryption(context: StepContext, drive: string): Promise<void> {
  for (;;) {
    const percent = await encryptedPercent(context, drive);
    context.progress(percent / 100, `Encrypting ${drive}`);
    if (percent >= 100) return;
    await delay(pollMs, undefined, { signal: context.signal });
  }
}

async function encryptedPercent(context: StepContext, drive: string): Promise<number> {
  const output = await manageBde(context, `look at ${drive}`, ["-status", drive]);
  const percent = Number(/(\d+(?:[.,]\d+)?)\s*%/.exec(output)?.[1]?.replace(",", "."));
  if (!Number.isNaN(percent)) return percent;
  throw new StepFailure(codes.invalidData, "manage-bde does not say how far it is", output);
}
