/**
 * Users' files of a running Windows where no USMT is given: the folders of each profile that profiles.ts names, copied by
 * robocopy, and a report of what was taken and what was not. Settings of programs and the registry are USMT's alone.
 * Source: "robocopy" (Windows commands): 8 and more mean that something was not copied, 16 a serious error.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { closingCommands } from "../../platform/windows/protect-folder.ts";
import { codes } from "../codes.ts";
import { flag, runOrFail, setting, StepFailure, succeeded } from "../step-kind.ts";
import type { StepContext, StepOutcome, ToolResult } from "../step.ts";
import { hostPath } from "../volumes.ts";
import { keptFolders } from "./profiles.ts";

const reportName = "volley-profiles.json";
const copiesFolder = "Profiles";
/** Of files that were left behind, each folder's first ones are named. */
const namedMost = 50;

const Report = z.object({
  taken: z.array(
    z.object({
      /** From the folder of users: "alice/Documents". */
      folder: z.string(),
      files: z.int(),
      bytes: z.int(),
      /** Of `files`, how many could not be copied, and the first of them. */
      lacking: z.int(),
      lackingNames: z.array(z.string()),
    }),
  ),
  /** What else is in the profiles, in no folder that is taken: "alice/AppData". */
  left: z.array(z.string()),
});
type Report = z.infer<typeof Report>;

export const hasProfiles = (store: string): boolean => existsSync(join(store, reportName));

/** What is read-protected is read as a backup; links are not followed; a file in use is tried once more. */
const copyWords = ["/E", "/B", "/COPY:DAT", "/DCOPY:DAT", "/XJ", "/R:1", "/W:1", "/NP", "/NFL", "/NDL"];
const failedFrom = 8;
const seriousFrom = 16;
/** Of one file alone: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION. */
const lockedNumbers = new Set([5, 32, 33]);

/**
 * Throws StepFailure when anything lacks, as the disk may be wiped next. With ContinueOnLockedFiles, which is the default,
 * files may that robocopy calls in use or denied, unless nothing at all of a folder could be copied.
 */
export async function captureProfiles(context: StepContext, store: string): Promise<StepOutcome> {
  const goOn = flag(setting(context, "ContinueOnLockedFiles", "OSDMigrateContinueOnLockedFiles"), true);
  const users = await usersFolder(context);
  if (!existsSync(users)) {
    throw new StepFailure(
      codes.invalidSetting,
      "No package with USMT is named, and Windows has no folder of users",
    );
  }
  const folders = (await keptFolders(users)).map((path) => path.replaceAll("\\", "/"));
  const target = await hostPath(context, store);
  await mkdir(join(target, copiesFolder), { recursive: true });
  const report: Report = { taken: [], left: await otherFolders(users, folders) };
  for (const [index, folder] of folders.entries()) {
    context.progress(index / folders.length, `Copying ${folder}`);
    const [from, to] = [join(users, folder), join(target, copiesFolder, folder)];
    const result = await context.tools.run({ command: ["robocopy.exe", from, to, ...copyWords] });
    const found = await compare(from, to);
    const why = whyLost(from, result, found, goOn);
    if (why !== null) {
      const exitCode = result.exitCode >= failedFrom ? result.exitCode : codes.failed;
      throw new StepFailure(exitCode, why, result.output);
    }
    report.taken.push({ folder, ...found, lackingNames: found.lackingNames.slice(0, namedMost) });
  }
  await writeFile(join(target, reportName), `${JSON.stringify(report, null, 2)}\n`);
  for (const line of linesOf(report)) context.log.warning(line);
  const files = report.taken.reduce((sum, one) => sum + one.files - one.lacking, 0);
  const lacking = report.taken.reduce((sum, one) => sum + one.lacking, 0);
  const without = lacking === 0 ? "" : `; ${lacking} files could not be read and are not among them`;
  return succeeded(
    `${files} files of ${folders.length} folders are at ${store}${without}. Without USMT, settings of programs are not taken`,
    `${linesOf(report).join("\n")}\n`,
  );
}

