/** Drivers into an applied Windows: DISM in Windows PE; from Linux a folder and what makes Windows take it. */
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { runOrFail, setting } from "../step-kind.ts";
import { splitWords } from "../command-words.ts";
import type { StepContext } from "../step.ts";
import { setSetting } from "../unattend/answer-file.ts";
import { addSpecializeCommand } from "../unattend/specialize-command.ts";
import { changeAnswerFile, targetSystemRoot } from "../unattend/place.ts";
import { hostPath, isLinux } from "../volumes.ts";
import type { DriverFile } from "./rank.ts";

/** Below the sequence's own folder, which no image takes away and Setup Windows leaves until the sequence has ended. */
const stagedFolder = "_SMSTaskSequence\\Drivers";

const driveOf = (context: StepContext): string => targetSystemRoot(context).slice(0, 2);

/** `proof`: what was chosen and why; it is kept beside the drivers. */
export async function installDrivers(
  context: StepContext,
  files: readonly DriverFile[],
  options: { allowUnsigned: boolean; proof: unknown },
): Promise<void> {
  const proof = `${JSON.stringify(options.proof, null, 2)}\n`;
  const drive = driveOf(context);
  const folder = await hostPath(context, `${drive}\\${stagedFolder}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "drivers.json"), proof);
  if (files.length === 0) return;
  if (isLinux(context)) await stageDrivers(context, files, folder);
  else await addWithDism(context, files, options.allowUnsigned);
}

/** "DISM Driver Servicing Command-Line Options": one INF each, so that a refusal names it. */
async function addWithDism(
  context: StepContext,
  files: readonly DriverFile[],
  allowUnsigned: boolean,
): Promise<void> {
  for (const [index, { path }] of files.entries()) {
    context.progress(index / files.length, `Adding ${basename(path)}`);
    await runOrFail(context, `add driver ${path}`, {
      command: dismAddDriver(context, { source: path, recurse: false, allowUnsigned }),
    });
  }
}

export function dismAddDriver(
  context: StepContext,
  options: { source: string; recurse: boolean; allowUnsigned: boolean },
): string[] {
  const additional = setting(context, "AdditionalOptions", "OSDInstallDriversAdditionalOptions");
  return [
    "dism.exe",
    `/Image:${driveOf(context)}\\`,
    "/Add-Driver",
    `/Driver:${options.source}`,
    ...(options.recurse ? ["/Recurse"] : []),
    ...(options.allowUnsigned ? ["/ForceUnsigned"] : []),
    ...splitWords(additional),
  ];
}

/**
 * Copies the folders of the drivers, each once. The answer file names them for the offlineServicing pass, and has the
 * specialize pass add them, since that is the first pass an applied image runs by itself.
 */
async function stageDrivers(
  context: StepContext,
  files: readonly DriverFile[],
  folder: string,
): Promise<void> {
  const list = join(folder, "sources.json");
  // Another step's drivers may be there, whose files have the same names, or this one's, from before it was interrupted.
  const known = existsSync(list) ? (JSON.parse(await readFile(list, "utf8")) as string[]) : [];
  for (const { path } of files) if (!known.includes(dirname(path))) known.push(dirname(path));
  await writeFile(list, JSON.stringify(known));
  const sources = [...new Set(files.map(({ path }) => dirname(path)))];
  for (const [index, source] of sources.entries()) {
    const name = String(known.indexOf(source) + 1).padStart(3, "0");
    context.progress(index / sources.length, `Copying ${basename(source)}`);
    await cp(source, join(folder, name), { recursive: true });
  }
  const path = `${driveOf(context)}\\${stagedFolder}`;
  await changeAnswerFile(context, (root, architecture) => {
    const drivers = "Microsoft-Windows-PnpCustomizationsNonWinPE";
    setSetting(
      root,
      architecture,
      {
        pass: "offlineServicing",
        component: drivers,
        path: "DriverPaths/PathAndCredentials[Volley]/Path",
      },
      path,
    );
    // The volume may have another letter in the Windows on it than it has here.
    const line = `cmd.exe /c pnputil.exe /add-driver "%SystemDrive%\\${stagedFolder}\\*.inf" /subdirs /install`;
    addSpecializeCommand(root, architecture, { order: 1, description: "Add drivers", line });
  });
}
