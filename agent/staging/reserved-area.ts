/**
 * Room at the end of a disk that belongs to no partition and to no image: what is put there survives that the disk is
 * written. The last MiB stays free, since a GPT ends with a copy of itself.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { parseTable, type SfdiskTable } from "../platform/linux/partition-tool.ts";
import { runTool } from "../platform/run-tool.ts";

const mebibyte = 2 ** 20;
/** sysfs counts in these whatever the disk's own are ("Queue sysfs files", Linux). */
const sysfsSectorBytes = 512;

export interface ReservedPlace extends Extent {
  /** Of what is there, hex. */
  sha256: string;
}

/**
 * Where `bytes` may be put, or null: behind every partition that the kernel knows and behind the first `imageBytes`.
 * `sys`: where sysfs is.
 */
export async function findReserve(
  disk: { path: string; sizeBytes: number },
  wish: { bytes: number; imageBytes: number },
  sys = "/sys",
): Promise<number | null> {
  const partitions = await lastPartitionEnd(disk.path, sys);
  if (partitions === null) return null;
  const end = Math.max(wish.imageBytes, partitions);
  const last = Math.floor(disk.sizeBytes / mebibyte) * mebibyte - mebibyte;
  const offset = Math.floor((last - wish.bytes) / mebibyte) * mebibyte;
  // The end of an image may be a copy of its GPT, of which the place is not to be taken either.
  return offset >= Math.ceil(end / mebibyte) * mebibyte ? offset : null;
}

/** A stretch of a disk, in bytes. */
export interface Extent {
  offset: number;
  bytes: number;
}

/** The partitions that the kernel knows of the disk. */
export async function kernelPartitions(disk: string, sys = "/sys"): Promise<Extent[]> {
  const found: Extent[] = [];
  const folder = join(sys, "class/block", basename(disk));
  for (const name of await readdir(folder).catch(() => [])) {
    if (!existsSync(join(folder, name, "partition"))) continue;
    const [start = 0, size = 0] = await Promise.all(
      ["start", "size"].map(async (file) =>
        Number((await readFile(join(folder, name, file), "utf8")).trim()),
      ),
    );
    found.push({ offset: start * sysfsSectorBytes, bytes: size * sysfsSectorBytes });
  }
  return found;
}

/** In bytes, by what the kernel and the table itself say; null when neither knows a partition. */
async function lastPartitionEnd(disk: string, sys: string): Promise<number | null> {
  const ends = (await kernelPartitions(disk, sys)).map(({ bytes, offset }) => offset + bytes);
  const table = await readTable(disk);
  for (const { size, start } of table?.partitions ?? []) {
    ends.push((start + size) * (table?.sectorBytes ?? 0));
  }
  return ends.length === 0 ? null : Math.max(...ends);
}

/** As sfdisk reads it; null where it reads none. */
export async function readTable(disk: string): Promise<SfdiskTable | null> {
  const output = await runTool(["sfdisk", "--json", disk], limits.toolTimeMs);
  return output === null ? null : parseTable(output);
}

/** Durable when it resolves. */
export async function writeReserve(disk: string, offset: number, path: string): Promise<ReservedPlace> {
  const { size } = await stat(path);
  await pipeline(
    createReadStream(path),
    createWriteStream(disk, { flags: "r+", start: offset, flush: true }),
  );
  return { offset, bytes: size, sha256: await hashOf(path, 0, size) };
}

/** Rejects with E_CONTENT_CORRUPT when it is not what was put there. */
export async function readReserve(disk: string, place: ReservedPlace, path: string): Promise<void> {
  const { bytes, offset, sha256 } = place;
  const found = await hashOf(disk, offset, bytes);
  if (found !== sha256) {
    throw new VolleyError(
      "E_CONTENT_CORRUPT",
      `What was kept at byte ${offset} of ${disk} is not there any more`,
    );
  }
  const part = createReadStream(disk, { start: offset, end: offset + bytes - 1 });
  await pipeline(part, createWriteStream(path, { mode: 0o600 }));
}

/** Zeros over it. */
export async function wipeReserve(disk: string, { bytes, offset }: ReservedPlace): Promise<void> {
  const handle = await open(disk, "r+");
  try {
    const zeros = Buffer.alloc(mebibyte);
    for (let done = 0; done < bytes; done += zeros.length) {
      await handle.write(zeros, 0, Math.min(zeros.length, bytes - done), offset + done);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function hashOf(path: string, start: number, bytes: number): Promise<string> {
  const digest = createHash("sha256");
  if (bytes > 0) {
    for await (const piece of createReadStream(path, { start, end: start + bytes - 1 })) {
      digest.update(piece as Buffer);
    }
  }
  return digest.digest("hex");
}
