/** A drive that is not the operating system's: "the OS drive stores the key protectors for the data drives" ("Enable BitLocker"). */
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { runPowerShell } from "../windows/powershell.ts";
import { encryptableVolume } from "./volume.ts";

const identifier = /\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}/i;

/** A random key of its own; answers its identifier. "ProtectKeyWithExternalKey" of Win32_EncryptableVolume. */
export async function addOwnKey(context: StepContext, drive: string): Promise<string> {
  const script = [
    encryptableVolume,
    "$added = Invoke-CimMethod -InputObject $found -MethodName ProtectKeyWithExternalKey",
    "if ($added.ReturnValue -ne 0) { exit 1 }",
    "$added.VolumeKeyProtectorID",
  ];
  const { output } = await runPowerShell(context, `protect ${drive}`, script, { VOLLEY_DRIVE: drive });
  const id = identifier.exec(output)?.[0];
  if (id === undefined) throw new StepFailure(codes.invalidData, "PowerShell did not say which key it added");
  return id;
}

/** Windows keeps that key, so that the drive opens with it. "EnableAutoUnlock" of Win32_EncryptableVolume. */
export async function openByItself(context: StepContext, drive: string, id: string): Promise<void> {
  const script = [
    encryptableVolume,
    "$kept = Invoke-CimMethod -InputObject $found -MethodName EnableAutoUnlock -Arguments @{ VolumeKeyProtectorID = $env:VOLLEY_ID }",
    "if ($kept.ReturnValue -ne 0) { exit 1 }",
  ];
  await runPowerShell(context, `have ${drive} open by itself`, script, {
    VOLLEY_DRIVE: drive,
    VOLLEY_ID: id,
  });
}
