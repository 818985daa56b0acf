/** Takes an image file into the library: look, read once, sign, move into place. */
import { renameSync, rmSync, statfsSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { availableParallelism, constants } from "node:os";
import { join, resolve } from "node:path";
import type { ImageRecord, ImportRequest, WimEdition } from "../../contract/administration.ts";
import { VolleyError, isErrorCode, toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type {
  ImportOptions,
  ImportResult,
  ManifestFacts,
  ManifestSummary,
  Task,
} from "../../native/index.ts";
import type { Authority } from "../authority/authority.ts";
import { makeFolder, syncPath, writeFileDurably } from "../store/files.ts";
import { stampContent } from "./stamp.ts";
import { firmwareBits } from "../store/images.ts";
import type { Store } from "../store/store.ts";
import type { Library } from "./library.ts";
import { inspectPartitions } from "./partition-table.ts";
import { openRawPipe } from "./pipe.ts";
import { isFolder, readFolder } from "./saved/folder.ts";
import { restoreDisk, savedBytes } from "./saved/restore.ts";
import { formatOf, inspectSource, nameOf, type Source } from "./source.ts";
import { buildFromWim, chooseEdition } from "./wim/build.ts";
import { inspectWim } from "./wim/editions.ts";

/** What of the addon is used to import. */
export interface ImportDoor {
  importContent(options: ImportOptions): Task<ImportResult>;
  buildManifest(facts: ManifestFacts, chunkTable: Buffer): Buffer;
  readManifest(manifest: Buffer): ManifestSummary;
}
export interface Importer {
  library: Library;
  store: Store;
  authority: Pick<Authority, "signManifest">;
  native: ImportDoor;
}
export interface ImportWish extends ImportRequest {
  /** The image's, where who asks has to know it before. */
  imageId?: string;
}
export interface ImportWork extends ImportWish {
  signal: AbortSignal;
  /** Called with what is now going on, for its progress. */
  reading: (task: Pick<Task<unknown>, "progress">) => void;
  /** Called with what a WIM holds, before one of it is chosen. */
  holding: (editions: WimEdition[]) => void;
}

/** Fast, and close to what slower levels save on file systems. */
const compressionLevel = 3;

/** Throws what inspecting throws, E_CONFLICT, E_CONTENT_WRITE, E_SOURCE_READ, E_IMAGE_TRUNCATED, E_CANCELLED. */
export async function importImage(importer: Importer, work: ImportWork): Promise<ImageRecord> {
  const name = work.name ?? nameOf(work.path);
  await refuseTakenName(importer.store, name);
  const prepare = await look(work);
  const id = work.imageId ?? randomUUID();
  const facts = { id, name, purpose: "image", multicast: "allowed", encrypt: work.encrypt ?? false } as const;
  return keep(importer, { ...facts, path: work.path, signal: work.signal }, async (folder) => {
    const { source, reading } = await prepare(folder);
    const disk = await inspectPartitions(source);
    // A volume without a table does not say what disks it is for.
    return { source, reading, disk: { ...disk, sectorBytes: work.sectorBytes ?? disk.sectorBytes } };
  });
}

export interface Kept extends Pick<ImageRecord, "id" | "name" | "purpose" | "multicast" | "encrypt"> {
  /** Where it came from. */
  path: string;
  signal: AbortSignal;
}
export interface Readable {
  /** A path in the folder `appliedFolder` of the given one, or elsewhere. */
  source: Source;
  reading: ImportWork["reading"];
  disk: Pick<ImageRecord, "sectorBytes" | "firmware">;
}

/** What `open` answers is read once, signed, and in the library. Throws as importImage. */
export async function keep(
  importer: Importer,
  work: Kept,
  open: (folder: string) => Promise<Readable>,
): Promise<ImageRecord> {
  const { library, store } = importer;
  const { encrypt, id, multicast, name, purpose } = work;
  const folder = join(library.folder, `.importing-${id}`);
  try {
    makeFolder(folder);
    const { disk, reading, source } = await open(folder);
    const result = await readContent(importer, { signal: work.signal, source, folder, reading });
    // A WIM was applied to a file there, or a saved disk restored.
    rmSync(join(folder, appliedFolder), { recursive: true, force: true });
    const manifest = importer.native.buildManifest(
      {
        imageBytes: source.imageBytes,
        smallestDiskBytes: source.imageBytes,
        sectorBytes: disk.sectorBytes,
        firmware: firmwareBits(disk.firmware),
      },
      result.chunkTable,
    );
    const signed = Buffer.concat([manifest, importer.authority.signManifest(manifest)]);
    const summary = importer.native.readManifest(signed);
    const image: ImageRecord = {
      id,
      name,
      root: result.root,
      bytes: source.imageBytes,
      contentBytes: result.contentBytes,
      smallestDiskBytes: summary.smallestDiskBytes,
      sectorBytes: disk.sectorBytes,
      firmware: disk.firmware,
      imported: new Date().toISOString(),
      holes: summary.holes,
      chunks: summary.chunks,
      purpose,
      multicast,
      encrypt,
    };
    if (summary.root !== result.root) {
      throw new VolleyError("E_INTERNAL", "The manifest has another root than the image.");
    }
    writeFileDurably(join(folder, "manifest"), signed, 0o600);
    stampContent(join(folder, "content"));
    writeFileDurably(join(folder, "facts.json"), JSON.stringify(image, null, 2), 0o600);
    work.signal.throwIfAborted();
    await refuseTakenName(store, name);
    renameSync(folder, join(library.folder, id));
    syncPath(library.folder);
    await store.images.add(image);
    return image;
  } catch (error) {
    const isFull = saysNoRoom(error) || hasNoRoom(library.folder);
    rmSync(folder, { recursive: true, force: true });
    if (work.signal.aborted) {
      throw new VolleyError("E_CANCELLED", `The import of ${work.path} was cancelled.`);
    }
    const failure = asWriteError(error);
    if (!isFull) throw failure;
    throw new VolleyError(
      "E_DISK_FULL",
      `The disk of ${library.folder} has no room for ${work.path}: ${failure.detail}`,
      { cause: error },
    );
  }
}

/** Of the addon, which has removed what it wrote, or of Node. */
function saysNoRoom(error: unknown): boolean {
  const { code, systemError } = error as { code?: unknown; systemError?: unknown };
  return code === "ENOSPC" || systemError === constants.errno.ENOSPC;
}

/** Whoever ran out of room, a program or a system call, says it in its own words. The database's reserve may be free by now. */
function hasNoRoom(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < limits.diskBytesLeast + limits.diskReserveBytes;
}

/** Where a WIM is applied, a saved disk restored or a package copied, in the folder of the import. */
export const appliedFolder = "applied";

interface Prepared {
  source: Source;
  reading: ImportWork["reading"];
}
type Prepare = (folder: string) => Promise<Prepared>;

/** Looks at the file, before anything is written, and answers what gives an image of a disk or volume to read. */
async function look(work: ImportWork): Promise<Prepare> {
  const { format, path, reading, signal } = work;
  const isSaved = isFolder(resolve(path));
  if (!isSaved && (await formatOf(path, format)) === "wim") return lookAtWim(work);
  if (work.index !== undefined || work.as !== undefined || work.sectorBytes !== undefined) {
    throw new VolleyError(
      "E_USAGE",
      `${path} is no WIM: it has no images to choose from, and stays what it is.`,
    );
  }
  if (isSaved) return lookAtFolder(work);
  const source = await inspectSource(path, format, signal);
  await inspectPartitions(source);
  return async () => ({ source, reading });
}

async function lookAtWim(work: ImportWork): Promise<Prepare> {
  const { as: form = "disk", sectorBytes = 512 } = work;
  if (form === "disk-mbr" && sectorBytes !== 512) {
    throw new VolleyError(
      "E_USAGE",
      "No BIOS starts a disk with sectors of 4096 bytes: it takes UEFI and GPT.",
    );
  }
  const wim = await inspectWim(resolve(work.path), work.index, work.signal);
  work.holding(wim.editions);
  const edition = chooseEdition(wim, work.index);
  return making(work, edition.bytes, (folder, done) =>
    buildFromWim(wim, { edition, form, sectorBytes, folder, signal: work.signal, done }),
  );
}

async function lookAtFolder(work: ImportWork): Promise<Prepare> {
  if (work.format !== undefined) {
    throw new VolleyError("E_USAGE", `${work.path} is a folder: it has no format.`);
  }
  const disk = await readFolder(resolve(work.path), work.signal);
  return making(work, savedBytes(disk), (folder, done) =>
    restoreDisk(disk, { folder, signal: work.signal, done }),
  );
}

/**
 * A raw file is made first, and read then; both count as `bytes`, as far as anybody knows before. `make` is given a folder of
 * its own, and says how far it is (0 to 1).
 */
function making(
  { reading, signal }: ImportWork,
  bytes: number,
  make: (folder: string, done: (part: number) => void) => Promise<string>,
): Prepare {
  return async (folder) => {
    const applied = join(folder, appliedFolder);
    makeFolder(applied);
    let part = 0;
    reading({ progress: () => ({ bytesDone: Math.round(part * bytes), bytesTotal: 2 * bytes }) });
    const raw = await make(applied, (now) => (part = now));
    const source = await inspectSource(raw, "raw", signal);
    const rest = (task: Pick<Task<unknown>, "progress">): void =>
      reading({
        progress: () => {
          const { bytesDone, bytesTotal } = task.progress();
          return { bytesDone: bytes + bytesDone, bytesTotal: bytes + bytesTotal };
        },
      });
    return { source, reading: rest };
  };
}

async function refuseTakenName(store: Store, name: string): Promise<void> {
  if (await store.images.named(name)) {
    throw new VolleyError("E_CONFLICT", `There is an image of the name ${name}.`);
  }
}

/** What Node's file functions throw here comes from the library's disk. */
function asWriteError(error: unknown): VolleyError {
  const code = (error as { code?: unknown }).code;
  const fromFiles =
    typeof code === "string" && !isErrorCode(code) && (error as { syscall?: unknown }).syscall !== undefined;
  return fromFiles
    ? new VolleyError("E_CONTENT_WRITE", (error as Error).message, { cause: error })
    : toVolleyError(error);
}

interface Reading {
  signal: AbortSignal;
  reading: ImportWork["reading"];
  source: Source;
  folder: string;
}

async function readContent(importer: Importer, reading: Reading): Promise<ImportResult> {
  const { source, folder, signal } = reading;
  signal.throwIfAborted();
  const pipe = source.format === "raw" ? null : await openRawPipe(source, folder);
  const stop: (() => void)[] = [];
  try {
    const task = importer.native.importContent({
      source: pipe?.path ?? source.path,
      imageBytes: source.imageBytes,
      contentPath: join(folder, "content"),
      threads: availableParallelism(),
      level: compressionLevel,
    });
    const cancel = (): void => {
      task.cancel();
      pipe?.stop();
    };
    signal.addEventListener("abort", cancel, { once: true });
    stop.push(() => signal.removeEventListener("abort", cancel));
    reading.reading(task);
    const result = await settleBoth(task.result, pipe?.finished ?? Promise.resolve(), cancel);
    if (pipe) rmSync(pipe.path);
    return result;
  } finally {
    for (const action of stop) action();
    pipe?.stop();
  }
}

/**
 * Waits for both to end; whichever fails, the other is stopped. A writer that fails makes the reader see the end
 * too early, and a reader that fails breaks the writer's pipe: the cause is told from the consequence here.
 */
async function settleBoth<Result>(
  reader: Promise<Result>,
  writer: Promise<void>,
  cancel: () => void,
): Promise<Result> {
  writer.catch(cancel);
  reader.catch(cancel);
  const [read, written] = await Promise.allSettled([reader, writer]);
  const consequences = ["E_IMAGE_TRUNCATED", "E_CANCELLED"];
  if (read.status === "rejected" && !consequences.includes(toVolleyError(read.reason).code)) {
    throw read.reason;
  }
  if (written.status === "rejected") throw written.reason;
  if (read.status === "rejected") throw read.reason;
  return read.value;
}
