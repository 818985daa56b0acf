/** A folder of Clonezilla's images, as its "save disk" leaves it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { dumpOfGpt } from "./gpt-copy.ts";
import { incomplete, savedPartitions, type SavedDisk } from "./saved-disk.ts";
import { readTableDump, type TableDump } from "./table-dump.ts";

/** "sda1.ext4-ptcl-img.gz.aa": the partition, its file system, the program that saved it. */
const saved = /^(.+?)\.([a-z0-9+_.-]+)-(ptcl|dd|ntfs|pi)-img(\..+)?$/i;
/** Of an MBR, before the disk's signature and table; of a GPT's protective MBR the same. */
const protectiveType = "ee";

export function isClonezilla(names: readonly string[]): boolean {
  return names.includes("parts") && (names.includes("disk") || names.includes("clonezilla-img"));
}

/**
 * Throws E_IMAGE_FORMAT for what is no single plain disk, E_IMAGE_TRUNCATED for what is not complete, and what running
 * programs throws.
 */
export async function readClonezilla(folder: string, signal: AbortSignal): Promise<SavedDisk> {
  const names = readdirSync(folder);
  const [disk, ...others] = words(folder, "disk", names);
  if (disk === undefined) {
    throw new VolleyError("E_IMAGE_FORMAT", `${folder} holds single partitions, and is no image of a disk.`);
  }
  if (others.length > 0) {
    const list = [disk, ...others].join(", ");
    throw new VolleyError("E_IMAGE_FORMAT", `${folder} holds several disks: ${list}. Save them one by one.`);
  }
  for (const [name, what] of [
    ["lvm_vg_dev.list", "logical volumes (LVM)"],
    ["ecryptfs.info", "encrypted files"],
    ["mdstat.txt", "a software RAID"],
  ] as const) {
    if (names.includes(name)) throw new VolleyError("E_IMAGE_FORMAT", `${folder} holds ${what}.`);
  }
  const table = await readTable(folder, disk, names, signal);
  const { entries, label, script: dump, sectorBytes } = table;
  const partition = partitionNames(disk);
  const has = (name: string): string | null => (names.includes(name) ? join(folder, name) : null);
  const after = has(`${disk}-hidden-data-after-mbr`);
  return {
    by: "Clonezilla",
    dump,
    label,
    sectorBytes,
    firstSector: has(`${disk}-mbr`),
    gap: after === null ? null : { path: after, offset: 0 },
    partitions: savedPartitions({
      folder,
      entries,
      sectorBytes,
      filesOf: (number) => names.filter((name) => saved.exec(name)?.[1] === partition(number)),
      swapOf: (number) => swapFacts(join(folder, `swappt-${partition(number)}.info`)),
    }),
  };
}

function words(folder: string, name: string, names: readonly string[]): string[] {
  if (!names.includes(name)) return [];
  return readFileSync(join(folder, name), "utf8").split(/\s+/).filter(Boolean);
}

/** "sda1", "nvme0n1p1": after a digit the number stands behind a "p". */
function partitionNames(disk: string): (number: number) => string {
  return (number) => (/\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`);
}

/** Old versions wrote a GPT as what an old sfdisk sees of it, its protective MBR, beside a copy of its sectors. */
async function readTable(
  folder: string,
  disk: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<TableDump> {
  const dump = `${disk}-pt.sf`;
  const copy = `${disk}-gpt-1st`;
  if (names.includes(dump)) {
    const table = readTableDump(readFileSync(join(folder, dump), "utf8"), join(folder, dump));
    if (!table.entries.some(({ type }) => type === protectiveType)) return table;
  }
  if (names.includes(copy)) return dumpOfGpt(join(folder, copy), signal);
  throw incomplete(folder, `neither ${dump} nor ${copy}, which have the partition table, is there`);
}

/** UUID="…" LABEL="…"; empty where it says nothing. */
function swapFacts(path: string): { uuid: string; label: string } {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // A swap area of any name will do.
  }
  const value = (key: string): string => new RegExp(`\\b${key}="?([^"\\s]*)`).exec(text)?.[1] ?? "";
  return { uuid: value("UUID"), label: value("LABEL") };
}
