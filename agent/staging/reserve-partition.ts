/**
 * A reserved place in the partition table: an entry of its own over it, so that neither a volume that grows nor a person
 * with a partitioning tool takes it. A disk's image brings a table without it, so it is made after the image.
 */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool, runToolToEnd } from "../platform/run-tool.ts";
import { kernelPartitions, readTable, type Extent } from "./reserved-area.ts";

const mebibyte = 2 ** 20;
/** "Linux reserved" ("Partition Types", util-linux): nothing mounts it. */
const partitionType = "8DA63339-0007-60C0-C436-083AC8230908";
const partitionName = "Volley user state";

interface Found {
  isGpt: boolean;
  sectorBytes: number;
  /** The entry over the place; null when there is none. */
  own: number | null;
  others: Extent[];
}

/** What is at `place` counts to the next MiB, as partitions are made. */
const endOf = ({ bytes, offset }: Extent): number => offset + Math.ceil(bytes / mebibyte) * mebibyte;

async function tableOf(disk: string, place: Extent): Promise<Found> {
  const table = await readTable(disk);
  if (table === null) return { isGpt: false, sectorBytes: 512, own: null, others: [] };
  const { label, partitions, sectorBytes } = table;
  let own: number | null = null;
  const others: Extent[] = [];
  for (const { name, number, size, start, type } of partitions) {
    const isOwn =
      type.toUpperCase() === partitionType &&
      name === partitionName &&
      start * sectorBytes === place.offset &&
      (start + size) * sectorBytes === endOf(place);
    if (isOwn) own = number;
    else others.push({ offset: start * sectorBytes, bytes: size * sectorBytes });
  }
  return { isGpt: label === "gpt", sectorBytes, own, others };
}

function refuseReached(disk: string, place: Extent, partitions: readonly Extent[]): void {
  if (!partitions.some(({ bytes, offset }) => offset < endOf(place) && offset + bytes > place.offset)) return;
  throw new VolleyError(
    "E_CONFLICT",
    `A partition of ${disk} reaches byte ${place.offset}, where users' files are kept`,
  );
}

/** False where the disk has no GPT. Again changes nothing. Rejects with E_CONFLICT when a partition reaches there. */
export async function holdReserve(disk: string, place: Extent): Promise<boolean> {
  const { isGpt, others, own, sectorBytes } = await tableOf(disk, place);
  refuseReached(disk, place, others);
  if (!isGpt || own !== null) return isGpt;
  const size = (endOf(place) - place.offset) / sectorBytes;
  const fields = `start=${place.offset / sectorBytes}, size=${size}, type=${partitionType}`;
  const words = ["--quiet", "--no-reread", "--force", "--wipe-partitions", "never", "--append", disk];
  await sfdisk(words, `${fields}, name="${partitionName}"\n`);
  return true;
}

/** Takes the entry away. Rejects with E_CONFLICT, and changes nothing, when another partition reaches there. */
export async function releaseReserve(disk: string, place: Extent, sys?: string): Promise<void> {
  const { others, own } = await tableOf(disk, place);
  const seen = (await kernelPartitions(disk, sys)).filter(
    ({ bytes, offset }) => own === null || offset !== place.offset || offset + bytes !== endOf(place),
  );
  refuseReached(disk, place, [...others, ...seen]);
  if (own === null) return;
  await sfdisk(["--quiet", "--no-reread", "--force", "--delete", disk, String(own)], "");
  // The kernel may not have known it.
  await runTool(["partx", "--delete", "--nr", String(own), disk], limits.toolTimeMs);
}

async function sfdisk(words: readonly string[], input: string): Promise<void> {
  const { complaint, exitCode } = await runToolToEnd(["sfdisk", ...words], limits.toolTimeMs, { input });
  if (exitCode === 0) return;
  throw new VolleyError("E_CONFLICT", `The partition table takes no mark: ${complaint}`);
}
