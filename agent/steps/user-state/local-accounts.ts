/**
 * The password of migrated local accounts: "OSDMigrateLocalAccountPassword". LoadState would take it on its command line, so
 * it makes them disabled, and those that it has made get the password and are enabled afterwards.
 */
import type { StepContext } from "../step.ts";
import { runPowerShell } from "../windows/powershell.ts";

/** Security identifiers of the accounts that are there, with commas. */
export async function localAccounts(context: StepContext): Promise<string> {
  const script = ["(Get-LocalUser | ForEach-Object { $_.SID.Value }) -join ','"];
  return (await runPowerShell(context, "list the local accounts", script)).output.trim();
}

/** `before`: those that were there. The others are enabled. */
export async function enableNewAccounts(
  context: StepContext,
  before: string,
  password: string,
): Promise<void> {
  const script = [
    "$before = $env:VOLLEY_ACCOUNTS -split ','",
    "$password = ConvertTo-SecureString $env:VOLLEY_PASSWORD -AsPlainText -Force",
    "$made = Get-LocalUser | Where-Object { $before -notcontains $_.SID.Value }",
    "$made | Set-LocalUser -Password $password",
    "$made | Enable-LocalUser",
  ];
  const environment = { VOLLEY_ACCOUNTS: before, VOLLEY_PASSWORD: password };
  await runPowerShell(context, "enable the migrated local accounts", script, environment);
}
