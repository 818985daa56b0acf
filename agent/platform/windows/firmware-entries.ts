/**
 * The firmware's boot entries, by bcdedit ("BCDEdit /enum", "BCDEdit /delete", Microsoft), around the writing of a disk: those
 * that led to a partition before and lead to none afterwards led to that disk, and go.
 */
import type { WindowsTools } from "./tools.ts";

const braced = /^\S.*\s(\{[^}]+\})\s*$/;
/** Windows' own names stand for what Windows needs, and never go. */
const own = /^\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/i;

interface FirmwareEntry {
  /** In lower case, in braces. */
  id: string;
  description: string;
  leads: boolean;
}

/**
 * What `bcdedit /enum firmware` prints: for each object a title, a line and its rows, of which the first, whose name is in the
 * system's language, is the identifier. A device that is not there is said in words.
 */
export function readFirmwareEntries(output: string): FirmwareEntry[] {
  const entries: FirmwareEntry[] = [];
  for (const block of output.split(/\r?\n\s*\r?\n/)) {
    const rows = block.split(/\r?\n/).filter((row) => row.trim() !== "");
    const id = rows.map((row) => braced.exec(row)?.[1]).find((found) => found !== undefined);
    const value = (name: string): string | undefined =>
      rows.map((row) => new RegExp(`^${name}\\s+(.*)$`).exec(row)?.[1]).find((found) => found !== undefined);
    const device = value("device");
    if (id === undefined || !own.test(id) || device === undefined) continue;
    const leads = /^(?:hd_)?partition=/i.test(device);
    entries.push({ id: id.toLowerCase(), description: value("description")?.trim() ?? "", leads });
  }
  return entries;
}

/** Whether one of them is Windows' boot manager, which Windows knows by name. */
export async function hasWindowsEntry(tools: WindowsTools): Promise<boolean> {
  const output = await tools.run(["bcdedit.exe", "/enum", "firmware"]);
  return /^\S.*\s\{bootmgr\}\s*$/im.test(output ?? "");
}

/** Identifiers of those that lead to a partition. None with a BIOS, and where this Windows PE cannot ask. */
export async function entriesThatLead(tools: WindowsTools): Promise<string[]> {
  const output = await tools.run(["bcdedit.exe", "/enum", "firmware"]);
  return readFirmwareEntries(output ?? "").flatMap(({ id, leads }) => (leads ? [id] : []));
}

/** `before`: as entriesThatLead answered, among other words. Answers what was done, sentences. */
export async function removeStaleEntries(before: readonly string[], tools: WindowsTools): Promise<string[]> {
  const led = new Set(before.filter((text) => text.startsWith("{")));
  if (led.size === 0) return [];
  const output = await tools.run(["bcdedit.exe", "/enum", "firmware"]);
  const done: string[] = [];
  for (const { description, id, leads } of readFirmwareEntries(output ?? "")) {
    if (leads || !led.has(id)) continue;
    const isGone = (await tools.run(["bcdedit.exe", "/delete", id])) !== null;
    const what = `The boot entry "${description}" led to no partition`;
    done.push(isGone ? `${what} and is removed` : `${what}; bcdedit does not remove it`);
  }
  return done;
}
