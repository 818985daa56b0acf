/** A volume that is only looked at: no journal is replayed, nothing is written. */
import { mkdir } from "node:fs/promises";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../run-tool.ts";

const mountMs = limits.toolTimeMs * 6;

/** As SequenceMachine.mountToRead. */
export async function mountToRead(device: string, folder: string): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const type = await runTool(["blkid", "-p", "-o", "value", "-s", "TYPE", device], mountMs);
  const fileSystem = type?.trim() ?? "";
  if (fileSystem === "") return false;
  const command =
    fileSystem === "ntfs"
      ? ["ntfs-3g", "-o", "ro,streams_interface=none", device, folder]
      : ["mount", "-o", fileSystem.startsWith("ext") ? "ro,noload" : "ro", device, folder];
  return (await runTool(command, mountMs)) !== null;
}
