/** Restore User State: what Capture User State kept, by USMT, or from the archive of a Linux PE. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { archiveName, usmtOutcome, writeKeyFile } from "./capture-user-state.ts";
import { codes } from "./codes.ts";
import { storeKeyVariable } from "./state-store.ts";
import {
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
import { loadStateCommand, usmtFolder } from "./user-state/usmt.ts";
import { findInAnyCase, hostPath } from "./volumes.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const restoreUserState = stepKind({
  type: "RestoreUserState",
  title: "Restore User State",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: unsupported("no Windows runs here whose users could have their state back"),
  },
  async perform(context) {
    const store = context.variables.get("OSDStateStorePath");
    if (store === "") {
      throw new StepFailure(codes.notFound, "OSDStateStorePath is not set: there is no state store");
    }
    const archive = join(await hostPath(context, store), archiveName);
    return existsSync(archive) ? unpack(context, archive) : load(context, store);
  },
});

async function load(context: StepContext, store: string): Promise<StepOutcome> {
  const packageId = setting(context, "UsmtRestorePackageID", "_OSDMigrateUsmtRestorePackageID");
  if (packageId === "") throw new StepFailure(codes.invalidSetting, "No package with USMT is named");
  const folder = await workFolder(context);
  const keyFile = await writeKeyFile(context, folder);
  try {
    const program = await usmtFolder(await context.content.folderOf(packageId));
    const command = await loadStateCommand(
      context,
      { program, store, keyFile, logFolder: folder },
      {
        hardLinks: flag(context.variables.get("_OSDMigrateUseHardlinks"), false),
        localAccounts: flag(setting(context, "LocalAccounts", "OSDMigrateLocalAccounts"), false),
      },
    );
    return usmtOutcome("LoadState", await context.tools.run({ command }), "User state is restored");
  } finally {
    if (keyFile !== "") await rm(keyFile, { force: true });
  }
}

/** tar.exe has been part of Windows since version 1803. */
async function unpack(context: StepContext, archive: string): Promise<StepOutcome> {
  const plain = join(await workFolder(context), `state-${randomUUID()}.tar.gz`);
  try {
    await decryptFile(archive, plain, context.variables.get(storeKeyVariable));
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
