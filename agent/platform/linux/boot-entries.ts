/**
 * The firmware's boot entries after a disk has got another system: those that led to a partition of this disk go (one on a disk
 * that is unplugged, or that the PE has no driver for, is not there either and stays), and the new Windows takes the place of the first of them, or the last place. What starts before it, as the network does in a
 * room that is deployed often, stays before it.
 */
import { existsSync } from "node:fs";

/** Resolves with what the program prints; rejects when it fails. */
export type Run = (command: readonly [string, ...string[]]) => Promise<string>;

export interface WindowsStart {
  disk: string;
  /** Number of the EFI system partition. */
  number: number;
  node: string;
  /** Its identifier. */
  guid: string;
  /** Those of the disk's partitions before it was written, in lower case. */
  partitionsBefore: readonly string[];
}

interface BootEntry {
  /** Four hexadecimal digits. */
  id: string;
  label: string;
  /** The identifier of a GPT partition, in lower case; null when the entry leads elsewhere. */
  partition: string | null;
  startsWindows: boolean;
}

const variables = "/sys/firmware/efi/efivars";
const manager = "\\EFI\\Microsoft\\Boot\\bootmgfw.efi";
const label = "Windows Boot Manager";

/** What `efibootmgr --verbose` prints. */
export function readBootEntries(text: string): { order: string[]; entries: BootEntry[] } {
  const order = (/^BootOrder:\s*(.*)$/m.exec(text)?.[1] ?? "").split(",").filter((id) => id !== "");
  const entries: BootEntry[] = [];
  for (const match of text.matchAll(/^Boot([0-9A-F]{4})[* ]\s?([^\t\n]*)(?:\t(.*))?$/gm)) {
    const [, id = "", name = "", path = ""] = match;
    const partition = /HD\(\d+,GPT,([0-9a-f-]{36})/i.exec(path)?.[1]?.toLowerCase() ?? null;
    const startsWindows = path.toLowerCase().includes(manager.toLowerCase());
    entries.push({ id, label: name, partition, startsWindows });
  }
  return { order, entries };
}

/** Answers what was done, sentences; none where the firmware is no UEFI. */
export async function fitBootEntries(
  { disk, guid, node, number, partitionsBefore }: WindowsStart,
  run: Run,
  isUefi: () => boolean = () => existsSync(variables),
): Promise<string[]> {
  if (!isUefi()) return [];
  const startsWindows = await run(["mdir", "-b", "-i", node, "::/EFI/Microsoft/Boot/bootmgfw.efi"]).then(
    () => true,
    () => false,
  );
  const before = readBootEntries(await run(["efibootmgr", "--verbose"]));
  const present = new Set(
    (await run(["lsblk", "--noheadings", "--output", "PARTUUID"])).toLowerCase().split(/\s+/),
  );
  const was = new Set(partitionsBefore);
  const stale = before.entries.filter(
    ({ partition }) => partition !== null && was.has(partition) && !present.has(partition),
  );
  // Where the disk keeps the image's identifiers, the last deployment's entry is the one that is made now.
  const same = before.entries.filter(
    (entry) => startsWindows && entry.startsWindows && entry.partition === guid.toLowerCase(),
  );
  for (const { id } of [...stale, ...same]) await run(["efibootmgr", "--bootnum", id, "--delete-bootnum"]);
  const done = stale.map((entry) => `The boot entry "${entry.label}" led to no partition and is removed`);
  if (!startsWindows) return done;
  const place = ["--disk", disk, "--part", String(number), "--label", label, "--loader", manager];
  // Not among those that are started: its place is said next.
  const after = readBootEntries(await run(["efibootmgr", "--create-only", ...place, "--verbose"]));
  const known = new Set(before.entries.map(({ id }) => id));
  const gone = new Set([...stale, ...same].map(({ id }) => id));
  const made = after.entries.find(({ id }) => gone.has(id) || !known.has(id));
  if (made === undefined) return done;
  const first = before.order.findIndex((id) => gone.has(id));
  const order = before.order.map((id, at) => (at === first ? made.id : id));
  const kept = order.filter((id, at) => at === first || !gone.has(id));
  if (first === -1) kept.push(made.id);
  await run(["efibootmgr", "--bootorder", kept.join(",")]);
  return [...done, `The firmware has an entry for this Windows, "${label}"`];
}
