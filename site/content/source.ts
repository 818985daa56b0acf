/**
 * An image file before it is imported: what it is, whether it is whole and stands alone, and its bytes at the
 * places where partition tables are. Nothing is written.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, extname, join, resolve } from "node:path";
import * as z from "zod";
import type { ImageFormat } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "./tools.ts";

/** What a disk is described by; a WIM holds files. */
type DiskFormat = Exclude<ImageFormat, "wim">;

export interface Source {
  path: string;
  format: DiskFormat;
  /** The program's name for the format. */
  driver: string;
  /** Of the disk that the image is, bytes. */
  imageBytes: number;
  /** Bytes of the disk; fewer at its end. At most 1 MiB at a time. */
  read(offset: number, length: number): Promise<Buffer>;
}

const drivers: Record<DiskFormat, string> = {
  raw: "raw",
  qcow2: "qcow2",
  vhd: "vpc",
  vhdx: "vhdx",
  vmdk: "vmdk",
};
const extensions: Record<string, ImageFormat> = {
  ".raw": "raw",
  ".img": "raw",
  ".dd": "raw",
  ".bin": "raw",
  ".iso": "raw",
  ".qcow2": "qcow2",
  ".vhd": "vhd",
  ".vhdx": "vhdx",
  ".vmdk": "vmdk",
  ".wim": "wim",
  ".esd": "wim",
  ".swm": "wim",
};
/** Whether a file's name says that it can be imported. */
export function namesImage(fileName: string): boolean {
  return extensions[extname(fileName).toLowerCase()] !== undefined;
}
/** Whether a file's name says which format of a disk's image it has. */
export function namesFormat(fileName: string): boolean {
  const format = extensions[extname(fileName).toLowerCase()];
  return format !== undefined && format !== "wim";
}

/** What files begin with that are no raw images, whatever their name. */
const magics: { format: ImageFormat; bytes: string }[] = [
  { format: "qcow2", bytes: "QFI\xfb" },
  { format: "vhdx", bytes: "vhdxfile" },
  { format: "vmdk", bytes: "KDMV" },
  { format: "vhd", bytes: "conectix" },
  { format: "wim", bytes: "MSWIM\0\0\0" },
];
const sectorBytes = 512;

/** What the file is, by its name unless it is said. Throws E_SOURCE_READ, E_IMAGE_FORMAT. */
export async function formatOf(file: string, said: ImageFormat | undefined): Promise<ImageFormat> {
  const path = resolve(file);
  const { firstBytes } = await look(path);
  const format = said ?? formatByName(path, firstBytes);
  if (format === "wim" && formatByFirstBytes(firstBytes) !== "wim") {
    throw new VolleyError("E_IMAGE_FORMAT", `${path} does not begin like a WIM.`);
  }
  return format;
}

/** Throws E_SOURCE_READ, E_IMAGE_FORMAT, E_IMAGE_TRUNCATED, E_IMAGE_UNSAFE, E_TOOL_MISSING, E_TOOL_FAILED. */
export async function inspectSource(
  file: string,
  format: ImageFormat | undefined,
  signal: AbortSignal,
): Promise<Source> {
  const path = resolve(file);
  const { sizeBytes, firstBytes } = await look(path);
  const chosen = format ?? formatByName(path, firstBytes);
  if (chosen === "wim") {
    throw new VolleyError("E_IMAGE_FORMAT", `${path} holds files, and is no image of a disk.`);
  }
  if (chosen === "raw") return rawSource(path, sizeBytes);
  const begins = formatByFirstBytes(firstBytes) === chosen;
  return await formattedSource({ path, format: chosen, begins, sizeBytes, signal });
}

