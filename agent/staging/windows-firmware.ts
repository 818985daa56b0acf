/**
 * One start of a program on the EFI system partition by UEFI's firmware, from a Windows: a copy of the firmware's entry for
 * Windows' boot manager that leads to the program, and the firmware's own boot sequence, which it forgets before it starts what
 * that names. Sources: "BCDEdit /copy", "/set", "/deletevalue", "mountvol" (Microsoft).
 */
import { existsSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import type { WindowsTools } from "../platform/windows/tools.ts";
import { loaderPath } from "./efi-place.ts";
import { mustRun } from "./must-run.ts";

const identifier = /\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}/i;
const manager = "{fwbootmgr}";

/** The identifier of the object of that description; null when there is none. Rejects with E_STAGING. */
async function entryOf(description: string, tools: WindowsTools): Promise<string | null> {
  const listed = await mustRun(tools, ["bcdedit.exe", "/enum", "all"]);
  // What names an object is called otherwise in each language, and comes first.
  const text = listed.split(/\r?\n\s*\r?\n/).find((part) => part.includes(description));
  return identifier.exec(text ?? "")?.[0] ?? null;
}

/** `description`: no other object has it. Rejects with E_STAGING. */
export async function createFirmwareEntry(description: string, tools: WindowsTools): Promise<void> {
  await mustRun(tools, ["bcdedit.exe", "/copy", "{bootmgr}", "/d", description]);
  const id = await entryOf(description, tools);
  if (id === null) throw new VolleyError("E_STAGING", "Windows has not copied its boot manager's entry");
  await mustRun(tools, ["bcdedit.exe", "/set", id, "path", loaderPath]);
}

/** Whether or not it is there. Rejects with E_STAGING. */
export async function deleteFirmwareEntry(description: string, tools: WindowsTools): Promise<void> {
  const id = await entryOf(description, tools);
  if (id !== null) await mustRun(tools, ["bcdedit.exe", "/delete", id, "/cleanup"]);
}

/** Identifiers that the firmware starts next, once. Rejects with E_STAGING. */
export async function firmwareSequence(tools: WindowsTools): Promise<string[]> {
  const text = await mustRun(tools, ["bcdedit.exe", "/enum", manager]);
  const list = /^bootsequence\s+((?:\{[^}]+\}\s+)*\{[^}]+\})/im.exec(`${text}\r\n`)?.[1] ?? "";
  return list.split(/\s+/).filter((id) => id !== "");
}

/** The firmware starts the entry next, and that alone. Rejects with E_STAGING. */
export async function startEntryNext(description: string, tools: WindowsTools): Promise<void> {
  const id = await entryOf(description, tools);
  if (id === null) throw new VolleyError("E_STAGING", "The firmware's entry is gone");
  await mustRun(tools, ["bcdedit.exe", "/set", manager, "bootsequence", id]);
}

/** What was next before, unless the firmware has started the entry already. Rejects with E_STAGING. */
export async function takeNextBack(
  { before, description }: { description: string; before: readonly string[] },
  tools: WindowsTools,
): Promise<void> {
  const id = await entryOf(description, tools);
  if (id === null || !(await firmwareSequence(tools)).includes(id)) return;
  const words =
    before.length === 0
      ? (["/deletevalue", manager, "bootsequence"] as const)
      : (["/set", manager, "bootsequence", ...before] as const);
  await mustRun(tools, ["bcdedit.exe", ...words]);
}

/** The last first: what is plugged in takes the first. */
const letters = "ZYXWVUTSRQPONMLKJIHGFED".split("");

export type LetterRoot = (letter: string) => string;
export const windowsRoot: LetterRoot = (letter) => `${letter}:\\`;

/**
 * `work` on the files of the EFI system partition, which has a letter meanwhile; that does not outlast a restart. Rejects with
 * E_STAGING, and as `work` does.
 */
export async function atEfiVolume<Value>(
  tools: WindowsTools,
  rootOf: LetterRoot,
  work: (folder: string) => Promise<Value>,
): Promise<Value> {
  const letter = letters.find((one) => !existsSync(rootOf(one)));
  if (letter === undefined) throw new VolleyError("E_STAGING", "There is no free drive letter");
  await mustRun(tools, ["mountvol.exe", `${letter}:`, "/S"]);
  try {
    return await work(rootOf(letter));
  } finally {
    await tools.run(["mountvol.exe", `${letter}:`, "/D"]);
  }
}
