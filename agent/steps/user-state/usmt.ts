/**
 * The command lines of the User State Migration Tool. Source: "ScanState Syntax", "LoadState Syntax" (Windows): options
 * that exclude or need each other are kept apart here.
 */
import { join } from "node:path";
import { splitWords } from "../command-words.ts";
import { flag, setting } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase } from "../volumes.ts";

export interface UsmtPlace {
  /** Folder with scanstate.exe and loadstate.exe. */
  program: string;
  store: string;
  /** A file with the key, which only the system reads; empty for a store in clear. */
  keyFile: string;
  logFolder: string;
}

/** USMT's package has a folder for each architecture. */
export async function usmtFolder(packageFolder: string): Promise<string> {
  return findInAnyCase(packageFolder, ["amd64"]);
}

export async function scanStateCommand(
  context: StepContext,
  place: UsmtPlace,
  windows: string | null,
): Promise<string[]> {
  const hardLinks = flag(setting(context, "UseHardlinks", "_OSDMigrateUseHardlinks"), false);
  const skipEncrypted = flag(setting(context, "SkipEncryptedFiles", "OSDMigrateSkipEncryptedFiles"), false);
  const goOn = flag(setting(context, "ContinueOnLockedFiles", "OSDMigrateContinueOnLockedFiles"), true);
  const shadowCopy = /^vss$/i.test(setting(context, "FileAccess", "OSDMigrateFileAccess"));
  return [
    join(place.program, "scanstate.exe"),
    place.store,
    "/o",
    "/localonly",
    ...(await configuration(context, place.program)),
    ...(goOn ? ["/c"] : []),
    `/efs:${skipEncrypted ? "skip" : "copyraw"}`,
    // A hard-link store holds the files themselves, which can be neither compressed nor encrypted.
    ...(hardLinks ? ["/hardlink", "/nocompress"] : encryption(place, "/encrypt:AES_256", "/nocompress")),
    ...(windows === null ? [] : [`/offlineWinDir:${windows}`]),
    ...(shadowCopy && windows === null ? ["/vsc"] : []),
    ...logging(context, place, "scanstate"),
    ...splitWords(context.variables.get("OSDMigrateAdditionalCaptureOptions")),
  ];
}

export async function loadStateCommand(
  context: StepContext,
  place: UsmtPlace,
  options: { hardLinks: boolean; localAccounts: boolean },
): Promise<string[]> {
  const goOn = flag(setting(context, "ContinueOnRestore", "OSDMigrateContinueOnRestore"), true);
  return [
    join(place.program, "loadstate.exe"),
    place.store,
    ...(await configuration(context, place.program)),
    ...(goOn ? ["/c"] : []),
    ...(options.hardLinks
      ? ["/hardlink", "/nocompress"]
      : encryption(place, "/decrypt:AES_256", "/nocompress")),
    // The accounts are made disabled: their password would stand on the command line (local-accounts.ts).
    ...(options.localAccounts ? ["/lac"] : []),
    ...logging(context, place, "loadstate"),
    ...splitWords(context.variables.get("OSDMigrateAdditionalRestoreOptions")),
  ];
}

/** Simple mode takes USMT's own files, advanced those that are listed. */
async function configuration(context: StepContext, program: string): Promise<string[]> {
  const mode = setting(context, "Mode", "OSDMigrateMode");
  const listed = setting(context, "ConfigFiles", "OSDMigrateConfigFiles");
  const names = /^advanced$/i.test(mode) && listed !== "" ? listed.split(",") : ["MigUser.xml", "MigApp.xml"];
  const files: string[] = [];
  for (const name of names) files.push(`/i:${await findInAnyCase(program, [name.trim()])}`);
  // "The name of the XML configuration file that should be used" (MDT): it lies beside the others.
  const config = context.property("USMTConfigFile");
  if (config !== "") files.push(`/config:${await findInAnyCase(program, [config])}`);
  return files;
}

function encryption({ keyFile }: UsmtPlace, encrypted: string, clear: string): string[] {
  return keyFile === "" ? [clear] : [encrypted, `/keyfile:${keyFile}`];
}

function logging(context: StepContext, { logFolder }: UsmtPlace, name: string): string[] {
  const verbose = flag(setting(context, "EnableVerboseLogging", "OSDMigrateEnableVerboseLogging"), false);
  return [
    `/l:${join(logFolder, `${name}.log`)}`,
    `/progress:${join(logFolder, `${name}progress.log`)}`,
    ...(verbose ? ["/v:5"] : []),
  ];
}
