/** What the BitLocker steps share: the volume, the method, and whether there is a TPM. */
import { codes } from "../codes.ts";
import { flag, runOrFail, setting, StepFailure, succeeded } from "../step-kind.ts";
import type { StepContext, StepOutcome } from "../step.ts";
import { powerShell } from "../windows/powershell.ts";

export const windowsOnly = "BitLocker is Windows' own, and no Windows runs here";

/** "C:". The system's own volume when none is named. */
export function targetDrive(context: StepContext, variable: string): string {
  const system =
    context.variables.get("OSDTargetSystemDrive") || context.variables.get("SystemDrive") || "C:";
  const written =
    setting(context, "TargetDrive", variable) || context.property("BdeTargetDriveLetter") || system;
  const letter = /^([A-Za-z]):?\\?$/.exec(written)?.[1];
  if (letter === undefined) throw new StepFailure(codes.invalidSetting, `"${written}" is no drive`);
  return `${letter.toUpperCase()}:`;
}

/** GetEncryptionMethod of Win32_EncryptableVolume numbers them; manage-bde names them. */
const methods = new Map([
  ["3", "aes128"],
  ["4", "aes256"],
  ["6", "xts_aes128"],
  ["7", "xts_aes256"],
  ["AES_128", "aes128"],
  ["AES_256", "aes256"],
  ["XTS_AES128", "xts_aes128"],
  ["XTS_AES256", "xts_aes256"],
]);

/** The arguments for manage-bde; none when nothing is said, so that Windows' policy decides. */
export function methodArguments(written: string): string[] {
  if (written === "" || written === "0") return [];
  const method = methods.get(written.toUpperCase());
  if (method === undefined) {
    throw new StepFailure(codes.invalidSetting, `"${written}" is no encryption method`);
  }
  return ["-encryptionmethod", method];
}

/**
 * Null where a TPM is there and ready; else what the step comes to that is set to be skipped then, by its property or
 * `variable`. Throws StepFailure where it is not.
 */
export async function withoutTpm(context: StepContext, variable: string): Promise<StepOutcome | null> {
  if (await hasTpm(context)) return null;
  const missing = "The computer has no TPM that is ready";
  if (!flag(setting(context, "SkipWhenNoValidTPM", variable), false)) {
    throw new StepFailure(codes.notFound, missing);
  }
  const text = `${missing}, and the step is skipped as it asks for`;
  return { ...succeeded(text), reservation: "skippedWithoutTpm" };
}

async function hasTpm(context: StepContext): Promise<boolean> {
  const result = await context.tools.run(
    powerShell([
      "$tpm = Get-CimInstance -Namespace root/cimv2/Security/MicrosoftTpm -ClassName Win32_Tpm",
      "if ($tpm -and $tpm.IsEnabled_InitialValue -and $tpm.IsActivated_InitialValue) { exit 0 } else { exit 1 }",
    ]),
  );
  return result.exitCode === 0;
}

export async function manageBde(
  context: StepContext,
  doing: string,
  words: readonly string[],
): Promise<string> {
  const { output } = await runOrFail(context, doing, { command: ["manage-bde.exe", ...words] });
  return output;
}