/** Into profiles of the same names. A profile that is not there yet is for administrators until its user is given it. */
export async function restoreProfiles(context: StepContext, store: string): Promise<StepOutcome> {
  const users = await usersFolder(context);
  const { taken } = Report.parse(JSON.parse(await readFile(join(store, reportName), "utf8")));
  const made = new Set<string>();
  for (const [index, { folder }] of taken.entries()) {
    context.progress(index / taken.length, `Bringing ${folder} back`);
    const [user = ""] = folder.split("/");
    if (user === "" || folder.split("/").includes("..")) {
      throw new StepFailure(codes.invalidData, `The report of what was captured names "${folder}"`);
    }
    const profile = join(users, user);
    if (!existsSync(profile)) {
      await mkdir(profile, { recursive: true });
      for (const command of closingCommands(profile)) {
        await runOrFail(context, `close ${profile} to other users`, { command });
      }
      made.add(user);
    }
    const from = join(store, copiesFolder, folder);
    if (!existsSync(from)) continue;
    const { exitCode, output } = await context.tools.run({
      command: ["robocopy.exe", from, join(users, folder), ...copyWords],
    });
    if (exitCode >= failedFrom) {
      throw new StepFailure(exitCode, `robocopy could not bring all of ${folder} back`, output);
    }
  }
  const closed =
    made.size === 0 ? "" : `. There was no profile of ${[...made].join(", ")}: administrators alone see it`;
  return succeeded(`${taken.length} folders of users are back${closed}`);
}

async function usersFolder(context: StepContext): Promise<string> {
  const drive = context.variables.get("SystemDrive") || context.variables.get("OSDTargetSystemDrive") || "C:";
  return hostPath(context, `${drive}\\Users`);
}

/** Folders and files right in a profile that nothing of is taken. */
async function otherFolders(users: string, folders: readonly string[]): Promise<string[]> {
  const profiles = new Set(folders.map((folder) => folder.split("/")[0] ?? ""));
  const others: string[] = [];
  for (const profile of profiles) {
    for (const { name } of await readdir(join(users, profile), { withFileTypes: true })) {
      const isTaken = folders.some((folder) =>
        `${folder}/`.toLowerCase().startsWith(`${profile}/${name}/`.toLowerCase()),
      );
      if (!isTaken) others.push(`${profile}/${name}`);
    }
  }
  return others.sort();
}

/** Null where nothing is lost but what may be. `found` names all that lacks. */
function whyLost(
  from: string,
  { exitCode, output }: ToolResult,
  found: Awaited<ReturnType<typeof compare>>,
  goOn: boolean,
): string | null {
  if (exitCode >= seriousFrom) return `robocopy ended with ${exitCode} at ${from}`;
  const errors = errorsOf(output);
  const other = errors.find(({ number }) => !lockedNumbers.has(number));
  // A copy that was cut off can have its file's full size.
  if (exitCode >= failedFrom && other !== undefined) {
    return `robocopy could not copy all of ${from}: Windows' error ${other.number}`;
  }
  const [first] = found.lackingNames;
  if (first === undefined) return null;
  if (exitCode >= failedFrom && found.lacking === found.files) {
    return `robocopy could copy nothing of ${from}`;
  }
  if (!goOn) {
    return `${found.lacking} files of ${from} lack, and ContinueOnLockedFiles is false: ${first} is the first`;
  }
  const unsaid =
    exitCode < failedFrom
      ? first
      : found.lackingNames.find((name) => !errors.some(({ words }) => endsInPath(words, join(from, name))));
  return unsaid === undefined ? null : `robocopy did not copy ${join(from, unsaid)} and does not say why`;
}

/** Its lines about a file or folder: "2026/11/22 10:56:06 ERROR 32 (0x00000020) Copying File C:\\..."; words are translated. */
function errorsOf(output: string): { number: number; words: string }[] {
  return [...output.matchAll(/\b(\d+) \(0x[\da-f]{8}\) (.*)$/gim)].map(([, number, words = ""]) => ({
    number: Number(number),
    words,
  }));
}

/** robocopy prints letters that are not ASCII in the console's code page: what became of them counts as anything. */
function endsInPath(words: string, path: string): boolean {
  const pieces = path.split(/[^ -~]+/);
  const last = pieces.pop() ?? "";
  if (!words.endsWith(last)) return false;
  const head = words.slice(0, words.length - last.length);
  let at = 0;
  for (const piece of pieces) {
    const place = head.indexOf(piece, at);
    if (place < 0) return false;
    at = place + piece.length;
  }
  return true;
}

/** `lackingNames` are all of them. */
async function compare(from: string, to: string): Promise<Omit<Report["taken"][number], "folder">> {
  const found = { files: 0, bytes: 0, lacking: 0, lackingNames: [] as string[] };
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    found.files += 1;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(from.length + 1);
    const [source, copy] = await Promise.all(
      [path, join(to, name)].map((one) => stat(one).catch(() => null)),
    );
    if (copy !== null && copy !== undefined && copy.size === source?.size) {
      found.bytes += copy.size;
      continue;
    }
    found.lacking += 1;
    found.lackingNames.push(name);
  }
  return found;
}

function linesOf({ left, taken }: Report): string[] {
  const lacking = taken.flatMap(({ folder, lackingNames }) =>
    lackingNames.map((name) => `Not taken, as it could not be read: ${folder}/${name}`),
  );
  return [...lacking, ...left.map((name) => `Not taken: ${name}`)];
}
