/** Memory modules, from the raw SMBIOS tables that the kernel hands out ("Memory Device", type 17). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listFolder, type SystemRoots } from "./hardware.ts";
import type { WmiFacts } from "../sequence-machine.ts";

export function memoryRows(roots: SystemRoots): WmiFacts[] {
  const folder = join(roots.sys, "firmware/dmi/entries");
  return listFolder(folder)
    .filter((name) => name.startsWith("17-"))
    .flatMap((name) => {
      try {
        const module = parseMemoryDevice(readFileSync(join(folder, name, "raw")));
        return module === null ? [] : [module];
      } catch {
        // Only root may read them.
        return [];
      }
    });
}

/** Null for an empty slot, and for what is too short to be one. */
function parseMemoryDevice(table: Buffer): WmiFacts | null {
  const length = table[1] ?? 0;
  if (table[0] !== 17 || length < 21 || table.length < length) return null;
  const size = table.readUInt16LE(0x0c);
  if (size === 0 || size === 0xffff) return null;
  // Bit 15: kilobytes instead of megabytes. 32 GB and more have a field of their own.
  const isExtended = size === 0x7fff && length >= 0x20;
  const megabytes = isExtended ? table.readUInt32LE(0x1c) & 0x7fffffff : size;
  const bytes = (megabytes & 0x8000) !== 0 && !isExtended ? (size & 0x7fff) * 1024 : megabytes * 1_048_576;
  const strings = table.subarray(length).toString("latin1").split("\0");
  const text = (at: number): string | null => {
    const index = at < length ? (table[at] ?? 0) : 0;
    return index === 0 ? null : strings[index - 1]?.trim() || null;
  };
  return {
    Capacity: bytes,
    DeviceLocator: text(0x10),
    BankLabel: text(0x11),
    SMBIOSMemoryType: table[0x12] ?? null,
    FormFactor: table[0x0e] ?? null,
    Speed: length > 0x16 ? table.readUInt16LE(0x15) : null,
    Manufacturer: text(0x17),
    SerialNumber: text(0x18),
    PartNumber: text(0x1a),
  };
}
