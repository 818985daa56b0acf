/** Enable BitLocker: protectors, where the recovery password is kept, and encryption. */
import { setTimeout as delay } from "node:timers/promises";
import { codes } from "./codes.ts";
import { keepRecoveryPassword, readRecoveryPlace } from "./bitlocker/recovery-password.ts";
import { notWanted, wantsBitLocker } from "./bitlocker/toolkit.ts";
import { manageBde, methodArguments, targetDrive, windowsOnly, withoutTpm } from "./bitlocker/volume.ts";
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
    const mode = readMode(context);
    const keep = readRecoveryPlace(context);
    const method = methodArguments(setting(context, "EncryptMethod", "OSDBitLockerEncryptMethod"));
    const full = flag(setting(context, "EncryptFullDisk", "OSDBitLockerEncryptFullDisk"), false);
    const wait = flag(
      setting(context, "WaitForEncryption", "OSDBitLockerWaitForEncryption") ||
        context.variables.get("BDEWaitForEncryption"),
      false,
    );
    const skipped = mode === "Key" ? null : await withoutTpm(context, "OSDBitLockerSkipWhenNoValidTPM");
    if (skipped !== null) return skipped;
    const isEncrypted = (await encryptedPercent(context, drive)) > 0;
    await addProtector(context, drive, mode);
    if (keep !== "none") await keepRecoveryPassword(context, drive, keep);
    const on = ["-on", drive, ...method, "-skiphardwaretest", ...(full ? [] : ["-usedspaceonly"])];
    // What Pre-provision BitLocker has encrypted lies under a clear key, which goes with this.
    if (isEncrypted) await manageBde(context, `protect ${drive}`, ["-protectors", "-enable", drive]);
    else await manageBde(context, `encrypt ${drive}`, on);
    if (wait) await waitForEncryption(context, drive);
    return succeeded(`${drive} ${wait ? "is" : "is being"} encrypted`);
  },
});

type Mode = "TPM" | "Key" | "TPMKey" | "TPMPin";

const isToolkits = ({ step }: StepContext): boolean => /\bztibde\.wsf\b/i.test(step.action);
const toolkitMode = ({ property, variables }: StepContext): string =>
  variables.get("BDEInstall") || property("BdeInstall");

/** "TPM", "Key" (a USB drive), "TPMKey", "TPMPin", also as MDT writes them, whose wizard's word counts most. */
function readMode(context: StepContext): Mode {
  const written = isToolkits(context) ? toolkitMode(context) : "";
  const chosen = written || setting(context, "Mode", "OSDBitLockerMode") || toolkitMode(context) || "TPM";
  const modes = ["TPM", "Key", "TPMKey", "TPMPin"] as const;
  const mode = modes.find((known) => known.toLowerCase() === chosen.toLowerCase());
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
    return void (await manageBde(context, doing, [...add, "-tpmandstartupkey", startupKeyDrive(context)]));
  }
  const pin =
    setting(context, "PIN", "OSDBitLockerPIN") ||
    context.property("BdePin") ||
    context.variables.get("BDEPin");
  if (!/^\d{4,20}$/.test(pin)) throw new StepFailure(codes.invalidSetting, "A PIN has 4 to 20 digits");
  const script = [
    "$pin = ConvertTo-SecureString $env:VOLLEY_PIN -AsPlainText -Force",
    "Add-BitLockerKeyProtector -MountPoint $env:VOLLEY_DRIVE -TpmAndPinProtector -Pin $pin | Out-Null",
  ];
  await runPowerShell(context, doing, script, { VOLLEY_PIN: pin, VOLLEY_DRIVE: drive });
}

/** "OSDBitLockerStartupKey": that one instead of a random one, "a valid, 256-bit Base64-encoded BitLocker startup key". */
async function addStartupKey(context: StepContext, drive: string): Promise<void> {
  const place = startupKeyDrive(context);
  const doing = `protect ${drive}`;
  const key = context.variables.get("OSDBitLockerStartupKey");
  if (key === "") {
    await manageBde(context, doing, ["-protectors", "-add", drive, "-startupkey", place]);
    return;
  }
  if (!/^[A-Za-z0-9+/]{43}=$/.test(key)) {
    throw new StepFailure(codes.invalidSetting, "A startup key has 256 bits, in Base64");
  }
  // "ProtectKeyWithExternalKey", "SaveExternalKeyToFile" of Win32_EncryptableVolume.
  const script = [
    "$found = Get-CimInstance -Namespace root/cimv2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume -Filter \"DriveLetter='$env:VOLLEY_DRIVE'\"",
    "$key = [byte[]][Convert]::FromBase64String($env:VOLLEY_KEY)",
    "$added = Invoke-CimMethod -InputObject $found -MethodName ProtectKeyWithExternalKey -Arguments @{ ExternalKey = $key }",
    "if ($added.ReturnValue -ne 0) { exit 1 }",
    "$saved = Invoke-CimMethod -InputObject $found -MethodName SaveExternalKeyToFile -Arguments @{ VolumeKeyProtectorID = $added.VolumeKeyProtectorID; Path = $env:VOLLEY_PLACE }",
    "if ($saved.ReturnValue -ne 0) { exit 1 }",
  ];
  const environment = { VOLLEY_KEY: key, VOLLEY_DRIVE: drive, VOLLEY_PLACE: `${place}\\` };
  await runPowerShell(context, doing, script, environment);
}

function startupKeyDrive(context: StepContext): string {
  const written =
    setting(context, "StartupKeyDrive", "OSDBitLockerStartupKeyDrive") ||
    context.property("BdeKeyLocation") ||
    context.variables.get("BDEKeyLocation");
  const letter = /^([A-Za-z]):?\\?$/.exec(written)?.[1];
  if (letter === undefined) {
    throw new StepFailure(codes.invalidSetting, "The USB drive for the startup key is not named");
  }
  return `${letter.toUpperCase()}:`;
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
