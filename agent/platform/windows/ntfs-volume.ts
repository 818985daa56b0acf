/** What of an NTFS volume stands in its first sector, and in the copy of that behind its last ("NTFS", boot sector). */
import { randomBytes } from "node:crypto";
import type { DiskPiece } from "../../../native/index.ts";
import type { ReadSectors } from "../disk-table.ts";

/** In sectors of its disk. */
interface Place {
  start: number;
  size: number;
  sectorBytes: number;
}
export interface NtfsVolume {
  sectorBytes: number;
  first: Buffer;
  /** Null where there is none: on a partition that has grown, or whose image was cut. */
  copy: { sector: number; bytes: Buffer } | null;
  /** Sectors of the partition that the volume does not take; its clusters are whole. */
  spareSectors: number;
}

const at = { sectorsInCluster: 13, totalSectors: 40, serial: 72 };

/** Null for a partition that holds something else. */
export async function readNtfsVolume(
  read: ReadSectors,
  { sectorBytes, size, start }: Place,
): Promise<NtfsVolume | null> {
  const first = await read(start * sectorBytes, sectorBytes);
  if (!isNtfs(first)) return null;
  // "Total sectors" leaves the copy out, which lies behind them.
  const sector = Number(first.readBigUInt64LE(at.totalSectors));
  const bytes = sector < size ? await read((start + sector) * sectorBytes, sectorBytes) : Buffer.alloc(0);
  const copy = isNtfs(bytes) ? { sector, bytes } : null;
  return { sectorBytes, first, copy, spareSectors: size - sector - 1 };
}

const isNtfs = (sector: Buffer): boolean => sector.toString("latin1", 3, 11) === "NTFS    ";

/** Whether one cluster more would find room on its partition. */
export function mayGrow({ first, spareSectors }: NtfsVolume): boolean {
  const told = first.readUInt8(at.sectorsInCluster);
  // Large clusters are told as the negative of their power of two.
  const cluster = told > 128 ? 2 ** (256 - told) : told;
  return spareSectors >= cluster;
}

/** A serial number of its own, as `ntfslabel --new-serial` gives it, for a volume that begins at that sector of what is written. */
export function ownSerial(volume: NtfsVolume | undefined, start: number): DiskPiece[] {
  if (volume === undefined) return [];
  const { copy, first, sectorBytes } = volume;
  const serial = randomBytes(8);
  const sectors = [{ sector: 0, bytes: first }, ...(copy === null ? [] : [copy])];
  return sectors.map(({ bytes, sector }) => {
    const own = Buffer.from(bytes);
    serial.copy(own, at.serial);
    return { offset: (start + sector) * sectorBytes, bytes: own };
  });
}
