/** Restore User State: what Capture User State kept, by USMT, or from the archive that was made on Linux. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { archiveName, keptPlaceVariable, usmtOutcome, writeKeyFile } from "./capture-user-state.ts";
import { codes } from "./codes.ts";
import { storeKeyVariable } from "./state-store.ts";
import type { KeptState } from "./services.ts";
import {
  adapted,
  flag,
  real,
  runOrFail,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  workFolder,
} from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { decryptFile } from "./user-state/archive.ts";
import { unpackLinux } from "./user-state/linux-state.ts";
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
    linux: adapted(
      "the archive of Capture User State on Linux is unpacked; with LocalAccounts the users who are lacking are added, with their passwords",
    ),
  },
  async perform(context) {
    const store = context.variables.get("OSDStateStorePath");
    if (store === "") {
      throw new StepFailure(codes.notFound, "OSDStateStorePath is not set: there is no state store");
    }
    const folder = await hostPath(context, store);
    const archive = join(folder, archiveName);
    const place = context.variables.get(keptPlaceVariable);
    const kept = context.services?.keptState;
    if (!existsSync(archive) && place !== "" && kept?.folder === folder) {
      return unpackKept(context, { kept, place, archive });
    }
    if (context.system === "linux") {
      if (existsSync(archive)) return unpack(context, archive);
      throw new StepFailure(codes.fileNotFound, `There is no user state at ${store}`);
    }
    return existsSync(archive) ? unpack(context, archive) : load(context, store);
  },
});

/** What was kept is kept no longer once it is back. */
async function unpackKept(
  context: StepContext,
  { archive, kept, place }: { kept: KeptState; place: string; archive: string },
): Promise<StepOutcome> {
  await mkdir(dirname(archive), { recursive: true, mode: 0o700 });
  try {
    await kept.fetch(place, archive, context.signal);
    const outcome = await unpack(context, archive);
    await kept.forget(place);
    setOutput(context, keptPlaceVariable, "");
    return outcome;
  } finally {
    await rm(archive, { force: true });
  }
}

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
    if (context.system === "linux") {
      const accounts = flag(setting(context, "LocalAccounts", "OSDMigrateLocalAccounts"), false);
      return succeeded(await unpackLinux(context, plain, accounts));
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
