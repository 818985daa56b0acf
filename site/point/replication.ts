/**
 * Copies images, and what is cast in the place of packages, from the site into a distribution point's library: piece by piece, going on where it broke off, and every
 * chunk verified against the signed manifest before the image is there. What comes wrong is fetched again by itself.
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, readFile, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImageRecord } from "../../contract/administration.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { contentPieceBytes, type PointImage } from "../../contract/point.ts";
import type { ManifestSummary } from "../../native/index.ts";
import type { Library } from "../content/library.ts";
import { stampContent } from "../content/stamp.ts";
import { corruptContent, type VerifyDoor } from "../content/verify.ts";
import type { Log } from "../log.ts";
import { makeFolder, syncPath, writeFileDurably } from "../store/files.ts";
import type { ImageStore } from "../store/images.ts";
import { chunkPlaces } from "./chunk-places.ts";
import type { Pace } from "./pace.ts";
import { countText } from "../quantities.ts";

export interface ReplicationOptions {
  /** For what is on its way; on the library's file system. */
  folder: string;
  library: Library;
  images: ImageStore;
  /** The site: one try each. */
  line: { fetch(path: string): Promise<Buffer> };
  native: { readManifest(manifest: Buffer): ManifestSummary } & VerifyDoor;
  pace: Pace;
  log: Log;
  now?: () => number;
}

const lookMs = 500;
const pauseMs = limits.pointSyncMs * 2;

