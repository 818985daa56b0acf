/** Move State Store (MDT). Source: ZTIMoveStateStore.wsf in the "Toolkit reference". */
import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { codes } from "../codes.ts";
import { adapted, real, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { targetSystemRoot } from "../unattend/place.ts";
import { hostPath } from "../volumes.ts";
import { backupFile, backupFolder } from "./backup-place.ts";
import { movePath } from "./trees.ts";

/** "Moves the captured user state and backup files to C:\Windows\Temp\StateStore". */
export const moveStateStore = stepKind({
  type: "ZTIMoveStateStore",
  title: "Move State Store",
  support: {
    winpe: real,
    linuxpe: real,
    windows: real,
    linux: adapted("what this computer keeps itself goes to /var/tmp/StateStore"),
  },
  async perform(context) {
    const place = placeOf(context);
    const target = await hostPath(context, place);
    const moved = [await moveState(context, place, target), await moveBackup(context, target)];
    const texts = moved.filter((text) => text !== "");
    if (texts.length > 0) return succeeded(`${texts.join(" and ")} moved to ${place}`);
    return succeeded("This computer's disks keep neither user state nor a backup");
  },
});

function placeOf(context: StepContext): string {
  if (context.system === "linux") return "/var/tmp/StateStore";
  const isFull = context.system === "windows";
  const windows = isFull
    ? `${context.variables.get("SystemDrive") || "C:"}\\Windows`
    : targetSystemRoot(context);
  return `${windows}\\Temp\\StateStore`;
}

/** Shares stay where they are, and so does what is kept at the site or where no image is written. */
const isOwn = (path: string): boolean => path !== "" && !path.startsWith("\\\\");

/** Restore User State then finds it there. */
async function moveState(context: StepContext, place: string, target: string): Promise<string> {
  const { services, variables } = context;
  const written = variables.get("OSDStateStorePath");
  if (!isOwn(written) || services?.keptState?.folder === written) return "";
  const source = await hostPath(context, written);
  if (source === target) return "";
  if (!existsSync(source)) throw new StepFailure(codes.fileNotFound, `No user state is at ${written}`);
  if (!relative(source, target).startsWith("..")) {
    throw new StepFailure(codes.invalidSetting, `${place} is inside of ${written}, which is to go there`);
  }
  await mkdir(target, { recursive: true, mode: 0o700 });
  for (const name of await readdir(source)) {
    context.signal.throwIfAborted();
    await movePath(context, join(source, name), join(target, name));
  }
  // The root of a drive stays.
  await rmdir(source).catch(() => context.log.detail(`${written} stays, empty`));
  variables.set("OSDStateStorePath", place);
  return "The user state";
}

async function moveBackup(context: StepContext, target: string): Promise<string> {
  const folder = backupFolder(context);
  if (!isOwn(folder)) return "";
  const source = await hostPath(context, `${folder}\\${backupFile(context)}`);
  if (!existsSync(source)) return "";
  await mkdir(target, { recursive: true, mode: 0o700 });
  await movePath(context, source, join(target, basename(source)));
  return "The backup";
}
