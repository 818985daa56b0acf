/** A volume that is only looked at: no journal is replayed, nothing is written. */
import { mkdir } from "node:fs/promises";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../run-tool.ts";

/** What keeps a journal from being replayed, which "ro" alone does not: mount(8), xfs(5), btrfs(5). */
const journalOptions: Record<string, string> = {
  btrfs: "rescue=nologreplay",
  ext3: "noload",
  ext4: "noload",
  xfs: "norecovery",
};

/** Program and words that mount `device` at `folder`. */
export function readOnlyMount(fileSystem: string, device: string, folder: string): string[] {
  if (fileSystem === "ntfs") return ["ntfs-3g", "-o", "ro,streams_interface=none", device, folder];
  const journal = journalOptions[fileSystem];
  return ["mount", "-o", journal === undefined ? "ro" : `ro,${journal}`, device, folder];
}

/** As SequenceMachine.mountToRead. */
export async function mountToRead(device: string, folder: string): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const type = await runTool(["blkid", "-p", "-o", "value", "-s", "TYPE", device], limits.slowToolMs);
  const fileSystem = type?.trim() ?? "";
  if (fileSystem === "") return false;
  return (await runTool(readOnlyMount(fileSystem, device, folder), limits.slowToolMs)) !== null;
}
