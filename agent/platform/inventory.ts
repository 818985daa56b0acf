/**
 * What systeminformation knows of the machine. It runs system tools, some of them synchronously, so it runs in a
 * process of its own (the agent's hidden command "inventory") that can be killed when one of them hangs.
 */
import systeminformation from "systeminformation";
import { z } from "zod";
import { runTool } from "./run-tool.ts";

export const Inventory = z.object({
  smbiosUuid: z.string().nullable(),
  serial: z.string().nullable(),
  manufacturer: z.string().nullable(),
  model: z.string().nullable(),
});
export type Inventory = z.infer<typeof Inventory>;

export const nothingKnown: Inventory = { smbiosUuid: null, serial: null, manufacturer: null, model: null };

/** In the process of its own. */
export async function takeInventory(): Promise<Inventory> {
  const [system, identifiers] = await Promise.all([systeminformation.system(), systeminformation.uuid()]);
  return {
    smbiosUuid: meaningful(system.uuid) ?? meaningful(identifiers.hardware),
    serial: meaningful(system.serial),
    manufacturer: meaningful(system.manufacturer),
    model: meaningful(system.model),
  };
}

/** In the agent. Null when it did not finish in `timeMs`. */
export async function askInventory(
  selfCommand: readonly string[],
  timeMs: number,
): Promise<Inventory | null> {
  const output = await runTool([...selfCommand, "inventory"], timeMs);
  if (output === null) return null;
  try {
    return Inventory.parse(JSON.parse(output));
  } catch {
    return null;
  }
}

const placeholders = new Set(
  [
    "",
    "-",
    "none",
    "n/a",
    "not specified",
    "not available",
    "default string",
    "unknown",
    "invalid",
    "0",
  ].concat(
    ["to be filled by o.e.m.", "system serial number", "system product name", "system manufacturer", "oem"],
    ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  ),
);

/** Firmware is full of texts that say nothing; they would make machines look alike. */
export function meaningful(text: string | null | undefined): string | null {
  const trimmed = (text ?? "").replaceAll("\0", "").trim();
  return placeholders.has(trimmed.toLowerCase()) ? null : trimmed.slice(0, 256);
}
