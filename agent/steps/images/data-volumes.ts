/**
 * The volumes of a computer beside its Windows, in the order of disks and partitions. "Capture Operating System Image"
 * (Configuration Manager, "Task sequence steps") takes those with NTFS or FAT32 and none on USB; what an image is started by is
 * made anew where it is applied, and no volume of data.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemRoots } from "../../platform/linux/hardware.ts";
import { readMounts } from "../../platform/linux/mounts.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import { blkidValue, isDataType, readPartitions } from "../partitioning/read-table.ts";
import { StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import {
  dropLetter,
  hostPath,
  isLinux,
  letterAt,
  mountVolume,
  nextLetter,
  numberedDisks,
  setLetter,
  unmountVolume,
} from "../volumes.ts";
import { hideVolume, windowsVolumeAt } from "../windows/volumes.ts";
import { neverCaptured, type CapturedVolume } from "./capture-volumes.ts";

interface Volume {
  disk: DiskFacts;
  /** As the system's own programs number it, or as a sequence does. */
  diskNumber: number;
  /** From 1. */
  number: number;
  /** Empty on Windows. */
  device: string;
  /** Null when it has none now. */
  letter: string | null;
  /** Empty for none. */
  label: string;
  /** "ntfs", "fat32"; empty where it has none that is known. */
  fileSystem: string;
  /** Of a type for files of the user's. */
  isData: boolean;
}

export interface CaptureWish {
  /** Letter of the volume with the Windows. */
  windows: string;
  /** Of the WIM. */
  file: string;
  /** On Windows: the drive that `file` is on, null for none. */
  drive: string | null;
}

export type DataVolume = Omit<CapturedVolume, "name">;

/** The log says what is left out, and why. */
export async function findDataVolumes(context: StepContext, wish: CaptureWish): Promise<DataVolume[]> {
  const found: Volume[] = [];
  for (const [place, disk] of (await numberedDisks(context)).entries()) {
    const volumes = await volumesOf(context, disk, disk.number ?? place);
    const own = volumes.find(({ letter }) => letter === wish.windows);
    const against = reasonAgainstDisk(disk, own !== undefined);
    if (against !== null) {
      context.log.info(`No volume of ${disk.path} is captured beside Windows: ${against}`);
      continue;
    }
    for (const volume of volumes) {
      if (volume === own || (volume.fileSystem === "" && !volume.isData)) continue;
      const reason = await reasonAgainst(context, volume, wish);
      if (reason === null) found.push(volume);
      else context.log.info(`The volume ${placeOf(volume)} is not captured: ${reason}`);
    }
  }
  const titles = found.map(titleOf);
  return found.map((volume, index) => {
    const title = titles[index] ?? "";
    const isUnique = title !== "" && titles.indexOf(title) === titles.lastIndexOf(title);
    const place = placeOf(volume);
    return {
      title: isUnique ? title : [title, place].filter((part) => part !== "").join(", "),
      open: (use) => openSource(context, volume, use),
    };
  });
}

const titleOf = ({ label, letter }: Volume): string =>
  [letter === null ? "" : `${letter}:`, label].filter((part) => part !== "").join(" ");
const placeOf = ({ diskNumber, number }: Volume): string => `disk ${diskNumber} partition ${number}`;

async function volumesOf(context: StepContext, disk: DiskFacts, diskNumber: number): Promise<Volume[]> {
  const volumes = isLinux(context)
    ? await linuxVolumes(context, disk, diskNumber)
    : windowsVolumes(disk, diskNumber);
  return volumes.toSorted((one, other) => one.number - other.number);
}

async function linuxVolumes(context: StepContext, disk: DiskFacts, diskNumber: number): Promise<Volume[]> {
  const table = await readPartitions(context, disk.path).catch((error: unknown) => {
    // An empty disk has none.
    if (error instanceof StepFailure) return null;
    throw error;
  });
  const volumes: Volume[] = [];
  for (const { device, fileSystem, isData, number } of table?.partitions ?? []) {
    const isFat = fileSystem === "vfat";
    volumes.push({
      disk,
      diskNumber,
      number,
      device,
      isData,
      letter: letterAt(context, disk, number),
      label: await blkidValue(context, device, "LABEL"),
      fileSystem: isFat ? (await blkidValue(context, device, "VERSION")).toLowerCase() : fileSystem,
    });
  }
  return volumes;
}

