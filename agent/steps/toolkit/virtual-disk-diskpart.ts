/** A virtual hard disk by diskpart. Source: "create vdisk", "select vdisk" and "attach vdisk" (Windows commands). */
import { codes } from "../codes.ts";
import { service, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { runDiskpart } from "../windows/volumes.ts";
import type { VirtualDiskWish } from "./virtual-disk.ts";

/** Resolves with its number: of the disks that are made of files the one that was not there before. */
export async function makeByDiskpart(context: StepContext, wish: VirtualDiskWish): Promise<number> {
  const { child, file, megabytes, source, type } = wish;
  const content = source === null ? `maximum=${megabytes}` : `source="${source}"`;
  const lines = [`create vdisk file="${file}" ${content} type=${type}`];
  if (child !== null) lines.push(`create vdisk file="${child}" parent="${file}"`);
  lines.push(`select vdisk file="${child ?? file}"`, "attach vdisk");
  const before = await virtualDisks(context);
  await runDiskpart(context, `create ${file}`, lines);
  const [number, ...more] = (await virtualDisks(context)).filter((one) => !before.includes(one));
  if (number === undefined || more.length > 0) {
    throw new StepFailure(codes.notFound, `Which disk ${child ?? file} is Windows does not show`);
  }
  return number;
}

async function virtualDisks(context: StepContext): Promise<number[]> {
  const disks = await service(context, "disks", "list of disks").list();
  return disks.filter(({ kind }) => kind === "virtual").flatMap(({ number }) => number ?? []);
}
