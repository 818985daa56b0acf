/**
 * A disk with a Windows image on it becomes this machine's: the partitions behind Windows move to the disk's end, Windows is
 * grown up to them, disk and partitions get identifiers of their own where the boot configuration names none, and the
 * firmware starts this Windows. Other systems find their volumes by the identifiers, so their disks stay as they are.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { namesDevices, readBootStore } from "../../../windows/boot-store.ts";
import { sizeText } from "../../report/words.ts";
import type { FitWish } from "../platform.ts";
import { roomOnDisk } from "../room-on-disk.ts";
import { runToolToEnd } from "../run-tool.ts";
import { fitBootEntries } from "./boot-entries.ts";
import { growNtfsCommands } from "./grow-ntfs.ts";
import { parseTable, showTable, waitForNode, type SfdiskTable } from "./partition-tool.ts";

type Table = SfdiskTable;
type Partition = Table["partitions"][number];

const efiSystem = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const dataTypes = new Set(["EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "7"]);

/** Logical partitions stand in a chain of tables, which sfdisk moves with none of them ("Extended Boot Record"). */
const extendedTypes = new Set(["5", "f", "85"]);

/** As Fitting.partitionsOf. */
export async function partitionsOf(disk: string): Promise<string[]> {
  const { partitions } = (await orNull(readTable(disk))) ?? { partitions: [] };
  return partitions.flatMap(({ uuid }) => (uuid === undefined ? [] : [uuid.toLowerCase()]));
}

/** As Fitting.fit. */
export async function fitDisk(disk: string, { keptFrom, partitionsBefore }: FitWish): Promise<string[]> {
  const found = await orNull(readTable(disk));
  if (found === null || !(await showPartitions(disk))) {
    return [`${disk} has no partitions, so it stays as the image has it`];
  }
  if (found.label === "dos" && found.partitions.some(({ type }) => extendedTypes.has(type))) {
    return [`${disk} has an extended partition, so it stays as the image has it`];
  }
  const windows = await windowsPartition(found);
  if (windows === null) return [`${disk} has no NTFS volume, so it stays as the image has it`];
  const done: string[] = [];
  const names = await identifiersNamed(found);
  const { grown, table } = await makeRoom(disk, found, { windows, keptFrom });
  if (grown > 0) done.push(`Windows was grown by ${sizeText(grown)}, to the end of ${disk}`);
  if (names === null) {
    renewIdentifiers(table);
    done.push(`${disk} and its partitions have identifiers of their own`);
  } else done.push(`${disk} keeps the image's identifiers: ${names}`);
  await run(["sfdisk", "--quiet", "--wipe", "never", "--wipe-partitions", "never", disk], scriptOf(table));
  await showWritten(disk, table);
  for (const command of growNtfsCommands(windows.node)) await run(command);
  for (const { node, number } of table.partitions) {
    if (number === windows.number || (await typeOf(node)) !== "ntfs") continue;
    await run(["ntfslabel", "--new-serial", node]);
  }
  const efi = table.partitions.find(({ type }) => type === efiSystem);
  if (efi?.uuid !== undefined) {
    const start = { disk, node: efi.node, number: efi.number, guid: efi.uuid, partitionsBefore };
    done.push(...(await fitBootEntries(start, run)));
  }
  await run(["sfdisk", "--verify", disk]);
  return done;
}

/** As Fitting.fitVolume. */
export async function fitVolume(node: string): Promise<string[]> {
  if ((await typeOf(node)) !== "ntfs") return [];
  for (const command of growNtfsCommands(node)) await run(command);
  return ["The volume was grown to its partition and has a serial number of its own"];
}

/** Null when a program failed. */
async function orNull<Result>(work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof VolleyError && error.code === "E_TOOL_FAILED") return null;
    throw error;
  }
}

const showPartitions = (disk: string): Promise<boolean> => showTable(disk, (command) => orNull(run(command)));

/** What was written, as the kernel has it from now on. */
async function showWritten(disk: string, { partitions }: Table): Promise<void> {
  // Once more when it did not take it, for what it says.
  if (!(await showPartitions(disk))) await run(["partx", "--add", disk]);
  for (const { node } of partitions) {
    if (await waitForNode(node)) continue;
    throw new VolleyError("E_TOOL_FAILED", `The system does not show ${node}`);
  }
}

async function readTable(disk: string): Promise<Table> {
  const table = parseTable(await run(["sfdisk", "--json", disk]));
  if (table === null) throw new VolleyError("E_TOOL_FAILED", `The partition table of ${disk} cannot be read`);
  return table;
}

