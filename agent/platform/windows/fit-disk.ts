/**
 * The same as linux/fit-disk.ts in a Windows PE, which has neither sfdisk nor ntfsresize: the disk's table and the volumes'
 * serial numbers are written by the addon, which also moves what stands behind Windows, and diskpart grows the volume
 * ("extend" of "DiskPart", Microsoft).
 */
import { randomBytes, randomUUID } from "node:crypto";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import type { DiskMove, rewriteDisk } from "../../../native/index.ts";
import { namesDevices } from "../../../windows/boot-store.ts";
import { sizeText } from "../../report/words.ts";
import {
  piecesOf,
  readDiskTable,
  type DiskTable,
  type ReadSectors,
  type TablePartition,
} from "../disk-table.ts";
import type { FitWish } from "../platform.ts";
import { roomOnDisk } from "../room-on-disk.ts";
import { loadedBootStore } from "./boot-store.ts";
import { withSectors } from "./disk-sectors.ts";
import { extend, runDiskpart } from "./diskpart.ts";
import type { WindowsDisk, WindowsFacts } from "./facts.ts";
import { entriesThatLead, removeStaleEntries } from "./firmware-entries.ts";
import { startByFirmware } from "./firmware-start.ts";
import { ownSerial, readNtfsVolume, type NtfsVolume } from "./ntfs-volume.ts";
import type { WindowsTools } from "./tools.ts";

export interface FittingWorld {
  facts: Pick<WindowsFacts, "disks" | "system">;
  tools: WindowsTools;
  /** As rewriteDisk of the addon; resolves when it is done. */
  rewrite: (options: Parameters<typeof rewriteDisk>[0]) => Promise<void>;
}

const efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const dataTypes = new Set(["EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "7"]);
/** Logical partitions stand in a chain of tables of their own ("Extended Boot Record"). */
const extendedTypes = new Set(["5", "f", "85"]);

/** As Fitting.partitionsOf; and the firmware's entries that lead to partitions, which may be on it, in braces. */
export async function partitionsOf(
  path: string,
  { facts, tools }: { facts: Pick<WindowsFacts, "disks">; tools: WindowsTools },
): Promise<string[]> {
  const table = await withSectors(path, (read) => readDiskTable(read, diskAt(path, facts).sectorBytes));
  const uuids = (table?.partitions ?? []).flatMap(({ uuid }) => (uuid === "" ? [] : [uuid.toLowerCase()]));
  return [...uuids, ...(await entriesThatLead(tools))];
}

/** As Fitting.fit. Rejects with E_TOOL_FAILED, and what rewriteDisk rejects with. */
export async function fitDisk(
  path: string,
  { partitionsBefore }: Pick<FitWish, "partitionsBefore">,
  world: FittingWorld,
): Promise<string[]> {
  const disk = diskAt(path, world.facts);
  const read = await withSectors(path, (sectors) => lookAt(sectors, disk));
  if (typeof read === "string") return [`${path} ${read}, so it stays as the image has it`];
  const { ntfs, table, windows } = read;
  const named = await identifiersNamed(table, disk, world);
  const sectors = Math.floor(disk.sizeBytes / table.sectorBytes);
  const room = roomOnDisk(table, windows, sectors);
  const partitions = table.partitions.map((one) => ({
    ...one,
    start: room?.places.get(one.number) ?? one.start,
    uuid: named === null && table.label === "gpt" ? randomUUID().toUpperCase() : one.uuid,
  }));
  const id = named !== null ? table.id : ownIdentifier(table.label);
  await world.rewrite({
    path,
    moves: movesOf(table, room?.places ?? new Map()),
    pieces: [
      ...partitions.flatMap(({ number, start }) => ownSerial(ntfs.get(number), start)),
      ...piecesOf({ ...table, id, partitions }, sectors),
    ],
  });
  const done: string[] = [];
  const place = { path, offsetBytes: windows.start * table.sectorBytes };
  const volume = await shownVolume(path, place.offsetBytes, world.facts);
  if (room !== null) {
    if (volume === null) {
      throw new VolleyError("E_TOOL_FAILED", `Windows does not show its volume on ${path}`);
    }
    await extend(disk, volume, { order: "extend", tools: world.tools });
    const grown = (room.size - windows.size) * table.sectorBytes;
    done.push(`Windows was grown by ${sizeText(grown)}, to the end of ${path}`);
  }
  done.push(
    named === null
      ? `${path} and its partitions have identifiers of their own`
      : `${path} keeps the image's identifiers: ${named}`,
  );
  done.push(...(await removeStaleEntries(partitionsBefore, world.tools)));
  const partition = (lines: readonly string[]): Promise<boolean> => runDiskpart(lines, world.tools);
  return [...done, ...(await startByFirmware(place, { ...world, partition }))];
}

interface Looked {
  table: DiskTable;
  windows: TablePartition;
  /** By the number of its partition. */
  ntfs: Map<number, NtfsVolume>;
}

function diskAt(path: string, facts: Pick<WindowsFacts, "disks">): WindowsDisk {
  const disk = facts.disks().find((one) => one.path.toLowerCase() === path.toLowerCase());
  if (disk === undefined) throw new VolleyError("E_DISK_NOT_FOUND", `There is no disk ${path}`);
  return disk;
}

/** A phrase where the disk is none that is fitted. */
async function lookAt(read: ReadSectors, { sectorBytes }: WindowsDisk): Promise<Looked | string> {
  const table = await readDiskTable(read, sectorBytes);
  if (table === null || table.partitions.length === 0) return "has no partitions";
  if (table.label === "dos" && table.partitions.some(({ type }) => extendedTypes.has(type))) {
    return "has an extended partition";
  }
  const ntfs = new Map<number, NtfsVolume>();
  for (const { number, start, size } of table.partitions) {
    const volume = await readNtfsVolume(read, { start, size, sectorBytes });
    if (volume !== null) ntfs.set(number, volume);
  }
  const [windows] = table.partitions
    .filter(({ number, type }) => ntfs.has(number) && dataTypes.has(type))
    .toSorted((one, other) => other.size - one.size);
  return windows === undefined ? "has no NTFS volume" : { table, windows, ntfs };
}

function movesOf({ partitions, sectorBytes }: DiskTable, places: ReadonlyMap<number, number>): DiskMove[] {
  return [...places].flatMap(([number, to]) => {
    const one = partitions.find((partition) => partition.number === number);
    if (one === undefined || one.start === to) return [];
    return [{ from: one.start * sectorBytes, to: to * sectorBytes, bytes: one.size * sectorBytes }];
  });
}

const ownIdentifier = (label: DiskTable["label"]): string =>
  label === "gpt" ? randomUUID().toUpperCase() : randomBytes(4).toString("hex");

/** Null when the store that starts Windows names no disk or partition; else why identifiers must stay, a phrase. */
async function identifiersNamed(
  { label, partitions, sectorBytes }: DiskTable,
  disk: WindowsDisk,
  { tools }: FittingWorld,
): Promise<string | null> {
  const system = partitions.find(({ bootable, type }) => (label === "gpt" ? type === efiSystem : bootable));
  if (system === undefined) return "nothing on it starts Windows";
  const shown = disk.partitions.find(({ offsetBytes }) => offsetBytes === system.start * sectorBytes);
  if (shown === undefined || shown.volume === null) {
    return "Windows shows no volume with its boot configuration";
  }
  const folder = await mkdtemp(join(tmpdir(), "volley-fit-"));
  try {
    // The volume's own name holds where it has no letter, as an EFI system partition has none.
    const path = label === "gpt" ? "EFI\\Microsoft\\Boot\\BCD" : "Boot\\BCD";
    await copyFile(`${shown.volume}${path}`, join(folder, "BCD"));
    const store = await loadedBootStore(join(folder, "BCD"), tools);
    if (store === null) return "its boot configuration cannot be read";
    return namesDevices(store) ? "its boot configuration names them" : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return `its boot configuration cannot be read (${code})`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type ShownPartition = WindowsDisk["partitions"][number];

/** The NTFS volume that the new table has at `offsetBytes`, once Windows shows it; null where it does not. */
async function shownVolume(
  path: string,
  offsetBytes: number,
  facts: FittingWorld["facts"],
): Promise<ShownPartition | null> {
  const until = Date.now() + limits.partitionNodeMs;
  for (;;) {
    const partition = diskAt(path, facts).partitions.find((one) => one.offsetBytes === offsetBytes);
    if (partition?.fileSystem === "NTFS") return partition;
    if (Date.now() > until) return null;
    await delay(limits.partitionShowAgainMs);
  }
}
