/** Capture User State: by USMT on Windows and in Windows PE, by robocopy on a Windows without it; on Linux the users' folders, as an archive. */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "./codes.ts";
import { storeKeyVariable } from "./state-store.ts";
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
  workFolder,
} from "./step-kind.ts";

import type { StepContext, StepOutcome } from "./step.ts";
import { encryptFile } from "./user-state/archive.ts";
import { archiveName, bringBackLeft, keptPlaceVariable } from "./user-state/kept.ts";
import { archiveLinux } from "./user-state/linux-state.ts";
import { keptFolders } from "./user-state/profiles.ts";
import { scanStateCommand, usmtFolder } from "./user-state/usmt.ts";
import { captureProfiles } from "./user-state/windows-profiles.ts";
import { findInAnyCase, hostPath, isLinux } from "./volumes.ts";
import { findInstalledWindows } from "./windows/installed-windows.ts";

export const captureUserState = stepKind({
  type: "CaptureUserState",
  title: "Capture User State",
  support: {
    winpe: real,
    linuxpe: adapted(
      "USMT is a Windows program: the folders that its MigUser.xml names are archived and encrypted; settings of programs are not",
    ),
    windows: real,
    linux: adapted(
      "USMT is a Windows program: the home folders of this Linux's users, their accounts and what VolleyStatePaths names are archived and encrypted",
    ),
  },
  async perform(context) {
    const store = context.variables.get("OSDStateStorePath");
    if (store === "") {
      throw new StepFailure(
        codes.notFound,
        "OSDStateStorePath is not set: Request State Store sets it, or you do",
      );
    }
    return isLinux(context) ? archive(context, store) : scan(context, store);
  },
});

async function scan(context: StepContext, store: string): Promise<StepOutcome> {
  const packageId = setting(context, "UsmtPackageID", "_OSDMigrateUsmtPackageID");
  if (packageId === "" && context.system === "windows") return captureProfiles(context, store);
  if (packageId === "") throw new StepFailure(codes.invalidSetting, "No package with USMT is named");
  const offline = flag(
    setting(context, "OfflineUserState", "_OSDMigrateOfflineUserState"),
    context.system === "winpe",
  );
  if (!offline && context.system === "winpe") {
    throw new StepFailure(codes.invalidSetting, "In Windows PE user state is captured offline");
  }
  const windows = offline ? await findInstalledWindows(context) : null;
  const folder = await workFolder(context);
  const keyFile = await writeKeyFile(context, folder);
  try {
    const program = await usmtFolder(await context.content.folderOf(packageId));
    const place = { program, store, keyFile, logFolder: folder };
    const result = await context.tools.run({ command: await scanStateCommand(context, place, windows) });
    return usmtOutcome("ScanState", result, "User state is captured");
  } finally {
    if (keyFile !== "") await rm(keyFile, { force: true });
  }
}

/** "/keyfile": the key stands on no command line. Empty when the store has no key. */
export async function writeKeyFile(context: StepContext, folder: string): Promise<string> {
  const key = context.variables.get(storeKeyVariable);
  if (key === "") return "";
  const path = join(folder, randomUUID());
  await writeFile(path, key, { mode: 0o600 });
  return path;
}

/** "USMT Return Codes": 0 is all; 3 is files that were left out, under /c. */
export function usmtOutcome(
  program: string,
  result: { exitCode: number; output: string },
  text: string,
): StepOutcome {
  if (result.exitCode === 0) return succeeded(text, result.output);
  if (result.exitCode === 3) {
    return succeeded(`${text}, but for files that could not be read or written`, result.output);
  }
  return {
    exitCode: result.exitCode >>> 0,
    text: `${program} ended with ${result.exitCode}`,
    output: result.output,
  };
}

/**
 * Encrypted under a key of the site's wherever there is a site: a key of this run would be gone with it. What is to be at the
 * run's own place goes where no image is written.
 */
async function archive(context: StepContext, store: string): Promise<StepOutcome> {
  const kept = context.system === "linux" ? context.services?.keptState : undefined;
  const target = await hostPath(context, store);
  const asked = context.variables.get(storeKeyVariable);
  const isOwnPlace = kept?.folder === target;
  // What Request State Store answered goes to the site by Release State Store.
  const keeping = isOwnPlace || asked === "" ? kept : undefined;
  if (keeping !== undefined) await bringBackLeft(context, keeping);
  await mkdir(target, { recursive: true, mode: 0o700 });
  const key = (await keeping?.key(context.signal)) ?? (asked || randomBytes(32).toString("hex"));
  if (key !== asked && !isOwnPlace) {
    context.variables.set(storeKeyVariable, key, { hidden: true, readOnly: true });
  }
  const plain = join(await workFolder(context), `state-${randomUUID()}.tar.gz`);
  const sealed = join(target, archiveName);
  let what: string;
  try {
    what =
      context.system === "linux" ? await archiveLinux(context, plain) : await archiveWindows(context, plain);
    await encryptFile(plain, sealed, key);
  } finally {
    await rm(plain, { force: true });
  }
  if (keeping === undefined) return succeeded(`At ${store}: ${what}`);
  if (!isOwnPlace) {
    setOutput(context, keptPlaceVariable, await keeping.note(sealed, context.signal));
    return succeeded(`At ${store}: ${what}`);
  }
  const { place, text } = await keeping.keep(sealed, context.signal);
  setOutput(context, keptPlaceVariable, place);
  await rm(sealed, { force: true });
  return succeeded(`Kept ${text}: ${what}`);
}

async function archiveWindows(context: StepContext, plain: string): Promise<string> {
  const root = await findInstalledWindows(context);
  const users = await findInAnyCase(await hostPath(context, `${root.slice(0, 2)}\\`), ["Users"]);
  const kept = await keptFolders(users);
  const list = `${plain}.list`;
  try {
    await writeFile(list, kept.map((path) => `${path}\0`).join(""), { mode: 0o600 });
    await runOrFail(context, "archive the users' folders", {
      command: [
        ["tar", "--create", "--gzip", `--file=${plain}`, `--directory=${users}`],
        ["--null", `--files-from=${list}`],
      ].flat(),
    });
  } finally {
    await rm(list, { force: true });
  }
  return `${kept.length} folders of users`;
}