/** As sfdisk reads it. */
function scriptOf({ id, label, partitions }: Table): string {
  const lines = [`label: ${label}`, `label-id: ${id}`, "unit: sectors"];
  for (const one of partitions) {
    const fields = [`start=${one.start}`, `size=${one.size}`, `type=${one.type}`];
    if (one.uuid !== undefined) fields.push(`uuid=${one.uuid}`);
    if (one.name !== undefined) fields.push(`name="${one.name.replaceAll('"', "'")}"`);
    if (one.attrs !== undefined) fields.push(`attrs="${one.attrs}"`);
    if (one.bootable === true) fields.push("bootable");
    lines.push(`${one.node} : ${fields.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The largest NTFS volume for data. */
async function windowsPartition({ partitions }: Table): Promise<Partition | null> {
  const bySize = partitions.filter(({ type }) => dataTypes.has(type)).toSorted((a, b) => b.size - a.size);
  for (const one of bySize) if ((await typeOf(one.node)) === "ntfs") return one;
  return null;
}

async function typeOf(node: string): Promise<string> {
  if (!existsSync(node)) throw new VolleyError("E_TOOL_FAILED", `${node} is not there`);
  // blkid fails when it knows nothing there.
  return ((await orNull(run(["blkid", "-p", "-o", "value", "-s", "TYPE", node]))) ?? "").trim();
}

/**
 * Moves the data of the partitions behind Windows to the disk's end. Answers by how many bytes Windows' partition grows, and
 * the table that is to be written.
 */
async function makeRoom(
  disk: string,
  table: Table,
  { keptFrom, windows }: { windows: Partition } & Pick<FitWish, "keptFrom">,
): Promise<{ grown: number; table: Table }> {
  const { label, partitions, sectorBytes } = table;
  const sectors = Number(await run(["blockdev", "--getsize64", disk])) / sectorBytes;
  const room = roomOnDisk(table, windows, sectors, keptFrom === null ? sectors : keptFrom / sectorBytes);
  if (room === null) return { grown: 0, table };
  const { places, size } = room;
  if (label === "gpt") await run(["sfdisk", "--relocate", "gpt-bak-std", disk]);
  for (const [number, start] of places) {
    await run(["sfdisk", "--move-data", disk, "-N", String(number)], `start=${start}\n`);
  }
  const moved = partitions.map((one) => ({
    ...one,
    start: places.get(one.number) ?? one.start,
    size: one.number === windows.number ? size : one.size,
  }));
  return { grown: (size - windows.size) * sectorBytes, table: { ...table, partitions: moved } };
}

/** Null when the store that starts Windows names no disk or partition; else why identifiers must stay, a phrase. */
async function identifiersNamed({ label, partitions }: Table): Promise<string | null> {
  const system = partitions.find(({ bootable, type }) => (label === "gpt" ? type === efiSystem : bootable));
  if (system === undefined) return "nothing on it starts Windows";
  const folder = await mkdtemp(join(tmpdir(), "volley-fit-"));
  const store = join(folder, "BCD");
  try {
    if (label === "gpt") await run(["mcopy", "-n", "-i", system.node, "::/EFI/Microsoft/Boot/BCD", store]);
    else if ((await typeOf(system.node)) === "vfat") {
      await run(["mcopy", "-n", "-i", system.node, "::/Boot/BCD", store]);
    } else await writeFile(store, await runForBytes(["ntfscat", system.node, "Boot/BCD"]));
    const text = await run(["hivexregedit", "--export", store, "\\"]);
    return namesDevices(readBootStore(text)) ? "its boot configuration names them" : null;
  } catch (error) {
    if (!(error instanceof VolleyError) || error.code !== "E_TOOL_FAILED") throw error;
    return `its boot configuration cannot be read (${error.detail})`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function renewIdentifiers(table: Table): void {
  table.id = table.label === "gpt" ? randomUUID().toUpperCase() : `0x${randomBytes(4).toString("hex")}`;
  if (table.label === "dos") return;
  for (const partition of table.partitions) partition.uuid = randomUUID().toUpperCase();
}

async function run(command: readonly [string, ...string[]], input = ""): Promise<string> {
  return (await runForBytes(command, input)).toString("utf8");
}

/** What the program prints; what it complains of stands apart, since sfdisk warns while it answers. */
async function runForBytes(command: readonly [string, ...string[]], input = ""): Promise<Buffer> {
  const { complaint, exitCode, output } = await runToolToEnd(command, limits.fitToolMs, { input });
  if (exitCode === 0) return output;
  const why = complaint || `it ended with ${exitCode}`;
  throw new VolleyError("E_TOOL_FAILED", `${command.join(" ")}: ${why}`);
}