export class Replication {
  readonly #options: ReplicationOptions;
  readonly #now: () => number;
  readonly #ended = new AbortController();
  /** What the site wants to be here; null before it was asked. */
  #wanted: ImageRecord[] | null = null;
  #holding = new Map<string, PointImage>();
  /** By image: when it is tried again. */
  readonly #againMs = new Map<string, number>();
  /** By image: how often in a row it was wrong at the site itself. */
  readonly #corrupt = new Map<string, number>();
  #running: Promise<void> | null = null;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    makeFolder(this.#options.folder);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  want(images: ImageRecord[]): void {
    this.#wanted = images;
  }

  /** Images that are here or on their way. */
  get holding(): PointImage[] {
    return [...this.#holding.values()];
  }

  get isCopying(): boolean {
    return this.holding.some(({ trouble, whole }) => !whole && trouble === "");
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await this.#look();
        await sleep(lookMs, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.error(`copying of images: ${toVolleyError(error).detail}`);
        await sleep(limits.retryDelayMostMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #look(): Promise<void> {
    const { images } = this.#options;
    const here = await images.list(["image", "package"]);
    for (const { contentBytes, id } of here) this.#tell(id, { bytes: contentBytes, whole: true });
    const wanted = this.#wanted;
    if (wanted === null) return;
    await this.#removeOthers(wanted, here);
    for (const { encrypt, id, multicast } of wanted) {
      const has = here.find((image) => image.id === id);
      if (has === undefined || (has.multicast === multicast && has.encrypt === encrypt)) continue;
      await images.setCasting(id, { multicast, encrypt });
    }
    for (const image of wanted) {
      const isDue = (this.#againMs.get(image.id) ?? 0) <= this.#now();
      if (!isDue || here.some(({ id }) => id === image.id)) continue;
      await this.#copy(image);
      // The site may want other things by now.
      return;
    }
  }

  /** What is being cast goes later. */
  async #removeOthers(wanted: readonly ImageRecord[], here: readonly ImageRecord[]): Promise<void> {
    const { folder, library, log } = this.#options;
    const ids = new Set(wanted.map(({ id }) => id));
    for (const name of readdirSync(folder)) {
      if (!ids.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
    }
    for (const id of this.#holding.keys()) {
      if (ids.has(id)) continue;
      this.#holding.delete(id);
      this.#againMs.delete(id);
      this.#corrupt.delete(id);
    }
    for (const { id, name } of here) {
      if (ids.has(id)) continue;
      try {
        await library.remove(id);
        log.info(`image ${name} is not to be here any more and is removed`);
      } catch (error) {
        if (toVolleyError(error).code !== "E_IMAGE_IN_USE") throw error;
      }
    }
  }

  async #copy(image: ImageRecord): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#fetchAll(image);
      this.#againMs.delete(image.id);
      this.#corrupt.delete(image.id);
      this.#tell(image.id, { bytes: image.contentBytes, whole: true });
      log.info(`image ${image.name} is here: every chunk is what the site signed`);
    } catch (error) {
      if (this.#ended.signal.aborted) throw error;
      const { code, detail } = toVolleyError(error);
      if (this.#holding.get(image.id)?.trouble !== detail) log.warn(`image ${image.name}: ${detail}`);
      const { bytes } = this.#holding.get(image.id) ?? { bytes: 0 };
      this.#tell(image.id, { bytes, trouble: detail.slice(0, limits.reportTextCharacters) });
      this.#againMs.set(
        image.id,
        this.#now() + (code === "E_CONTENT_CORRUPT" ? this.#growing(image) : pauseMs),
      );
    }
  }

  /** What is wrong at the site stays so until somebody imports it anew, and the line between is slow. */
  #growing({ id }: ImageRecord): number {
    const before = this.#corrupt.get(id) ?? 0;
    this.#corrupt.set(id, before + 1);
    return Math.min(pauseMs * 2 ** before, limits.pointCorruptPauseMostMs);
  }

  #tell(imageId: string, told: { bytes: number; whole?: boolean; trouble?: string }): void {
    this.#holding.set(imageId, { imageId, whole: false, trouble: "", ...told });
  }

  async #fetchAll(image: ImageRecord): Promise<void> {
    const { folder, images, library, log } = this.#options;
    const place = join(folder, image.id);
    makeFolder(place);
    const manifest = await this.#fetchManifest(image, join(place, "manifest"));
    const content = join(place, "content");
    const begun = existsSync(content) ? statSync(content).size : 0;
    if (begun > 0) log.info(`image ${image.name} goes on at ${begun} of ${image.contentBytes} bytes`);
    await this.#fetchContent(image, content);
    await this.#verify(image, manifest, content);
    stampContent(content);
    writeFileDurably(join(place, "facts.json"), JSON.stringify(image, null, 2), 0o600);
    syncPath(place);
    renameSync(place, join(library.folder, image.id));
    syncPath(library.folder);
    await images.add(image);
  }

  /** Signed by the site and of this image. */
  async #fetchManifest(image: ImageRecord, path: string): Promise<Buffer> {
    const { library, line, native } = this.#options;
    const kept = existsSync(path);
    const manifest = kept ? await readFile(path) : await line.fetch(`/point/images/${image.id}/manifest`);
    library.checkSignature(image.id, manifest);
    const summary = native.readManifest(manifest);
    if (summary.root !== image.root || summary.contentBytes !== image.contentBytes) {
      throw new VolleyError("E_CONTENT_CORRUPT", `The manifest of image ${image.name} is another image's.`);
    }
    if (!kept) writeFileDurably(path, manifest, 0o600);
    return manifest;
  }

  async #fetchContent(image: ImageRecord, path: string): Promise<void> {
    const file = await open(path, "a", 0o600);
    try {
      let offset = (await file.stat()).size;
      await this.#checkRoom(image, image.contentBytes - offset);
      while (offset < image.contentBytes) {
        const piece = await this.#piece(image, offset);
        await file.write(piece);
        offset += piece.length;
        this.#tell(image.id, { bytes: offset });
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #piece(image: ImageRecord, offset: number): Promise<Buffer> {
    const { line, pace } = this.#options;
    await pace.take(Math.min(contentPieceBytes, image.contentBytes - offset), this.#ended.signal);
    const piece = await line.fetch(`/point/images/${image.id}/content/${offset}`);
    const left = image.contentBytes - offset;
    if (piece.length > 0 && piece.length <= left) return piece;
    throw new VolleyError("E_CONTENT_CORRUPT", `The site's content of ${image.name} has another length.`);
  }

  async #checkRoom(image: ImageRecord, bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.folder);
    if (bavail * bsize >= bytes + limits.freeBytesKept) return;
    throw new VolleyError(
      "E_CONTENT_WRITE",
      `There is no room for image ${image.name}: ${bytes} bytes are to come.`,
    );
  }

  /** Throws E_CONTENT_CORRUPT where the site's own chunks stay wrong; what is right stays, and is not fetched anew. */
  async #verify(image: ImageRecord, manifest: Buffer, contentPath: string): Promise<void> {
    const { log, native } = this.#options;
    for (let repairs = 0; ; repairs += 1) {
      const threads = Math.max(1, Math.floor(availableParallelism() / 2));
      const task = native.verifyContent({ manifest, contentPath, threads });
      const abort = (): void => task.cancel();
      this.#ended.signal.addEventListener("abort", abort, { once: true });
      const { badChunks } = await task.result.finally(() =>
        this.#ended.signal.removeEventListener("abort", abort),
      );
      if (badChunks.length === 0) return;
      if (repairs === limits.pointRepairs) throw corruptContent(image.name, badChunks);
      log.warn(
        `image ${image.name}: ${countText(badChunks.length, "chunk")} came wrong; that is fetched again`,
      );
      await this.#repair(image, contentPath, chunkPlaces(manifest, badChunks));
    }
  }

  async #repair(
    image: ImageRecord,
    path: string,
    places: readonly { offset: number; bytes: number }[],
  ): Promise<void> {
    const file = await open(path, "r+");
    try {
      for (const { bytes, offset } of places) {
        for (let done = 0; done < bytes;) {
          const piece = (await this.#piece(image, offset + done)).subarray(0, bytes - done);
          await file.write(piece, 0, piece.length, offset + done);
          done += piece.length;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
