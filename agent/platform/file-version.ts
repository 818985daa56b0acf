/** The version of a Windows program or library, from the VS_FIXEDFILEINFO of its version resource ("PE Format"). */
import { open, type FileHandle } from "node:fs/promises";

const versionResource = 16;
const resourceDirectory = 2;
const signature = 0xfeef04bd;

/** "10.0.19041.1"; null for what has no version resource or is no such file. */
export async function readFileVersion(path: string): Promise<string | null> {
  let file;
  try {
    file = await open(path, "r");
    return await findVersion(file);
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/** Throws a RangeError where the file is shorter than it says. */
async function read(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, at);
  return buffer.subarray(0, bytesRead);
}

async function findVersion(file: FileHandle): Promise<string | null> {
  const start = await read(file, 0, 64);
  if (start.toString("latin1", 0, 2) !== "MZ") return null;
  const headerAt = start.readUInt32LE(0x3c);
  const header = await read(file, headerAt, 24 + 240);
  if (header.toString("latin1", 0, 4) !== "PE\0\0") return null;
  const sections = header.readUInt16LE(6);
  const optionalBytes = header.readUInt16LE(20);
  const isPlus = header.readUInt16LE(24) === 0x20b;
  const resourcesAt = header.readUInt32LE(24 + (isPlus ? 112 : 96) + resourceDirectory * 8);
  const table = await read(file, headerAt + 24 + optionalBytes, sections * 40);
  const toFile = (address: number): number | null => {
    for (let at = 0; at + 40 <= table.length; at += 40) {
      const section = table.readUInt32LE(at + 12);
      const bytes = Math.max(table.readUInt32LE(at + 8), table.readUInt32LE(at + 16));
      if (address >= section && address < section + bytes) {
        return address - section + table.readUInt32LE(at + 20);
      }
    }
    return null;
  };
  const root = resourcesAt === 0 ? null : toFile(resourcesAt);
  if (root === null) return null;
  // Type, name and language: three levels of directories, of which the first entry of each will do.
  let at: number | null = 0;
  for (const level of [versionResource, null, null]) {
    at = await findEntry(file, root + at, level);
    if (at === null) return null;
  }
  const entry = await read(file, root + at, 16);
  const dataAt = toFile(entry.readUInt32LE(0));
  if (dataAt === null) return null;
  const data = await read(file, dataAt, Math.min(entry.readUInt32LE(4), 4096));
  for (let place = 0; place + 16 <= data.length; place += 4) {
    if (data.readUInt32LE(place) !== signature) continue;
    const [high, low] = [data.readUInt32LE(place + 8), data.readUInt32LE(place + 12)];
    return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].join(".");
  }
  return null;
}

/** Offset, in the resources, of what the entry with that number points at; of the first entry for null. */
async function findEntry(
  file: FileHandle,
  directoryAt: number,
  number: number | null,
): Promise<number | null> {
  const directory = await read(file, directoryAt, 16);
  const entries = directory.readUInt16LE(12) + directory.readUInt16LE(14);
  const table = await read(file, directoryAt + 16, entries * 8);
  for (let at = 0; at + 8 <= table.length; at += 8) {
    if (number === null || table.readUInt32LE(at) === number) return table.readUInt32LE(at + 4) & 0x7fffffff;
  }
  return null;
}
