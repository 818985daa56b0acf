/** A saved disk into a raw file: its table, what starts it, and each partition by partclone where it was. */
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { toVolleyError, VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import {
  compressionOf,
  ntfsCopyOffset,
  ntfsSectorBytes,
  otherImageProgram,
  partcloneHead,
} from "../../../contract/saved-stream.ts";
import { runTool } from "../tools.ts";
import { beginningOf, needCompression, runPipeline } from "./pipeline.ts";
import type { SavedDisk, SavedPartition } from "./saved-disk.ts";

const mebibyte = 1_048_576;
/** The code in a disk's first sector; with an MBR the disk's signature is behind it. */
const codeBytes = 440;
const codeAndSignatureBytes = 446;

export interface RestoreWork {
  /** Of the caller's own. */
  folder: string;
  signal: AbortSignal;
  /** 0 to 1. */
  done: (part: number) => void;
}

/** Of the files that are read. */
export function savedBytes({ partitions }: SavedDisk): number {
  return partitions.reduce(
    (sum, { content }) => sum + (content.kind === "stream" ? sizeOf(content.files) : 0),
    0,
  );
}

const sizeOf = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(file).size, 0);

/**
 * Answers the raw file's path. The disk ends a mebibyte after its last partition, so that it fits smaller disks than the one
 * that was saved. Throws E_IMAGE_TRUNCATED, E_IMAGE_FORMAT, E_CONTENT_WRITE, E_TOOL_MISSING, E_TOOL_FAILED, E_CANCELLED.
 */
export async function restoreDisk(disk: SavedDisk, work: RestoreWork): Promise<string> {
  const { folder, signal } = work;
  const raw = join(folder, "disk");
  const end = Math.max(...disk.partitions.map(({ bytes, start }) => start + bytes));
  const diskBytes = Math.ceil(end / mebibyte) * mebibyte + mebibyte;
  if (diskBytes > limits.imageBytesMax) {
    throw new VolleyError(
      "E_IMAGE_FORMAT",
      `A disk of ${diskBytes} bytes; ${limits.imageBytesMax} is the most.`,
    );
  }
  writeFileSync(raw, "", { mode: 0o600 });
  truncateSync(raw, diskBytes);
  const words = ["--quiet", "--force", "--no-reread", "--no-tell-kernel", raw];
  const { complaint, exitCode } = await runTool("sfdisk", words, signal, { input: disk.dump });
  if (exitCode !== 0) {
    throw new VolleyError("E_IMAGE_FORMAT", `The partition table cannot be written anew: ${complaint}`);
  }
  writeStart(raw, disk);
  const total = Math.max(savedBytes(disk), 1);
  let before = 0;
  for (const partition of disk.partitions) {
    const bytes = partition.content.kind === "stream" ? sizeOf(partition.content.files) : 0;
    const done = (part: number): void => work.done((before + part * bytes) / total);
    try {
      await restorePartition(raw, partition, { ...work, done });
    } catch (error) {
      const { code, detail } = toVolleyError(error);
      throw new VolleyError(code, `Partition ${partition.name}: ${detail}`, { cause: error });
    }
    before += bytes;
    work.done(before / total);
  }
  return raw;
}

/** Boot code, and with an MBR what lies between it and the first partition. The table is sfdisk's. */
function writeStart(raw: string, { firstSector, gap, label, partitions, sectorBytes }: SavedDisk): void {
  if (firstSector !== null) {
    const code = readStart(firstSector, 0, label === "dos" ? codeAndSignatureBytes : codeBytes);
    writeAt(raw, code, 0);
  }
  if (gap === null || label !== "dos") return;
  const first = Math.min(...partitions.map(({ start }) => start), mebibyte);
  writeAt(raw, readStart(gap.path, gap.offset, first - sectorBytes), sectorBytes);
}

function readStart(path: string, offset: number, length: number): Buffer {
  return readFileSync(path).subarray(offset, offset + Math.max(length, 0));
}