const windowsVolumes = (disk: DiskFacts, diskNumber: number): Volume[] =>
  disk.partitions.flatMap(({ fileSystem, label, letter, number, type = "" }) =>
    number === undefined
      ? []
      : {
          disk,
          diskNumber,
          number,
          device: "",
          label,
          fileSystem,
          letter: letter ?? null,
          isData: isDataType(type),
        },
  );

function reasonAgainstDisk(disk: DiskFacts, holdsWindows: boolean): string | null {
  if (disk.removable) return `the disk is removable${disk.bus === undefined ? "" : ` (${disk.bus})`}`;
  if (disk.systemUses.length > 0) return `the disk ${disk.systemUses.join(", ")}`;
  return disk.kind === "disk" || holdsWindows ? null : "the disk is a file";
}

async function reasonAgainst(
  context: StepContext,
  volume: Volume,
  wish: CaptureWish,
): Promise<string | null> {
  const { fileSystem, isData } = volume;
  if (fileSystem === "") return "its file system is not known";
  if (fileSystem !== "ntfs" && fileSystem !== "fat32") return `it has ${fileSystem}, not NTFS or FAT32`;
  if (!isData) return "its partition is for starting or mending the computer, or another system's";
  if (await takesImage(context, volume, wish)) return "the image is written to it";
  const mounted = isLinux(context) ? await mountedElsewhere(context, volume.device) : null;
  if (mounted !== null) return `it is mounted at ${mounted}`;
  return (await holdsBootFilesAlone(context, volume)) ? "it holds the boot files of a BIOS alone" : null;
}

async function takesImage(
  context: StepContext,
  { device, letter }: Volume,
  { drive, file }: CaptureWish,
): Promise<boolean> {
  if (!isLinux(context)) return letter !== null && letter === drive;
  const [folder, volume] = await Promise.all([stat(dirname(file)), stat(device)]);
  return folder.dev === volume.rdev;
}

/** Where somebody else than the steps has mounted it, null for nowhere. */
async function mountedElsewhere(context: StepContext, device: string): Promise<string | null> {
  const own = join(await workFolder(context), "volumes");
  const mounts = readMounts(systemRoots);
  const other = mounts.find(
    ({ source, mountPoint }) => source === device && !mountPoint.startsWith(`${own}/`),
  );
  return other?.mountPoint ?? null;
}

const bootNames = new Set([
  "bootmgr",
  "bootnxt",
  "boottgt",
  "bootsect.bak",
  "boot",
  "recovery",
  ...neverCaptured.map((path) => path.slice(1).toLowerCase()),
]);

/** "System Reserved", which Windows Setup makes on an MBR disk, goes by what is in it: a label can be anything. */
async function holdsBootFilesAlone(context: StepContext, volume: Volume): Promise<boolean> {
  return withLetter(context, volume, async (letter) => {
    const names = (await readdir(await hostPath(context, `${letter}:\\`))).map((name) => name.toLowerCase());
    return names.includes("bootmgr") && names.every((name) => bootNames.has(name));
  });
}

/** wimlib takes an NTFS volume as its device, with all that only NTFS has, and any other mounted. */
function openSource(
  context: StepContext,
  volume: Volume,
  use: (source: string) => Promise<void>,
): Promise<void> {
  return withLetter(context, volume, async (letter) => {
    if (!isLinux(context)) return use(`${letter}:\\`);
    if (volume.fileSystem !== "ntfs") return use(await mountVolume(context, letter));
    await unmountVolume(context, letter);
    return use(volume.device);
  });
}

/** One that has no letter gets one for as long as `use` takes. On Linux it is mounted no more afterwards. */
async function withLetter<Result>(
  context: StepContext,
  { disk, diskNumber, letter: before, number }: Volume,
  use: (letter: string) => Promise<Result>,
): Promise<Result> {
  if (!isLinux(context)) {
    const letter = before ?? (await windowsVolumeAt(context, diskNumber, number));
    try {
      return await use(letter);
    } finally {
      if (before === null) await hideVolume(context, { disk: diskNumber, partition: number, letter });
    }
  }
  const letter = before ?? nextLetter(context);
  if (before === null) setLetter(context, letter, disk, number);
  try {
    return await use(letter);
  } finally {
    await unmountVolume(context, letter);
    if (before === null) dropLetter(context, letter);
  }
}
