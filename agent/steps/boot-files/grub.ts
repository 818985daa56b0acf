/** Debian's GRUB for a BIOS, in front of an MBR disk's partitions: made, compared with what is there, and written. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import {
  biosSectorBytes,
  bootCodeBytes,
  coreBlockListAt,
  grubConfiguration,
  grubCoreWords,
  grubFolder,
  joinGrub,
  type Grub,
} from "../../../windows/grub-loader.ts";
import { codes } from "../codes.ts";
import type { PartitionFound } from "../partitioning/read-table.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

/** Throws StepFailure for a PE without GRUB, and for a disk with too little room before its first partition. */
export async function makeGrub(
  context: StepContext,
  { disk, partitions }: { disk: string; partitions: readonly PartitionFound[] },
  active: PartitionFound,
): Promise<Grub> {
  const boot = join(grubFolder, "boot.img");
  await runOrFail(context, "look for GRUB", { command: ["grub-mkimage", "--version"] });
  if (!existsSync(boot)) {
    throw new StepFailure(codes.fileNotFound, "GRUB's parts for a BIOS (package grub-pc-bin) are not here");
  }
  const core = await makeCore(context, active);
  const gap = Math.min(...partitions.map(({ startBytes }) => startBytes)) - biosSectorBytes;
  if (core.length > gap) {
    throw new StepFailure(
      codes.diskFull,
      `The boot loader takes ${core.length} bytes, and before the first partition of ${disk} are ${gap}`,
    );
  }
  return joinGrub(await readFile(boot), core);
}

async function makeCore(context: StepContext, active: PartitionFound): Promise<Buffer> {
  const work = join(await workFolder(context), `grub-${randomUUID()}`);
  await mkdir(work);
  try {
    const [config, image] = [join(work, "grub.cfg"), join(work, "core.img")];
    await writeFile(config, grubConfiguration);
    const words = grubCoreWords(active.number, { config, image });
    await runOrFail(context, "make the boot loader", { command: ["grub-mkimage", ...words] });
    return await readFile(image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whether the first two sectors hold code that is not `grub`: something else starts from this disk. */
export async function hasOtherBootCode(disk: string, { code, core }: Grub): Promise<boolean> {
  const found = Buffer.alloc(2 * biosSectorBytes);
  const handle = await open(disk, "r");
  try {
    await handle.read(found, 0, found.length, 0);
  } finally {
    await handle.close();
  }
  // What follows in the core's first sector depends on how long the core is.
  const parts = [
    [found.subarray(0, bootCodeBytes), code],
    [found.subarray(biosSectorBytes, biosSectorBytes + coreBlockListAt), core.subarray(0, coreBlockListAt)],
  ] as const;
  return parts.some(([there, ours]) => there.some((byte) => byte !== 0) && !there.equals(ours));
}

/** The core first: a disk with half of it does not start, and says so. */
export async function writeGrub(disk: string, { code, core }: Grub): Promise<void> {
  const handle = await open(disk, "r+");
  try {
    await writeWhole(handle, core, biosSectorBytes);
    await handle.sync();
    await writeWhole(handle, code, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `offset`: in the file. A single write may take less than it is given. */
export async function writeWhole(
  handle: Pick<FileHandle, "write">,
  bytes: Buffer,
  offset: number,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    if (bytesWritten === 0) throw new StepFailure(codes.failed, "The boot loader could not be written whole");
    done += bytesWritten;
  }
}