function writeAt(raw: string, bytes: Buffer, offset: number): void {
  const file = openSync(raw, "r+");
  try {
    writeSync(file, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(file);
  }
}

async function restorePartition(raw: string, partition: SavedPartition, work: RestoreWork): Promise<void> {
  const { bytes, content, start } = partition;
  if (content.kind === "swap") return makeSwap(raw, { ...content, bytes, start }, work);
  const { files } = content;
  const [first = ""] = files;
  const compression = compressionOf(readHead(first));
  await needCompression(compression);
  const head = await beginningOf(first, compression, work.signal);
  const image = partcloneHead(head);
  if (image === null) refuseOthers(head, basename(first));
  else if (image.deviceBytes > bytes) {
    const sizes = `${image.deviceBytes} bytes of a file system are to go into ${bytes}`;
    throw new VolleyError("E_IMAGE_FORMAT", `${basename(first)} is of another partition: ${sizes}.`);
  }
  const log = join(work.folder, "partclone.log");
  const isStream = image !== null;
  if (isStream) await runTool("partclone.restore", ["--version"]);
  // "$1" is the disk, "$2" the log, the others the pieces.
  const write = isStream
    ? `partclone.restore --source - --overwrite "$1" --offset ${start} --logfile "$2" --no_block_detail --UI-fresh 1`
    : `dd of="$1" bs=${mebibyte} seek=${start} oflag=seek_bytes iflag=fullblock conv=notrunc,sparse status=none`;
  const limit = isStream ? [] : [`head -c ${bytes}`];
  await runPipeline({
    stages: ['cat -- "${@:3}"', compression.decompress, ...limit, write],
    parameters: [raw, log, ...files],
    signal: work.signal,
    done: work.done,
  });
  rmSync(log, { force: true });
  if (image?.fileSystem === "NTFS") writeSecondBootSector(raw, partition);
}

function readHead(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(16);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

/** What is neither partclone's nor the plain bytes of a partition. */
function refuseOthers(head: Buffer, name: string): void {
  if (head.length === 0) {
    throw new VolleyError("E_IMAGE_TRUNCATED", `${name} is empty, or damaged from its beginning on.`);
  }
  const program = otherImageProgram(head);
  if (program !== null) {
    throw new VolleyError("E_IMAGE_FORMAT", `${name} was saved by ${program}; save it by partclone.`);
  }
}

function writeSecondBootSector(raw: string, { bytes, start }: SavedPartition): void {
  const file = openSync(raw, "r+");
  try {
    const sector = Buffer.alloc(ntfsSectorBytes);
    readSync(file, sector, 0, sector.length, start);
    const offset = ntfsCopyOffset(sector);
    if (offset !== null && offset + sector.length <= bytes) {
      writeSync(file, sector, 0, sector.length, start + offset);
    }
  } finally {
    closeSync(file);
  }
}

/** mkswap(8) writes the area's first page, and nothing else of it. */
const pageBytes = 4096;

async function makeSwap(
  raw: string,
  { bytes, label, start, uuid }: { bytes: number; label: string; start: number; uuid: string },
  { folder, signal }: RestoreWork,
): Promise<void> {
  const area = join(folder, "swap");
  writeFileSync(area, "", { mode: 0o600 });
  try {
    truncateSync(area, bytes);
    const names = [...(uuid === "" ? [] : ["--uuid", uuid]), ...(label === "" ? [] : ["--label", label])];
    const { complaint, exitCode } = await runTool("mkswap", ["--quiet", ...names, area], signal);
    if (exitCode !== 0) throw new VolleyError("E_TOOL_FAILED", `mkswap: ${complaint}`);
    writeAt(raw, readHeadOf(area, pageBytes), start);
  } finally {
    rmSync(area, { force: true });
  }
}

function readHeadOf(path: string, length: number): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}
