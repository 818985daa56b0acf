/** A folder of FOG's images, as its capture of one disk leaves it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { incomplete, savedPartitions, type SavedDisk } from "./saved-disk.ts";
import { readTableDump } from "./table-dump.ts";

/** "d1p2.img", "d1p2.img.000": the disk and the partition by number. */
const saved = /^d(\d+)p(\d+)\.img(\.\d{3})?$/;

export function isFog(names: readonly string[]): boolean {
  return names.some((name) => saved.test(name) || /^d\d+\.(partitions|mbr)$/.test(name));
}

/** Throws E_IMAGE_FORMAT for what is no single disk, E_IMAGE_TRUNCATED for what is not complete. */
export function readFog(folder: string): SavedDisk {
  const names = readdirSync(folder);
  const disks = [...new Set(names.flatMap((name) => /^d(\d+)(?:p\d+\.img|\.)/.exec(name)?.[1] ?? []))];
  if (disks.length > 1) {
    const list = disks.map((number) => `d${number}`).join(", ");
    throw new VolleyError(
      "E_IMAGE_FORMAT",
      `${folder} holds several disks: ${list}. Capture them one by one.`,
    );
  }
  const disk = `d${disks[0] ?? "1"}`;
  const dumpName = `${disk}.partitions`;
  if (!names.includes(dumpName)) {
    throw incomplete(folder, `${dumpName}, which has the partition table, is not there`);
  }
  const dump = readTableDump(readFileSync(join(folder, dumpName), "utf8"), join(folder, dumpName));
  const { entries, label, script, sectorBytes } = dump;
  const mbr = names.includes(`${disk}.mbr`) ? join(folder, `${disk}.mbr`) : null;
  const swaps = swapIdentifiers(join(folder, `${disk}.original.swapuuids`));
  return {
    by: "FOG",
    dump: script,
    label,
    sectorBytes,
    firstSector: mbr,
    // With an MBR it is a copy of everything before the first partition; with a GPT, a backup of the table.
    gap: mbr === null ? null : { path: mbr, offset: sectorBytes },
    partitions: savedPartitions({
      folder,
      entries,
      sectorBytes,
      filesOf: (number) => names.filter((name) => saved.exec(name)?.[2] === String(number)),
      swapOf: (number) => ({ uuid: swaps.get(number) ?? "", label: "" }),
    }),
  };
}

/** A line for each: the partition's number or name, and its UUID. */
function swapIdentifiers(path: string): Map<number, string> {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // A swap area of any name will do.
  }
  const found = [...text.matchAll(/^\D*?(\d+)\s+([0-9a-fA-F-]{36})\s*$/gm)];
  return new Map(found.map(([, number, uuid = ""]) => [Number(number), uuid]));
}
