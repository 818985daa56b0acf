/**
 * What a restart into a PE changes on a Windows machine, each with the way back. A change is written down before it is made,
 * so its way back must hold whether or not it was made, and whether or not Windows has undone it meanwhile by itself.
 * Sources: "BCDEdit Command-Line Options", "manage-bde protectors", "schtasks", "mountvol" (Microsoft).
 */
import { z } from "zod";
import type { WindowsTools } from "../platform/windows/tools.ts";
import { mustRun } from "./must-run.ts";
import { deleteFirmwareEntry, takeNextBack } from "./windows-firmware.ts";

/** In braces, as bcdedit writes it. */
const BootId = z.string().regex(/^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/);

/** An entry of the firmware's may have a name that Windows knows. */
const FirmwareId = z.string().regex(/^\{[0-9a-z-]+\}$/i);

export const Change = z.discriminatedUnion("kind", [
  /** The PE's files, and what they are started with. */
  z.object({ kind: z.literal("files") }),
  /** A scheduled task that goes on, or takes back, in the Windows that comes back. */
  z.object({ kind: z.literal("task") }),
  /** BitLocker's protection of a drive ("C:"), suspended. */
  z.object({ kind: z.literal("protection"), drive: z.string().regex(/^[A-Z]:$/) }),
  /** An object of the boot configuration. */
  z.object({ kind: z.literal("object"), id: BootId }),
  /** The boot manager starts it once. */
  z.object({ kind: z.literal("once"), id: BootId }),
  /** Files on the EFI system partition. */
  z.object({ kind: z.literal("efi") }),
  /** An entry of the firmware's, by a description that nothing else has. */
  z.object({ kind: z.literal("firmware"), description: z.string().min(1) }),
  /** The firmware starts that entry next; `before`: what it was to start. */
  z.object({ kind: z.literal("next"), description: z.string().min(1), before: z.array(FirmwareId) }),
]);
export type Change = z.infer<typeof Change>;

export const taskName = "Volley agent return";

export interface ChangeWorld {
  tools: WindowsTools;
  removeFiles(): Promise<void>;
  removeEfiFiles(): Promise<void>;
}

/** The machine without the change. Rejects with E_STAGING. */
export async function undo(change: Change, world: ChangeWorld): Promise<void> {
  const { tools } = world;
  switch (change.kind) {
    case "files":
      return world.removeFiles();
    case "efi":
      return world.removeEfiFiles();
    case "firmware":
      return deleteFirmwareEntry(change.description, tools);
    case "next":
      return takeNextBack(change, tools);
    case "task": {
      // A query fails for a task that is not there.
      const words = ["/TN", taskName] as const;
      if ((await tools.run(["schtasks.exe", "/Query", ...words])) === null) return;
      await mustRun(tools, ["schtasks.exe", "/Delete", ...words, "/F"]);
      return;
    }
    case "protection":
      // Where it is in force already, as after as many restarts, this changes nothing.
      await mustRun(tools, ["manage-bde.exe", "-protectors", "-enable", change.drive]);
      return;
    case "object": {
      const listed = await mustRun(tools, ["bcdedit.exe", "/enum", "all"]);
      if (!listed.toLowerCase().includes(change.id)) return;
      await mustRun(tools, ["bcdedit.exe", "/delete", change.id, "/cleanup"]);
      return;
    }
    case "once": {
      // The boot manager forgets it when it has started it.
      const manager = await mustRun(tools, ["bcdedit.exe", "/enum", "{bootmgr}"]);
      if (!manager.toLowerCase().includes(change.id)) return;
      await mustRun(tools, ["bcdedit.exe", "/bootsequence", change.id, "/remove"]);
    }
  }
}
