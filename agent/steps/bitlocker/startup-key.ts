/** A startup key on a USB drive: made, or the one that the sequence names. */
import { codes } from "../codes.ts";
import { setting, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { driveLetter } from "../volumes.ts";
import { runPowerShell } from "../windows/powershell.ts";
import { encryptableVolume, manageBde } from "./volume.ts";

/** "OSDBitLockerStartupKey": that one instead of a random one, "a valid, 256-bit Base64-encoded BitLocker startup key". */
export async function addStartupKey(context: StepContext, drive: string): Promise<void> {
  const place = await startupKeyDrive(context);
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
    encryptableVolume,
    "$key = [byte[]][Convert]::FromBase64String($env:VOLLEY_KEY)",
    "$added = Invoke-CimMethod -InputObject $found -MethodName ProtectKeyWithExternalKey -Arguments @{ ExternalKey = $key }",
    "if ($added.ReturnValue -ne 0) { exit 1 }",
    "$saved = Invoke-CimMethod -InputObject $found -MethodName SaveExternalKeyToFile -Arguments @{ VolumeKeyProtectorID = $added.VolumeKeyProtectorID; Path = $env:VOLLEY_PLACE }",
    "if ($saved.ReturnValue -ne 0) { exit 1 }",
  ];
  const environment = { VOLLEY_KEY: key, VOLLEY_DRIVE: drive, VOLLEY_PLACE: `${place}\\` };
  await runPowerShell(context, doing, script, environment);
}

/** "Set this property to null (default) to use the first available USB drive." */
export async function startupKeyDrive(context: StepContext): Promise<string> {
  const written =
    setting(context, "StartupKeyDrive", "OSDBitLockerStartupKeyDrive") ||
    context.property("BdeKeyLocation") ||
    context.variables.get("BDEKeyLocation") ||
    (await firstRemovable(context));
  const letter = driveLetter(written);
  if (letter === null) {
    const why = written === "" ? "there is no USB drive" : `"${written}" is no drive`;
    throw new StepFailure(codes.invalidSetting, `The startup key has no place: ${why}`);
  }
  return `${letter}:`;
}

/** "Win32_LogicalDisk", DriveType 2: "Removable Disk". */
async function firstRemovable(context: StepContext): Promise<string> {
  const { output } = await runPowerShell(context, "look for a USB drive", [
    "Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType=2' | Select-Object -ExpandProperty DeviceID",
  ]);
  const letters = output.match(/^[A-Z]:(?=\s*$)/gim) ?? [];
  return letters.toSorted()[0] ?? "";
}
