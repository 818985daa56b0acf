/** Restore User State: what Capture User State kept, by USMT, or from the archive that was made on Linux. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { usmtOutcome, writeKeyFile } from "./capture-user-state.ts";
import { codes } from "./codes.ts";
import { storeKeyVariable } from "./state-store.ts";
import {
  adapted,
  flag,
  real,
  runOrFail,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  workFolder,
} from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { decryptFile } from "./user-state/archive.ts";
import { archiveName, bringBack, keptPlaceVariable, leftOf } from "./user-state/kept.ts";
import { unpackLinux } from "./user-state/linux-state.ts";
import { enableNewAccounts, localAccounts } from "./user-state/local-accounts.ts";
import { loadStateCommand, usmtFolder } from "./user-state/usmt.ts";
import { hasProfiles, restoreProfiles } from "./user-state/windows-profiles.ts";
import { findInAnyCase, hostPath } from "./volumes.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const restoreUserState = stepKind({
  type: "RestoreUserState",
  title: "Restore User State",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: adapted(
      "the archive of Capture User State on Linux is unpacked; with LocalAccounts the users who are lacking are added, with their passwords",
    ),
  },
  async perform(context) {
    const kept = context.system === "linux" ? context.services?.keptState : undefined;
    const accounts = flag(setting(context, "LocalAccounts", "OSDMigrateLocalAccounts"), false);
    const place = context.variables.get(keptPlaceVariable);
    // Whatever the path says: the folder of a run is below the agent's, which may be elsewhere in the new system.
    if (kept !== undefined && place !== "") {
      return bringBack(context, { kept, place }, { accounts, keepNewer: false });
    }
    const store = context.variables.get("OSDStateStorePath");
    const archive = store === "" ? "" : join(await hostPath(context, store), archiveName);
    if (archive !== "" && existsSync(archive)) return unpack(context, archive, accounts);
    const left = kept === undefined ? null : await leftOf(context, kept);
    if (kept !== undefined && left !== null) {
      return bringBack(context, { kept, place: left.place }, { accounts, keepNewer: false });
    }
    if (store === "") {
      throw new StepFailure(codes.notFound, "OSDStateStorePath is not set: there is no state store");
    }
    if (context.system !== "linux") {
      const folder = await hostPath(context, store);
      return hasProfiles(folder) ? restoreProfiles(context, folder) : load(context, store);
    }
    throw new StepFailure(codes.fileNotFound, `There is no user state at ${store}`);
  },
});

async function load(context: StepContext, store: string): Promise<StepOutcome> {
  const packageId = setting(context, "UsmtRestorePackageID", "_OSDMigrateUsmtRestorePackageID");
  if (packageId === "") throw new StepFailure(codes.invalidSetting, "No package with USMT is named");
  const folder = await workFolder(context);
  const withAccounts = flag(setting(context, "LocalAccounts", "OSDMigrateLocalAccounts"), false);
  const password = setting(context, "LocalAccountPassword", "OSDMigrateLocalAccountPassword");
  const before = withAccounts && password !== "" ? await localAccounts(context) : null;
  const keyFile = await writeKeyFile(context, folder);
  try {
    const program = await usmtFolder(await context.content.folderOf(packageId));
    const command = await loadStateCommand(
      context,
      { program, store, keyFile, logFolder: folder },
      {
        hardLinks: flag(context.variables.get("_OSDMigrateUseHardlinks"), false),
        localAccounts: withAccounts,
      },
    );
    const outcome = usmtOutcome("LoadState", await context.tools.run({ command }), "User state is restored");
    if (before !== null && outcome.exitCode === codes.success) {
      await enableNewAccounts(context, before, password);
    }
    return outcome;
  } finally {
    if (keyFile !== "") await rm(keyFile, { force: true });
  }
}

/** tar.exe has been part of Windows since version 1803. */
async function unpack(context: StepContext, archive: string, accounts: boolean): Promise<StepOutcome> {
  const plain = join(await workFolder(context), `state-${randomUUID()}.tar.gz`);
  try {
    await decryptFile(archive, plain, context.variables.get(storeKeyVariable));
    if (context.system === "linux") {
      return succeeded(await unpackLinux(context, plain, { accounts, keepNewer: false }));
    }
    const drive =
      context.variables.get("SystemDrive") || context.variables.get("OSDTargetSystemDrive") || "C:";
    const users = await findInAnyCase(await hostPath(context, `${drive}\\`), ["Users"]);
    await mkdir(users, { recursive: true });
    await runOrFail(context, "bring the users' folders back", {
      command: ["tar.exe", "-x", "-z", "-f", plain, "-C", users],
    });
  } finally {
    await rm(plain, { force: true });
  }
  return succeeded("The users' folders are back");
}
