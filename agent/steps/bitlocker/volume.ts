/** What the BitLocker steps share: the volume, the method, and whether there is a TPM. */
import { codes } from "../codes.ts";
import { runOrFail, setting, StepFailure, succeeded } from "../step-kind.ts";
import type { StepContext, StepOutcome } from "../step.ts";
import { compareVersions } from "../values.ts";
import { driveLetter } from "../volumes.ts";
import { powerShell } from "../windows/powershell.ts";

export const windowsOnly = "BitLocker is Windows' own, and no Windows runs here";

/** In a script: the volume of VOLLEY_DRIVE, in $found. */
export const encryptableVolume =
  "$found = Get-CimInstance -Namespace root/cimv2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume -Filter \"DriveLetter='$env:VOLLEY_DRIVE'\"";

/** "C:". */
export const systemDrive = ({ variables }: Pick<StepContext, "variables">): string =>
  (variables.get("OSDTargetSystemDrive") || variables.get("SystemDrive") || "C:").slice(0, 2).toUpperCase();

/** "C:". The system's own volume when none is named. */
export function targetDrive(context: StepContext, variable: string): string {
  const written =
    setting(context, "TargetDrive", variable) ||
    context.property("BdeTargetDriveLetter") ||
    systemDrive(context);
  const letter = driveLetter(written);
  if (letter === null) throw new StepFailure(codes.invalidSetting, `"${written}" is no drive`);
  return `${letter}:`;
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

/** "XTS-AES" came with Windows 10, version 1511. */
const xtsSince = "10.0.10586";

interface Method {
  /** For manage-bde; none when nothing is said, so that Windows' policy decides. */
  words: string[];
  told: Pick<StepOutcome, "reservation">;
}

/**
 * "If the step runs on a version of Windows that doesn't support the specified algorithm, it falls back to the OS default. In
 * this circumstance, the task sequence engine sends status message 11911."
 */
export async function chooseMethod(context: StepContext, written: string): Promise<Method> {
  if (written === "" || written === "0") return { words: [], told: {} };
  const method = methods.get(written.toUpperCase());
  if (method === undefined) {
    throw new StepFailure(codes.invalidSetting, `"${written}" is no encryption method`);
  }
  const facts = method.startsWith("xts") ? await context.services?.readiness?.facts() : undefined;
  const version = facts?.operatingSystemVersion ?? null;
  if (version !== null && compareVersions(version, xtsSince) < 0) {
    context.log.warning(`Windows ${version} has no ${method}: its own method is used`);
    return { words: [], told: { reservation: "defaultEncryptionMethod" } };
  }
  return { words: ["-encryptionmethod", method], told: {} };
}

/** Null where a TPM is there and ready; else what the step comes to that is to `skip` then. Throws StepFailure else. */
export async function withoutTpm(context: StepContext, skip: boolean): Promise<StepOutcome | null> {
  if (await hasTpm(context)) return null;
  const missing = "The computer has no TPM that is ready";
  if (!skip) throw new StepFailure(codes.notFound, missing);
  const text = `${missing}, and the step is set to be skipped then`;
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
