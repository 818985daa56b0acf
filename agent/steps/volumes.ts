/**
 * Drive letters where the system has none. Windows names its volumes itself; on Linux the letters that a sequence gives
 * stand in read-only variables of the environment, so that they hold after a restart: which partition of which disk.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemRoots } from "../platform/linux/hardware.ts";
import { readMounts } from "../platform/linux/mounts.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { codes } from "./codes.ts";
import { runOrFail, service, setOutput, StepFailure, workFolder } from "./step-kind.ts";
import type { StepContext } from "./step.ts";

export interface Volume {
  /** "C". */
  letter: string;
  disk: DiskFacts;
  /** From 1. */
  partitionNumber: number;
  /** "/dev/sda3". */
  device: string;
}

const variableOf = (letter: string): string => `_VolleyVolume${letter.toUpperCase()}`;

/** The folder at which a network folder with this letter is mounted. */
export const shareVariable = (letter: string): string => `_VolleyShare${letter.toUpperCase()}`;

/** Numbers of the disks that stand for files a step has made, with blanks between. */
export const virtualDisksVariable = "_VolleyVirtualDisks";

/** JSON: the folders at which network folders without a letter are mounted, by their names in lower case. */
const connectedVariable = "_VolleyConnectedFolders";

export const isLinux = (context: StepContext): boolean =>
  context.system === "linux" || context.system === "linuxpe";

/** Device of a disk's partition: "/dev/sda" and 1 give "/dev/sda1", "/dev/nvme0n1" and 1 "/dev/nvme0n1p1". */
export function partitionDevice(disk: string, number: number): string {
  return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
}

/** "C" of "c", "C:" or "C:\\"; null of anything else. */
export const driveLetter = (text: string): string | null =>
  /^([A-Za-z]):?\\?$/.exec(text)?.[1]?.toUpperCase() ?? null;

/** Letters in use, in alphabetical order. */
export function usedLetters(context: StepContext): string[] {
  return context.variables
    .names()
    .map((name) => /^_VolleyVolume([A-Z])$/i.exec(name)?.[1]?.toUpperCase())
    .filter((letter) => letter !== undefined)
    .sort();
}

export function setLetter(context: StepContext, letter: string, disk: DiskFacts, partition: number): void {
  setOutput(context, variableOf(letter), `${partition} ${disk.identity}`);
}

/** Of a disk's partition; null when it has none. */
export function letterAt(context: StepContext, disk: DiskFacts, partition: number): string | null {
  const value = `${partition} ${disk.identity}`;
  return usedLetters(context).find((letter) => context.variables.get(variableOf(letter)) === value) ?? null;
}

/** After a disk was cleaned, its letters mean nothing. */
export function dropLettersOf(context: StepContext, disk: DiskFacts): void {
  for (const letter of usedLetters(context)) {
    if (context.variables.get(variableOf(letter)).endsWith(` ${disk.identity}`)) {
      setOutput(context, variableOf(letter), "");
    }
  }
}

export function dropLetter(context: StepContext, letter: string): void {
  setOutput(context, variableOf(letter), "");
}

/** First free letter from C on; X is the boot image's. */
export function nextLetter(context: StepContext): string {
  const used = new Set([...usedLetters(context), "X"]);
  const letter = "CDEFGHIJKLMNOPQRSTUVWYZ".split("").find((candidate) => !used.has(candidate));
  if (letter === undefined) throw new StepFailure(codes.notFound, "No drive letter is free");
  return letter;
}

/**
 * The disks in the order in which a sequence numbers them, from 0: fixed ones first, then removable ones, then what stands for a
 * disk and was named by a person or made by the sequence; what else is made of memory or of other disks has no number.
 */
export async function numberedDisks(
  context: Pick<StepContext, "services" | "variables">,
): Promise<DiskFacts[]> {
  const own = context.variables.get(virtualDisksVariable).split(" ");
  const disks = (await service(context, "disks", "list of disks").list()).map((disk): DiskFacts => {
    const isOwn = disk.kind === "virtual" && disk.number !== undefined && own.includes(String(disk.number));
    return isOwn ? { ...disk, kind: "file" } : disk;
  });
  const rank = (disk: DiskFacts): number => (disk.kind === "disk" ? Number(disk.removable) : 2);
  return disks.filter(({ kind }) => kind !== "virtual").toSorted((a, b) => rank(a) - rank(b));
}

/** What a sequence means by a disk's index. Windows' own number counts there: its programs and its WMI go by that. */
export async function diskOfIndex(
  context: Pick<StepContext, "services" | "variables">,
  index: number,
): Promise<DiskFacts> {
  const disks = await numberedDisks(context);
  const disk = disks.find(({ number }, place) => (number ?? place) === index);
  if (disk === undefined) throw new StepFailure(codes.notFound, `This computer has no disk ${index}`);
  return disk;
}

