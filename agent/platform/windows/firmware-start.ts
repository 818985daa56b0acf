/**
 * The firmware's entry for a Windows that a disk has got, by bcdboot ("BCDBoot Command-Line Options", Microsoft): it adds one for
 * the EFI system partition that it finds itself, and none where it is told of a partition by /s. So it is asked only where there
 * is no other such partition. Boot files and configuration become those that it makes of that Windows.
 */
import { existsSync } from "node:fs";
import { letterOf } from "./disks.ts";
import type { WindowsDisk, WindowsFacts } from "./facts.ts";
import { hasWindowsEntry } from "./firmware-entries.ts";
import type { WindowsTools } from "./tools.ts";

export interface WindowsPlace {
  path: string;
  /** Of Windows' volume. */
  offsetBytes: number;
}
interface StartingWorld {
  facts: Pick<WindowsFacts, "disks" | "system">;
  tools: WindowsTools;
  /** Runs diskpart with those lines. */
  partition(lines: readonly string[]): Promise<boolean>;
  isFree?: (letter: string) => boolean;
}

const efiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
/** The last first: what is plugged in takes the first. */
const letters = "WVUTSRQPONMLKJIHGFED".split("");

/** Answers what was done, sentences; none where the firmware is no UEFI, or the disk is not for one. */
export async function startByFirmware(place: WindowsPlace, world: StartingWorld): Promise<string[]> {
  const { facts, tools } = world;
  const disks = facts.disks();
  const disk = disks.find(({ path }) => path.toLowerCase() === place.path.toLowerCase());
  if (facts.system().firmware !== "uefi" || disk?.style !== "gpt") return [];
  const without = (why: string): string[] => [
    `The firmware gets no entry for this Windows: ${why}. It starts ${disk.path} by \\EFI\\Boot\\bootx64.efi`,
  ];
  const systems = disks.flatMap(({ partitions, path }) =>
    partitions.flatMap(({ type }) => (type.toLowerCase() === efiSystem ? [path] : [])),
  );
  if (systems.length !== 1 || systems[0] !== disk.path) {
    return without("its disk does not have the only EFI system partition, and bcdboot chooses by itself");
  }
  return await withLetter(disk, place.offsetBytes, world, async (letter) => {
    if (letter === null) return without("its volume gets no drive letter");
    // What an image's configuration has is left out: it would stay as a second Windows in a menu.
    const where = (await hasWindowsEntry(tools)) ? "/p" : "/addlast";
    const isMade = (await tools.run(["bcdboot.exe", `${letter}:\\Windows`, where, "/c"])) !== null;
    return isMade ? ["The firmware has an entry for this Windows"] : without("bcdboot makes none");
  });
}

/** `work` with the volume's letter, which it has only meanwhile where it had none; null where it gets none. */
async function withLetter<Result>(
  { number, partitions }: WindowsDisk,
  offsetBytes: number,
  { isFree = (letter) => !existsSync(`${letter}:\\`), partition }: StartingWorld,
  work: (letter: string | null) => Promise<Result>,
): Promise<Result> {
  const volume = partitions.find((one) => one.offsetBytes === offsetBytes);
  const own = volume === undefined ? null : letterOf(volume);
  const letter = own ?? letters.find(isFree);
  if (volume === undefined || letter === undefined) return await work(null);
  if (own !== null) return await work(own);
  const select = [`select disk ${number}`, `select partition ${volume.number}`];
  if (!(await partition([...select, `assign letter=${letter}`]))) return await work(null);
  try {
    return await work(letter);
  } finally {
    await partition([...select, `remove letter=${letter}`]);
  }
}
