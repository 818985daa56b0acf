/** Enable BitLocker: protectors, where the recovery password is kept, and encryption. */
import { setTimeout as delay } from "node:timers/promises";
import { codes } from "./codes.ts";
import { hasTpm, manageBde, methodArguments, targetDrive, windowsOnly } from "./bitlocker/volume.ts";
import { flag, real, service, setting, StepFailure, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { runPowerShell } from "./windows/powershell.ts";

const pollMs = 5000;
const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const enableBitLocker = stepKind({
  type: "EnableBitLocker",
  title: "Enable BitLocker",
  support: { winpe: fullSystemOnly, linuxpe: fullSystemOnly, windows: real, linux: unsupported(windowsOnly) },
  async perform(context) {
    const drive = targetDrive(context, "OSDBitLockerTargetDrive");
    const mode = readMode(context);
    const keep = readRecovery(context);
    const method = methodArguments(setting(context, "EncryptMethod", "OSDBitLockerEncryptMethod"));
    const full = flag(setting(context, "EncryptFullDisk", "OSDBitLockerEncryptFullDisk"), false);
    const wait = flag(setting(context, "WaitForEncryption", "OSDBitLockerWaitForEncryption"), false);
    if (mode !== "Key" && !(await hasTpm(context))) {
      if (flag(setting(context, "SkipWhenNoValidTPM", "OSDBitLockerSkipWhenNoValidTPM"), false)) {
        return succeeded("The computer has no TPM that is ready, and the step is skipped as it asks for");
      }
      throw new StepFailure(codes.notFound, "The computer has no TPM that is ready");
    }
    await addProtector(context, drive, mode);
    if (keep !== "none") await keepRecoveryPassword(context, drive, keep);
    const on = ["-on", drive, ...method, "-skiphardwaretest", ...(full ? [] : ["-usedspaceonly"])];
    await manageBde(context, `encrypt ${drive}`, on);
    if (wait) await waitForEncryption(context, drive);
    return succeeded(`${drive} ${wait ? "is" : "is being"} encrypted`);
  },
});

type Mode = "TPM" | "Key" | "TPMKey" | "TPMPin";

/** "TPM", "Key" (a USB drive), "TPMKey", "TPMPin", also as MDT writes them. */
function readMode(context: StepContext): Mode {
  const written = setting(context, "Mode", "OSDBitLockerMode") || context.property("BdeInstall") || "TPM";
  const modes = ["TPM", "Key", "TPMKey", "TPMPin"] as const;
  const mode = modes.find((known) => known.toLowerCase() === written.toLowerCase());
  if (mode === undefined) {
    throw new StepFailure(codes.invalidSetting, `"${written}" is no way to unlock a volume`);
  }
  return mode;
}

/** Where the recovery password goes: Active Directory, the site's database, or nowhere. */
function readRecovery(context: StepContext): "AD" | "site" | "none" {
  const written =
    setting(context, "CreateRecoveryPassword", "OSDBitLockerCreateRecoveryPassword") ||
    context.property("BdeRecoveryPassword");
  if (/^ad$/i.test(written)) return "AD";
  if (/^(cmdb|db)$/i.test(written)) return "site";
  if (/^(|none|false)$/i.test(written)) return "none";
  throw new StepFailure(codes.invalidSetting, `"${written}" is no place to keep the recovery password`);
}

async function addProtector(context: StepContext, drive: string, mode: Mode): Promise<void> {
  const add = ["-protectors", "-add", drive];
  const doing = `protect ${drive}`;
  if (mode === "TPM") return void (await manageBde(context, doing, [...add, "-tpm"]));
  if (mode === "TPMPin") {
    const pin = setting(context, "PIN", "OSDBitLockerPIN") || context.property("BdePin");
    if (!/^\d{4,20}$/.test(pin)) throw new StepFailure(codes.invalidSetting, "A PIN has 4 to 20 digits");
    const script = [
      "$pin = ConvertTo-SecureString $env:VOLLEY_PIN -AsPlainText -Force",
      "Add-BitLockerKeyProtector -MountPoint $env:VOLLEY_DRIVE -TpmAndPinProtector -Pin $pin | Out-Null",
    ];
    await runPowerShell(context, doing, script, { VOLLEY_PIN: pin, VOLLEY_DRIVE: drive });
    return;
  }
  const written =
    setting(context, "StartupKeyDrive", "OSDBitLockerStartupKeyDrive") || context.property("BdeKeyLocation");
  const letter = /^([A-Za-z]):?\\?$/.exec(written)?.[1];
  if (letter === undefined) {
    throw new StepFailure(codes.invalidSetting, "The USB drive for the startup key is not named");
  }
  const protector = mode === "Key" ? "-startupkey" : "-tpmandstartupkey";
  await manageBde(context, doing, [...add, protector, `${letter.toUpperCase()}:`]);
}

async function keepRecoveryPassword(context: StepContext, drive: string, keep: "AD" | "site"): Promise<void> {
  const output = await manageBde(context, `make a recovery password for ${drive}`, [
    "-protectors",
    "-add",
    drive,
    "-recoverypassword",
  ]);
  const id = /\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}/i.exec(output)?.[0];
  const password = /\b\d{6}(?:-\d{6}){7}\b/.exec(output)?.[0];
  if (id === undefined || password === undefined) {
    throw new StepFailure(codes.invalidData, "manage-bde did not say which recovery password it made");
  }
  if (keep === "AD") {
    await manageBde(context, "keep the recovery password in Active Directory", [
      "-protectors",
      "-adbackup",
      drive,
      "-id",
      id,
    ]);
  } else {
    await service(context, "recoveryKeys", "place at the site for recovery passwords").keep({
      drive,
      id,
      password,
    });
  }
}

async function waitForEncryption(context: StepContext, drive: string): Promise<void> {
  for (;;) {
    const output = await manageBde(context, `look at ${drive}`, ["-status", drive]);
    const percent = Number(/(\d+(?:[.,]\d+)?)\s*%/.exec(output)?.[1]?.replace(",", "."));
    if (Number.isNaN(percent)) {
      throw new StepFailure(codes.invalidData, "manage-bde does not say how far it is", output);
    }
    context.progress(percent / 100, `Encrypting ${drive}`);
    if (percent >= 100) return;
    await delay(pollMs, undefined, { signal: context.signal });
  }
}
