/**
 * What is made of packages: each one's archive or file as an image of the library, which is cast in its place, and what the
 * drivers in it are for. It is made in the
 * background, one after another, and again by the next start where this process ends before it is there; until then
 * machines have the package by unicast.
 */
import { randomUUID } from "node:crypto";
import { copyFile, constants, truncate } from "node:fs/promises";
import { join } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { Log } from "../log.ts";
import { makeFolder } from "../store/files.ts";
import type { StoredPackage } from "../store/packages.ts";
import { Turns } from "../turns.ts";
import { readDrivers } from "./driver-files.ts";
import type { FileLibrary } from "./files.ts";
import { appliedFolder, keep, type Importer } from "./import.ts";
import { inspectSource } from "./source.ts";
import { countText } from "../quantities.ts";

export interface PackageContentsOptions {
  importer: Importer;
  files: Pick<FileLibrary, "path">;
  /** A package has become one that can be cast. */
  changed: () => void;
  log: Log;
}

const sectorBytes = 512;

export class PackageContents {
  readonly #options: PackageContentsOptions;
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  readonly #failures = new Map<string, VolleyError>();
  #last: Promise<void> = Promise.resolve();

  constructor(options: PackageContentsOptions) {
    this.#options = options;
  }

  /** Makes what the last process did not. */
  async start(): Promise<void> {
    for (const { packageId } of await this.#options.importer.store.packages.list()) this.make(packageId);
  }

  /** Begins what is not there yet. */
  make(packageId: string): void {
    this.#last = this.#turns.take(() => this.#make(packageId));
  }

  /** Of a package that comes in no other way: throws what kept it from being cast, in this process, or E_SESSION_WAITING. */
  checkReady({ imageId, multicast, packageId }: StoredPackage): void {
    if (multicast !== "only" || imageId !== null) return;
    const failure = this.#failures.get(packageId);
    if (failure !== undefined) throw failure;
    const detail = `Package ${packageId} is by multicast only, and is still being prepared.`;
    throw new VolleyError("E_SESSION_WAITING", detail);
  }

  /** Cancels what goes on and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#last;
  }

  async #make(packageId: string): Promise<void> {
    const { changed, files, importer, log } = this.#options;
    const { library, store } = importer;
    if (this.#stop.signal.aborted) return;
    this.#failures.delete(packageId);
    try {
      const found = await store.packages.find(packageId);
      const fileId = found?.fileId ?? null;
      if (!found || fileId === null) return;
      await this.#readDrivers(found, files.path(fileId));
      if (found.imageId !== null || found.multicast === "no") return;
      const image = await this.#keep(found, files.path(fileId));
      const now = await store.packages.find(packageId);
      if (now?.fileId === fileId && now.multicast !== "no") {
        await store.packages.setContent(packageId, image.id);
        if (now.encrypt !== image.encrypt) await store.images.setCasting(image.id, { encrypt: now.encrypt });
        await store.siteMessages.add("packageCast", `Package ${packageId}`);
        changed();
        log.info(`package ${packageId} can be cast: ${image.bytes} bytes, stored in ${image.contentBytes}`);
      } else await library.remove(image.id);
    } catch (error) {
      const failure = toVolleyError(error);
      if (failure.code === "E_CANCELLED") return;
      this.#failures.set(packageId, failure);
      const text = `Package ${packageId} cannot be cast: ${failure.code}: ${failure.detail}`;
      log.error(text);
      await store.siteMessages.add("contentFailed", text).catch(() => undefined);
    }
  }

  /** A package whose drivers cannot be read counts as one that may have any. */
  async #readDrivers({ driverCategory, packageId }: StoredPackage, path: string): Promise<void> {
    const { importer, log } = this.#options;
    const { drivers } = importer.store;
    if (driverCategory === null || (await drivers.isRead(packageId))) return;
    try {
      const read = await readDrivers(path);
      await drivers.set(packageId, read);
      log.info(`package ${packageId} holds ${countText(read.length, "driver")}`);
    } catch (error) {
      const { code, detail } = toVolleyError(error);
      log.error(`package ${packageId}: ${code}: ${detail}`);
    }
  }

  #keep({ bytes, encrypt, hash, multicast, packageId }: StoredPackage, path: string) {
    const id = randomUUID();
    const { signal } = this.#stop;
    const facts = {
      id,
      name: `Package ${packageId} ${hash?.slice(0, 8)}`,
      purpose: "package",
      multicast,
      encrypt,
    } as const;
    return keep(this.#options.importer, { ...facts, path, signal }, async (folder) => {
      makeFolder(join(folder, appliedFolder));
      const copy = join(folder, appliedFolder, "content");
      // An image is a whole number of sectors, and the package's own file has to stay as it is.
      await copyFile(path, copy, constants.COPYFILE_FICLONE);
      await truncate(copy, Math.ceil(bytes / sectorBytes) * sectorBytes);
      const source = await inspectSource(copy, "raw", signal);
      return { source, reading: () => {}, disk: { sectorBytes, firmware: [] } };
    });
  }
}
