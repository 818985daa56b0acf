/** Volumes as diskpart lists them: `list volume`, and `detail partition` with its volume. */
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

export interface WindowsVolume {
  /** Empty when it has none. */
  letter: string;
  fileSystem: string;
  /** "Partition", "Removable", "CD-ROM". */
  kind: string;
  /** Holds the boot files: "System" in the column Info. */
  isSystem: boolean;
}

export async function runDiskpart(
  context: StepContext,
  doing: string,
  lines: readonly string[],
): Promise<string> {
  const path = join(await workFolder(context), `${randomUUID()}.txt`);
  await writeFile(path, `${lines.join("\r\n")}\r\nexit\r\n`);
  try {
    const { output } = await runOrFail(context, doing, { command: ["diskpart.exe", "/s", path] });
    return output;
  } finally {
    await rm(path, { force: true });
  }
}

export async function windowsVolumes(context: StepContext): Promise<WindowsVolume[]> {
  return parseVolumes(await runDiskpart(context, "list the volumes", ["list volume"]));
}

/** The letter of a disk's partition; it gets the next one when it has none. */
export async function windowsVolumeAt(
  context: StepContext,
  disk: number,
  partition: number,
): Promise<string> {
  const select = [`select disk ${disk}`, `select partition ${partition}`];
  const where = `partition ${partition} of disk ${disk}`;
  const letterNow = async (): Promise<string> => {
    const output = await runDiskpart(context, `look at ${where}`, [...select, "detail partition"]);
    return parseVolumes(output)[0]?.letter ?? "";
  };
  const before = await letterNow();
  if (before !== "") return before;
  await runDiskpart(context, `give ${where} a letter`, [...select, "assign"]);
  const letter = await letterNow();
  if (letter === "") throw new StepFailure(codes.notFound, `There is no volume in ${where}`);
  return letter;
}

/** Takes the letter away again. */
export async function hideVolume(
  context: StepContext,
  { disk, letter, partition }: { disk: number; partition: number; letter: string },
): Promise<void> {
  const lines = [`select disk ${disk}`, `select partition ${partition}`, `remove letter=${letter}`];
  await runDiskpart(context, `hide partition ${partition} of disk ${disk}`, lines);
}

/** Columns have fixed widths, given by the line of dashes below their names; texts may hold blanks. */
export function parseVolumes(output: string): WindowsVolume[] {
  const lines = output.split(/\r?\n/);
  const rulerAt = lines.findIndex((line) => /^\s*-+(\s+-+){5,}\s*$/.test(line));
  const ruler = lines[rulerAt];
  if (ruler === undefined) return [];
  const columns = [...ruler.matchAll(/-+/g)].map(
    (match) => [match.index, match.index + match[0].length] as const,
  );
  const volumes: WindowsVolume[] = [];
  for (const line of lines.slice(rulerAt + 1)) {
    const cells = columns.map(([start, end]) => line.slice(start, end).trim());
    if (!/^\*?\s*\D+\s+\d+$/.test(cells[0] ?? "")) break;
    const [, letter = "", , fileSystem = "", kind = "", , , info = ""] = cells;
    volumes.push({ letter: letter.toUpperCase(), fileSystem, kind, isSystem: /^system$/i.test(info) });
  }
  return volumes;
}
