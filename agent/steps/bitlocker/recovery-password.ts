/** The recovery password of a volume: made, or the one that the sequence names, and kept before anything is encrypted. */
import { setTimeout as delay } from "node:timers/promises";
import { toVolleyError } from "../../../contract/errors.ts";
import { codes } from "../codes.ts";
import { service, setting, StepFailure, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { runPowerShell } from "../windows/powershell.ts";
import { manageBde } from "./volume.ts";

/** Active Directory, the site's database, or nowhere. */
export type RecoveryPlace = "AD" | "site" | "none";

interface RecoveryPassword {
  id: string;
  password: string;
}

const identifier = /\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}/i;
const digits = /\b\d{6}(?:-\d{6}){7}\b/;

export function readRecoveryPlace(context: StepContext): RecoveryPlace {
  const written =
    setting(context, "CreateRecoveryPassword", "OSDBitLockerCreateRecoveryPassword") ||
    context.property("BdeRecoveryPassword") ||
    context.variables.get("BDERecoveryKey");
  if (/^ad$/i.test(written)) return "AD";
  if (/^(cmdb|db)$/i.test(written)) return "site";
  if (/^(|none|false)$/i.test(written)) return "none";
  throw new StepFailure(codes.invalidSetting, `"${written}" is no place to keep the recovery password`);
}

/** Resolves when it is kept. */
export async function keepRecoveryPassword(
  context: StepContext,
  drive: string,
  place: Exclude<RecoveryPlace, "none">,
): Promise<void> {
  // A place that is not there is found out before there is a password that nobody has.
  const site =
    place === "site" ? service(context, "recoveryKeys", "place at the site for recovery passwords") : null;
  const named = inGroups(context.variables.get("OSDBitLockerRecoveryPassword"));
  const made = named === "" ? await makePassword(context, drive) : await addPassword(context, drive, named);
  if (site !== null) return keepAtSite(context, () => site.keep({ drive, ...made }));
  await manageBde(context, "keep the recovery password in Active Directory", [
    "-protectors",
    "-adbackup",
    drive,
    "-id",
    made.id,
  ]);
}

/** "A valid 48-digit password" (MDT) has no hyphens, which BitLocker shows between its groups. */
const inGroups = (text: string): string =>
  /^\d{48}$/.test(text) ? (text.match(/\d{6}/g) ?? []).join("-") : text;

async function makePassword(context: StepContext, drive: string): Promise<RecoveryPassword> {
  const output = await manageBde(context, `make a recovery password for ${drive}`, [
    "-protectors",
    "-add",
    drive,
    "-recoverypassword",
  ]);
  const id = identifier.exec(output)?.[0].toUpperCase();
  const password = digits.exec(output)?.[0];
  if (id === undefined || password === undefined) {
    throw new StepFailure(codes.invalidData, "manage-bde did not say which recovery password it made");
  }
  return { id, password };
}

/**
 * "Instead of generating a random recovery password, the Enable BitLocker step uses the specified value." manage-bde would
 * have it on its command line.
 */
async function addPassword(context: StepContext, drive: string, password: string): Promise<RecoveryPassword> {
  if (!new RegExp(`^${digits.source}$`).test(password)) {
    throw new StepFailure(codes.invalidSetting, "A recovery password has eight groups of six digits");
  }
  const script = [
    "$mine = { $_.RecoveryPassword -eq $env:VOLLEY_RECOVERY }",
    "$there = (Get-BitLockerVolume -MountPoint $env:VOLLEY_DRIVE).KeyProtector | Where-Object $mine",
    "if (-not $there) { Add-BitLockerKeyProtector -MountPoint $env:VOLLEY_DRIVE -RecoveryPasswordProtector -RecoveryPassword $env:VOLLEY_RECOVERY -WarningAction SilentlyContinue | Out-Null }",
    "(Get-BitLockerVolume -MountPoint $env:VOLLEY_DRIVE).KeyProtector | Where-Object $mine | Select-Object -ExpandProperty KeyProtectorId",
  ];
  const environment = { VOLLEY_RECOVERY: password, VOLLEY_DRIVE: drive };
  const { output } = await runPowerShell(
    context,
    `add the recovery password to ${drive}`,
    script,
    environment,
  );
  const id = identifier.exec(output)?.[0].toUpperCase();
  if (id === undefined) {
    throw new StepFailure(codes.invalidData, "PowerShell did not say under which identifier it added it");
  }
  return { id, password };
}

/**
 * "OSDRecoveryKeyPollingFrequency": seconds between tries, 300 by itself and 15 at least; "OSDRecoveryKeyPollingTimeout":
 * seconds to go on, 1800 by itself and 30 at least. Without it kept nothing is encrypted.
 */
async function keepAtSite(context: StepContext, keep: () => Promise<void>): Promise<void> {
  const read = (name: string, least: number, fallback: number): number =>
    wholeNumber(context.variables.get(name), name, { least, most: 86_400, fallback }) * 1000;
  const pauseMs = read("OSDRecoveryKeyPollingFrequency", 15, 300);
  const endAt = Date.now() + read("OSDRecoveryKeyPollingTimeout", 30, 1800);
  for (;;) {
    try {
      return await keep();
    } catch (error) {
      const failure = toVolleyError(error);
      if (failure.entry.retry !== "later" || Date.now() + pauseMs > endAt) throw failure;
      context.log.warning(`The site does not have the recovery password yet: ${failure.detail}`);
      await delay(pauseMs, undefined, { signal: context.signal });
    }
  }
}