async function look(path: string): Promise<{ sizeBytes: number; firstBytes: Buffer }> {
  let handle: FileHandle | undefined;
  try {
    // Opening a FIFO or the like would wait for its other end.
    const kind = await stat(path);
    if (!kind.isFile() && !kind.isBlockDevice()) {
      throw new VolleyError("E_SOURCE_READ", `${path} is neither a file nor a block device.`);
    }
    handle = await open(path, "r");
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(sectorBytes), 0, sectorBytes, 0);
    const sizeBytes = kind.isFile() ? kind.size : await blockDeviceBytes(path);
    return { sizeBytes, firstBytes: buffer.subarray(0, bytesRead) };
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

async function blockDeviceBytes(path: string): Promise<number> {
  const { exitCode, output, complaint } = await runTool("blockdev", ["--getsize64", path]);
  if (exitCode !== 0) throw new VolleyError("E_SOURCE_READ", `The size of ${path} is unknown: ${complaint}`);
  return Number(output);
}

function formatByFirstBytes(firstBytes: Buffer): ImageFormat | undefined {
  return magics.find((magic) => firstBytes.toString("latin1").startsWith(magic.bytes))?.format;
}

function formatByName(path: string, firstBytes: Buffer): ImageFormat {
  const format = extensions[extname(path).toLowerCase()];
  if (format === undefined) {
    throw new VolleyError("E_IMAGE_FORMAT", `The name of ${path} does not say its format.`);
  }
  const looksLike = formatByFirstBytes(firstBytes);
  if (format === "raw" && looksLike !== undefined) {
    throw new VolleyError(
      "E_IMAGE_FORMAT",
      `${path} is named as a raw image but begins like a ${looksLike} one.`,
    );
  }
  return format;
}

function checkSize(path: string, imageBytes: number): void {
  if (imageBytes < sectorBytes || imageBytes % sectorBytes !== 0) {
    const detail = `${path} holds ${imageBytes} bytes, which is no whole number of ${sectorBytes}-byte sectors.`;
    throw new VolleyError("E_IMAGE_TRUNCATED", detail);
  }
  if (imageBytes > limits.imageBytesMax) {
    throw new VolleyError(
      "E_IMAGE_FORMAT",
      `${path} is a disk of ${imageBytes} bytes; ${limits.imageBytesMax} is the most.`,
    );
  }
}

function rawSource(path: string, sizeBytes: number): Source {
  checkSize(path, sizeBytes);
  const read = async (offset: number, length: number): Promise<Buffer> => {
    try {
      const descriptor = openSync(path, "r");
      try {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  return { path, format: "raw", driver: drivers.raw, imageBytes: sizeBytes, read };
}

/** What qemu-img says of a file, as far as it matters here. */
const Information = z.object({
  "virtual-size": z.number().int(),
  "backing-filename": z.string().optional(),
  encrypted: z.boolean().optional(),
  "format-specific": z
    .object({
      data: z
        .object({
          "data-file": z.string().optional(),
          corrupt: z.boolean().optional(),
          extents: z.array(z.object({ filename: z.string() })).optional(),
        })
        .optional(),
    })
    .optional(),
});

interface Formatted {
  path: string;
  format: Exclude<DiskFormat, "raw">;
  /** Whether the file begins as one of its format does. */
  begins: boolean;
  sizeBytes: number;
  signal: AbortSignal;
}

async function formattedSource(file: Formatted): Promise<Source> {
  const { path, format, signal } = file;
  const driver = drivers[format];
  const answer = await runTool("qemu-img", ["info", "-f", driver, "--output=json", path], signal);
  if (answer.exitCode !== 0) {
    // What begins as its format does and then does not hold together was cut or damaged.
    const detail = `${path} does not open as ${format}: ${answer.complaint}`;
    throw new VolleyError(file.begins ? "E_IMAGE_TRUNCATED" : "E_IMAGE_FORMAT", detail);
  }
  const information = Information.safeParse(JSON.parse(answer.output));
  if (!information.success) throw new VolleyError("E_TOOL_FAILED", `qemu-img does not say what ${path} is.`);
  const facts = information.data;
  checkAlone(path, facts);
  const imageBytes = facts["virtual-size"];
  checkSize(path, imageBytes);
  await checkWhole(file);
  const read = (offset: number, length: number): Promise<Buffer> =>
    readThroughTool({ path, driver, imageBytes, signal }, offset, length);
  return { path, format, driver, imageBytes, read };
}

function checkAlone(path: string, facts: z.infer<typeof Information>): void {
  const specific = facts["format-specific"]?.data;
  const backing = facts["backing-filename"] ?? specific?.["data-file"];
  if (backing !== undefined) throw new VolleyError("E_IMAGE_UNSAFE", `${path} refers to ${backing}.`);
  const extent = specific?.extents?.find((one) => resolve(one.filename) !== path);
  if (extent) throw new VolleyError("E_IMAGE_UNSAFE", `${path} has its data in ${extent.filename}.`);
  if (facts.encrypted) throw new VolleyError("E_IMAGE_FORMAT", `${path} is encrypted; decrypt it first.`);
  if (specific?.corrupt) throw new VolleyError("E_IMAGE_TRUNCATED", `${path} is marked as corrupt.`);
}

const MapEntry = z.object({
  length: z.number(),
  offset: z.number().optional(),
  data: z.boolean(),
  zero: z.boolean(),
});

/** Past the end of a file that was cut short the programs read zeros without a word, so it is looked for here. */
async function checkWhole({ path, format, sizeBytes, signal }: Formatted): Promise<void> {
  const cut = (why: string) => new VolleyError("E_IMAGE_TRUNCATED", `${path} is cut short: ${why}.`);
  if (format === "vhd") {
    const footer = await rawSource(path, sizeBytes - (sizeBytes % sectorBytes)).read(
      sizeBytes - sectorBytes,
      sectorBytes,
    );
    if (footer.toString("latin1", 0, 8) !== "conectix") throw cut("its footer is missing");
    const differencing = footer.readUInt32BE(60) === 4;
    if (differencing) throw new VolleyError("E_IMAGE_UNSAFE", `${path} is a differencing disk.`);
  } else {
    const { exitCode, output, complaint } = await runTool(
      "qemu-img",
      ["check", "-f", drivers[format], path],
      signal,
    );
    // 3 is leaked space, which harms nothing; 63 a format without checks.
    if (![0, 3, 63].includes(exitCode)) {
      throw cut((complaint || output).trim().split("\n").slice(0, 3).join("; "));
    }
  }
  const map = await runTool("qemu-img", ["map", "-f", drivers[format], "--output=json", path], signal);
  if (map.exitCode !== 0) {
    throw new VolleyError("E_IMAGE_FORMAT", `${path} cannot be mapped: ${map.complaint}`);
  }
  for (const entry of z.array(MapEntry).parse(JSON.parse(map.output))) {
    const end = (entry.offset ?? 0) + entry.length;
    if (entry.data && !entry.zero && entry.offset !== undefined && end > sizeBytes) {
      throw cut(`it refers to byte ${end} of ${sizeBytes}`);
    }
  }
}

/** A few sectors by way of a small temporary file, which is all that qemu-img can write to. */
async function readThroughTool(
  source: { path: string; driver: string; imageBytes: number; signal: AbortSignal },
  offset: number,
  length: number,
): Promise<Buffer> {
  const first = Math.floor(offset / sectorBytes);
  const last = Math.min(Math.ceil((offset + length) / sectorBytes), source.imageBytes / sectorBytes);
  if (last <= first) return Buffer.alloc(0);
  const folder = mkdtempSync(join(tmpdir(), "volley-look-"));
  try {
    const copy = join(folder, "sectors");
    // With `skip`, qemu-img counts `count` from the image's beginning.
    const range = [`bs=${sectorBytes}`, `skip=${first}`, `count=${last}`];
    const parameters = ["dd", "-f", source.driver, "-O", "raw", ...range, `if=${source.path}`, `of=${copy}`];
    const { exitCode, complaint } = await runTool("qemu-img", parameters, source.signal);
    if (exitCode !== 0) {
      throw new VolleyError("E_IMAGE_FORMAT", `${source.path} cannot be read: ${complaint}`);
    }
    return readFileSync(copy).subarray(offset - first * sectorBytes, offset - first * sectorBytes + length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The name an image goes by when none is given. */
export function nameOf(path: string): string {
  return basename(path, extname(path)).slice(0, limits.nameCharacters) || "image";
}
