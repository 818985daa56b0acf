/** A disk as another program saved it in a folder: a partition table, what starts it, and a file or several for each partition. */
import { VolleyError } from "../../../contract/errors.ts";
import { joinPieces } from "./pieces.ts";
import type { TableEntry } from "./table-dump.ts";

export interface SavedDisk {
  /** What the folder is, for people: "Clonezilla". */
  by: string;
  /** As sfdisk takes it. */
  dump: string;
  label: "dos" | "gpt";
  sectorBytes: number;
  /** A file that begins as the disk did: the code of its first sector is taken from it. Null where there is none. */
  firstSector: string | null;
  /** What followed that sector on a disk with an MBR, where boot loaders keep what does not fit into it. */
  gap: { path: string; offset: number } | null;
  partitions: SavedPartition[];
}

/** Bytes; `files` are the pieces of one stream in their order. */
export interface SavedPartition {
  name: string;
  start: number;
  bytes: number;
  content: { kind: "stream"; files: string[] } | { kind: "swap"; uuid: string; label: string };
}

/** Partition types that hold no file system, in lower case. */
const extended = new Set(["5", "f", "85"]);
const microsoftReserved = "e3c9e316-0b5c-4db8-817d-f92df00215ae";
const swapTypes = new Set(["82", "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"]);

export interface Wish {
  folder: string;
  entries: readonly TableEntry[];
  sectorBytes: number;
  /** Names of the folder's files that are the saved partition of that number. */
  filesOf(number: number): string[];
  /** Of a swap partition of that number. */
  swapOf(number: number): { uuid: string; label: string };
}

/** Each partition of the table with what was saved of it. Throws E_IMAGE_TRUNCATED for one of which nothing is there. */
export function savedPartitions({ entries, filesOf, folder, sectorBytes, swapOf }: Wish): SavedPartition[] {
  return entries.flatMap(({ name, number, sectors, start, type }): SavedPartition[] => {
    if (extended.has(type)) return [];
    const place = { name, start: start * sectorBytes, bytes: sectors * sectorBytes };
    const files = filesOf(number);
    if (files.length > 0) {
      return [{ ...place, content: { kind: "stream", files: joinPieces(folder, files) } }];
    }
    if (swapTypes.has(type)) return [{ ...place, content: { kind: "swap", ...swapOf(number) } }];
    if (type === microsoftReserved) return [];
    throw incomplete(folder, `the table has the partition ${name}, and no file of it is there`);
  });
}

export function incomplete(folder: string, why: string): VolleyError {
  return new VolleyError("E_IMAGE_TRUNCATED", `${folder} is not complete: ${why}.`);
}
