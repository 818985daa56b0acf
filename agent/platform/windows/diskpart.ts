/** diskpart of the platform's own ("DiskPart", Windows commands): one script for each run. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import type { WindowsDisk } from "./facts.ts";
import type { WindowsTools } from "./tools.ts";

/** False where diskpart did not do all of it. */
export async function runDiskpart(lines: readonly string[], tools: WindowsTools): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "volley-diskpart-"));
  const script = join(folder, "script.txt");
  try {
    await writeFile(script, `${lines.join("\r\n")}\r\n`);
    return (await tools.run(["diskpart.exe", "/s", script])) !== null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * "extend" takes what is free behind the partition, and its volume along; "extend filesystem" is for a volume that is shorter
 * than its partition. Rejects with E_TOOL_FAILED.
 */
export async function extend(
  { number, path }: Pick<WindowsDisk, "number" | "path">,
  partition: { number: number },
  { order, tools }: { order: "extend" | "extend filesystem"; tools: WindowsTools },
): Promise<void> {
  const lines = ["rescan", `select disk ${number}`, `select partition ${partition.number}`, order];
  if (await runDiskpart(lines, tools)) return;
  const text = `diskpart does not extend partition ${partition.number} of ${path} ("${lines.join("; ")}")`;
  throw new VolleyError("E_TOOL_FAILED", text);
}
