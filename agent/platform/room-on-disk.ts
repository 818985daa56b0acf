/** Where the partitions behind Windows go, so that it can take the rest of its disk. Pure. */

/** Places and sizes are sectors. */
interface Placed {
  number: number;
  start: number;
  size: number;
}
export interface RoomOnDisk {
  /** Of the partition that grows. */
  size: number;
  /** New starts by partition, in the order in which their data has to move: the last on the disk first. */
  places: ReadonlyMap<number, number>;
}

/** What partition managers align to, and what is left at the end of a disk for a GPT's second table. */
const alignBytes = 1_048_576;
/** What an MBR can tell of. */
const mbrSectorsMost = 2 ** 32 - 1;

/**
 * Null when less than a mebibyte is to be had. `sectors`: of the disk. `keptFrom`: the sector from which on everything stays as
 * it is, partitions among it.
 */
export function roomOnDisk(
  {
    label,
    partitions,
    sectorBytes,
  }: { label: "gpt" | "dos"; sectorBytes: number; partitions: readonly Placed[] },
  windows: Placed,
  sectors: number,
  keptFrom = sectors,
): RoomOnDisk | null {
  const align = alignBytes / sectorBytes;
  const most = label === "gpt" ? sectors - align : Math.min(sectors, mbrSectorsMost);
  let end = Math.floor(Math.min(most, keptFrom) / align) * align;
  const places = new Map<number, number>();
  const behind = partitions.filter(({ start }) => start > windows.start && start < keptFrom);
  for (const { number, size } of behind.toReversed()) {
    end = Math.floor((end - size) / align) * align;
    places.set(number, end);
  }
  const size = end - windows.start;
  return size < windows.size + align ? null : { size, places };
}
