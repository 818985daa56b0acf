/** An applied Windows that UEFI starts: boot files and a boot configuration on the EFI system partition. */
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { bootExtras, bootFilePlans } from "../../../windows/boot-files.ts";
import { fitBootEntries } from "../../platform/linux/boot-entries.ts";
import { codes } from "../codes.ts";
import type { Destination } from "../images/destination.ts";
import type { PartitionFound } from "../partitioning/read-table.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { targetArchitecture } from "../unattend/place.ts";
import { findInAnyCase } from "../volumes.ts";
import { partitionsNoted } from "./partitions-before.ts";
import { makeStore } from "./store.ts";

type Table = NonNullable<Destination["table"]>;

const plan = bootFilePlans.uefi;
const efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** Throws StepFailure when there is none. */
export function efiPartition({ disk, partitions }: Table): PartitionFound {
  const system = partitions.find(({ typeCode }) => typeCode === efiSystem);
  if (system !== undefined) return system;
  throw new StepFailure(codes.notFound, `${disk} has no EFI system partition to start from`);
}

/**
 * As bcdboot does it: Windows\Boot\EFI to EFI\Microsoft\Boot, fonts and resources beside it, the boot manager once more
 * where firmware looks by itself, and a store made of the image's template. mtools need no driver for FAT.
 */
export async function startByUefi(
  context: StepContext,
  { table, windows, work }: { table: Table; windows: string; work: string },
): Promise<void> {
  const { device } = efiPartition(table);
  const place = {
    style: "GPT",
    diskGuid: await diskGuidOf(context, table.disk),
    partitionGuid: table.partition.guid,
  } as const;
  const store = await makeStore(context, { windows, folder: work, place });
  const source = await findInAnyCase(windows, ["Boot", plan.source]);
  const manager = await findInAnyCase(source, [plan.manager]);
  await stat(manager);
  for (const name of ["EFI", "EFI/Microsoft", "EFI/Microsoft/Boot", "EFI/Boot"]) {
    // A folder that is there already is no failure: another operating system may start from the partition.
    await context.tools.run({ command: ["mmd", "-D", "s", "-i", device, `::/${name}`] });
  }
  const copy = async (from: readonly string[], to: string): Promise<void> => {
    await runOrFail(context, `copy boot files to ${device}`, {
      command: ["mcopy", "-s", "-o", "-n", "-Q", "-i", device, ...from, `::/${to}`],
    });
  };
  await copy(await entriesOf(source), plan.folder);
  const beside = bootExtras.map((name) => findInAnyCase(windows, ["Boot", name]));
  for (const path of await Promise.all(beside)) {
    if (existsSync(path)) await copy([path], plan.folder);
  }
  await copy([manager], plan.managerPlace(await targetArchitecture(context)));
  await copy([store], `${plan.folder}/BCD`);
  const { guid, number } = efiPartition(table);
  const partitionsBefore = partitionsNoted(context);
  const start = { disk: table.disk, node: device, number, guid, partitionsBefore };
  const told = await fitBootEntries(
    start,
    async (command) => (await runOrFail(context, "change the firmware's boot entries", { command })).output,
  );
  for (const text of told) context.log.info(text);
}

async function diskGuidOf(context: StepContext, disk: string): Promise<string> {
  const { output } = await runOrFail(context, `read the identifier of ${disk}`, {
    command: ["sfdisk", "--disk-id", disk],
  });
  return output.trim();
}

async function entriesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => plan.goesAlong(name));
  return names.map((name) => join(folder, name));
}
