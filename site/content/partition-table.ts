/** What an image's partition table says: with which firmware it boots, its sector size, and whether it is whole. */
import { VolleyError } from "../../contract/errors.ts";
import type { ImageFacts } from "../../contract/deployment.ts";

export interface DiskFacts {
  firmware: ImageFacts["firmware"];
  sectorBytes: ImageFacts["sectorBytes"];
}
/** The image, of which only a few sectors are read. */
export interface SectorReader {
  imageBytes: number;
  read(offset: number, length: number): Promise<Buffer>;
}

interface Partition {
  /** Bytes. */
  start: number;
  end: number;
  type: string;
  bootable: boolean;
}

const bootSignature = 0xaa55;
const bootCodeBytes = 440;
const headBytes = 65_536;
const gptEntriesMost = 1024;
const gptEntryBytesMost = 4096;
const protective = "0xee";
const mbrSystemPartition = "0xef";
const gptSystemPartition = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const gptBiosBootPartition = "21686148-6449-6e6f-744e-656564454649";
const gptUnused = "00000000-0000-0000-0000-000000000000";

/** Throws E_IMAGE_TRUNCATED when the table names what lies beyond the image's end, and what `read` throws. */
export async function inspectPartitions(image: SectorReader): Promise<DiskFacts> {
  const head = await image.read(0, Math.min(headBytes, image.imageBytes));
  const sectorBytes = ([512, 4096] as const).find((size) => isGptHeader(head, size));
  if (sectorBytes !== undefined) return await inspectGpt(image, head, sectorBytes);
  if (head.length < 512 || head.readUInt16LE(510) !== bootSignature) {
    return { firmware: [], sectorBytes: 512 };
  }
  const partitions = mbrPartitions(head);
  if (partitions.some((partition) => partition.type === protective)) {
    throw new VolleyError(
      "E_IMAGE_TRUNCATED",
      "The image says that it has a GPT, but its header is not there.",
    );
  }
  // A file system may begin with a boot sector of its own; what then stands in the table's place is no table.
  if (!looksLikeTable(head)) return { firmware: [], sectorBytes: 512 };
  for (const partition of partitions) checkEnd(partition.end, image.imageBytes);
  const firmware: DiskFacts["firmware"] = [];
  if (
    bootsFromMbr(
      head,
      partitions.some((partition) => partition.bootable),
    )
  ) {
    firmware.push("bios");
  }
  if (partitions.some((partition) => partition.type === mbrSystemPartition)) firmware.push("uefi");
  return { firmware, sectorBytes: 512 };
}

function checkEnd(end: number, imageBytes: number): void {
  if (end <= imageBytes) return;
  throw new VolleyError(
    "E_IMAGE_TRUNCATED",
    `The image is ${imageBytes} bytes long, but a partition ends at byte ${end}.`,
  );
}

function isGptHeader(bytes: Buffer, at: number): boolean {
  return bytes.length >= at + 92 && bytes.toString("latin1", at, at + 8) === "EFI PART";
}

function safeNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

async function inspectGpt(image: SectorReader, head: Buffer, sectorBytes: 512 | 4096): Promise<DiskFacts> {
  const header = head.subarray(sectorBytes);
  const alternate = safeNumber(header.readBigUInt64LE(32)) * sectorBytes;
  if (alternate + sectorBytes > image.imageBytes) {
    const detail = `The image is ${image.imageBytes} bytes long, but its second partition table is at byte ${alternate}.`;
    throw new VolleyError("E_IMAGE_TRUNCATED", detail);
  }
  if (!isGptHeader(await image.read(alternate, sectorBytes), 0)) {
    throw new VolleyError(
      "E_IMAGE_TRUNCATED",
      `The second partition table, at byte ${alternate}, is not there.`,
    );
  }
  const partitions = await gptPartitions(image, header, sectorBytes);
  for (const partition of partitions) checkEnd(partition.end, image.imageBytes);
  const firmware: DiskFacts["firmware"] = [];
  const forBios = partitions.some(
    (partition) => partition.bootable || partition.type === gptBiosBootPartition,
  );
  if (forBios && hasBootCode(head)) firmware.push("bios");
  if (partitions.some((partition) => partition.type === gptSystemPartition)) firmware.push("uefi");
  return { firmware, sectorBytes };
}

async function gptPartitions(image: SectorReader, header: Buffer, sectorBytes: number): Promise<Partition[]> {
  const at = safeNumber(header.readBigUInt64LE(72)) * sectorBytes;
  const count = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  if (count > gptEntriesMost || entryBytes < 128 || entryBytes > gptEntryBytesMost) {
    throw new VolleyError(
      "E_IMAGE_TRUNCATED",
      `The partition table claims ${count} entries of ${entryBytes} bytes.`,
    );
  }
  checkEnd(at + count * entryBytes, image.imageBytes);
  const table = await image.read(at, count * entryBytes);
  const partitions: Partition[] = [];
  for (let entry = 0; entry + entryBytes <= table.length; entry += entryBytes) {
    const type = guid(table.subarray(entry, entry + 16));
    if (type === gptUnused) continue;
    partitions.push({
      start: safeNumber(table.readBigUInt64LE(entry + 32)) * sectorBytes,
      end: (safeNumber(table.readBigUInt64LE(entry + 40)) + 1) * sectorBytes,
      type,
      // "Legacy BIOS bootable", by which boot code finds its partition.
      bootable: (table.readBigUInt64LE(entry + 48) & 4n) !== 0n,
    });
  }
  return partitions;
}

/** The first three fields of a GUID are stored with their bytes turned round. */
function guid(bytes: Buffer): string {
  const turned = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((index) => bytes[index] ?? 0);
  const text = Buffer.from(turned).toString("hex");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function mbrPartitions(head: Buffer): Partition[] {
  return [446, 462, 478, 494]
    .map((at) => ({
      start: head.readUInt32LE(at + 8) * 512,
      end: (head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12)) * 512,
      type: `0x${(head[at + 4] ?? 0).toString(16).padStart(2, "0")}`,
      bootable: head[at] === 0x80,
    }))
    .filter((partition) => partition.type !== "0x00" && partition.end > partition.start);
}

/** Every entry of a real table is marked as active or not, and nothing else. */
function looksLikeTable(head: Buffer): boolean {
  return [446, 462, 478, 494].every((at) => head[at] === 0 || head[at] === 0x80);
}

function hasBootCode(head: Buffer): boolean {
  return head.subarray(0, bootCodeBytes).some((byte) => byte !== 0);
}

/** GRUB's boot code needs no active partition; all other boot code looks for one. */
function bootsFromMbr(head: Buffer, active: boolean): boolean {
  return hasBootCode(head) && (active || head.subarray(0, bootCodeBytes).includes("GRUB"));
}