export async function volumeOf(context: StepContext, letter: string): Promise<Volume> {
  const value = context.variables.get(variableOf(letter));
  const match = /^(\d+) (.+)$/.exec(value);
  const upper = letter.toUpperCase();
  if (match === null) throw new StepFailure(codes.notFound, `No volume has the letter ${upper}:`);
  const partitionNumber = Number(match[1]);
  const disks = await numberedDisks(context);
  const disk = disks.find(({ identity }) => identity === match[2]);
  if (disk === undefined) throw new StepFailure(codes.notFound, `The disk of volume ${upper}: is gone`);
  return { letter: upper, disk, partitionNumber, device: partitionDevice(disk.path, partitionNumber) };
}

/**
 * The folder a volume is mounted at; it is mounted there if it is not. Names keep their case: hostPath finds them in any,
 * as Windows does.
 */
export async function mountVolume(context: StepContext, letter: string): Promise<string> {
  const share = context.variables.get(shareVariable(letter));
  if (share !== "") return share;
  const volume = await volumeOf(context, letter);
  const folder = join(await workFolder(context), "volumes", volume.letter.toLowerCase());
  if (isMounted(folder)) return folder;
  await mkdir(folder, { recursive: true });
  const doing = `mount ${volume.letter}: (${volume.device})`;
  const blkid = ["blkid", "-p", "-o", "value", "-s", "TYPE", volume.device];
  const { output: fileSystem } = await runOrFail(context, doing, { command: blkid });
  const command =
    fileSystem.trim() === "ntfs"
      ? ["ntfs-3g", "-o", "windows_names,streams_interface=none", volume.device, folder]
      : // Which characters FAT's names are shown in is otherwise the kernel's choice.
        ["mount", ...(fileSystem.trim() === "vfat" ? ["-o", "utf8"] : []), volume.device, folder];
  await runOrFail(context, doing, { command });
  return folder;
}

/** Before a volume is written as a device. */
export async function unmountVolume(context: StepContext, letter: string): Promise<void> {
  const folder = join(await workFolder(context), "volumes", letter.toLowerCase());
  if (isMounted(folder)) {
    await runOrFail(context, `unmount ${letter}:`, { command: ["umount", folder] });
  }
}

const isMounted = (folder: string): boolean =>
  readMounts(systemRoots).some(({ mountPoint }) => mountPoint === folder);

/**
 * A path of the sequence as the system takes it. Windows: as it is, where the drives are its own. Linux: backslashes are
 * slashes, and a drive letter is the folder where its volume is mounted; names that exist are found in any case.
 */
export async function hostPath(context: StepContext, path: string): Promise<string> {
  const match = /^([A-Za-z]):(.*)$/s.exec(path);
  const driveRoot = context.services?.folders?.driveRoot;
  if (!isLinux(context)) {
    if (match?.[1] === undefined || driveRoot === undefined) return path;
    return findInAnyCase(driveRoot(match[1].toUpperCase()), (match[2] ?? "").split(/[\\/]/));
  }
  if (path.startsWith("\\\\")) return pathOnShare(context, path);
  const rest = (match?.[2] ?? path).replaceAll("\\", "/");
  if (match?.[1] === undefined) return rest;
  const folder = await mountVolume(context, match[1]);
  return findInAnyCase(folder, rest.split("/"));
}

/** Windows finds a network folder by its name; a Linux has those alone that a step has connected. */
async function pathOnShare(context: StepContext, path: string): Promise<string> {
  const [server = "", share = "", ...below] = path.slice(2).split(/[\\/]/);
  const root = `\\\\${server}\\${share}`;
  const folder = connectedFolder(context, root);
  if (folder === null) {
    const text = `${root} is not connected: ZTIConnect does that, or Connect To Network Folder by a drive's letter`;
    throw new StepFailure(codes.notFound, text);
  }
  return findInAnyCase(folder, below);
}

/** `root`: "\\\\server\\share". Null also after a restart, which no mount outlives. */
export function connectedFolder(context: StepContext, root: string): string | null {
  const folder = connectedFolders(context)[root.toLowerCase()];
  return folder !== undefined && isMounted(folder) ? folder : null;
}

export function noteConnected(context: StepContext, root: string, folder: string): void {
  const all = { ...connectedFolders(context), [root.toLowerCase()]: folder };
  setOutput(context, connectedVariable, JSON.stringify(all));
}

const connectedFolders = ({ variables }: StepContext): Record<string, string> =>
  JSON.parse(variables.get(connectedVariable) || "{}") as Record<string, string>;

/** `names` below `folder`, each as the folder writes it where it is there. ".." is refused. */
export async function findInAnyCase(folder: string, names: readonly string[]): Promise<string> {
  let path = folder;
  for (const name of names) {
    if (name === "" || name === ".") continue;
    if (name === "..") throw new StepFailure(codes.invalidSetting, 'A path must not hold ".."');
    const entries = await readdir(path).catch(() => []);
    path = join(path, entries.find((entry) => entry.toLowerCase() === name.toLowerCase()) ?? name);
  }
  return path;
}
