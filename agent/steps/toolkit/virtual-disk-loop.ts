/** A fixed virtual hard disk by Linux alone: the disk's bytes on a loop device, and behind them the format's footer. */
import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { codes } from "../codes.ts";
import { fixedDiskFooter, footerBytes, readFixedDiskFooter } from "../../../windows/fixed-disk-footer.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath, numberedDisks } from "../volumes.ts";
import { copyPath } from "./trees.ts";
import type { VirtualDiskWish } from "./virtual-disk.ts";

/** Resolves with its number. */
export async function makeByLoop(context: StepContext, wish: VirtualDiskWish): Promise<number> {
  if (wish.child !== null) {
    throw new StepFailure(codes.notSupported, "A child of a VHD needs nbd, which a Linux PE has not");
  }
  if (/x$/i.test(wish.file)) {
    throw new StepFailure(codes.notSupported, `${wish.file}: a VHDX needs nbd, which a Linux PE has not`);
  }
  const path = await hostPath(context, wish.file);
  const sizeBytes =
    wish.source === null ? await makeEmpty(path, wish.megabytes) : await makeFrom(context, wish.source, path);
  const attach = ["losetup", "--find", "--show", "--partscan", "--sizelimit", String(sizeBytes), path];
  const { output } = await runOrFail(context, `attach ${wish.file}`, { command: attach });
  const number = (await numberedDisks(context)).findIndex((disk) => disk.path === output.trim());
  if (number === -1) throw new StepFailure(codes.notFound, `The system does not show ${output.trim()}`);
  return number;
}

async function makeEmpty(path: string, megabytes: number): Promise<number> {
  const sizeBytes = megabytes * 1024 ** 2;
  const file = await open(path, "wx");
  await file.truncate(sizeBytes).finally(() => file.close());
  await endDisk(path, sizeBytes);
  return sizeBytes;
}

/** With an identifier of its own. */
async function endDisk(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(fixedDiskFooter({ sizeBytes, id: randomUUID(), nowMs: Date.now() }), 0, null, sizeBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function makeFrom(context: StepContext, source: string, path: string): Promise<number> {
  const from = await hostPath(context, source);
  const sizeBytes = await fixedSizeOf(from);
  if (sizeBytes === null) {
    throw new StepFailure(
      codes.notSupported,
      `${source} is no fixed VHD: others need nbd, which a Linux PE has not`,
    );
  }
  await copyPath(context, from, path);
  await endDisk(path, sizeBytes);
  return sizeBytes;
}

/** Null where it is no fixed VHD, or has another length than it says. */
async function fixedSizeOf(path: string): Promise<number | null> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const footer = Buffer.alloc(footerBytes);
    await file.read(footer, 0, footerBytes, Math.max(size - footerBytes, 0));
    const sizeBytes = readFixedDiskFooter(footer);
    return sizeBytes === size - footerBytes ? sizeBytes : null;
  } finally {
    await file.close();
  }
}
