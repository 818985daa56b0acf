/**
 * The content library: for each image a folder with its content, its signed manifest and its facts. A folder is
 * made beside its place and moved there whole, so that at any moment an image is there completely or not at all.
 */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ImageRecord } from "../../contract/administration.ts";
import { VolleyError, toVolleyError } from "../../contract/errors.ts";
import type { ManifestSummary } from "../../native/index.ts";
import type { Authority } from "../authority/authority.ts";
import type { Log } from "../log.ts";
import { makeFolder, syncPath } from "../store/files.ts";
import { firmwareNames } from "../store/images.ts";
import type { Store } from "../store/store.ts";
import { isStamped, stampContent } from "./stamp.ts";
import { corruptContent, type VerifyDoor } from "./verify.ts";

export const signatureBytes = 64;
const unfinished = /^\.(importing|removing)-/;

export interface LibraryOptions {
  folder: string;
  store: Store;
  authority: Pick<Authority, "verifyManifest">;
  native: { readManifest: (manifest: Buffer) => ManifestSummary } & VerifyDoor;
  /** What is cast in the place of packages: made of them here, or copied as images are. */
  packageContents: "made" | "copied";
  log: Log;
}

export class Library {
  readonly #options: LibraryOptions;
  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  get folder(): string {
    return this.#options.folder;
  }

  contentPath(id: string): string {
    return join(this.#options.folder, id, "content");
  }
  manifestPath(id: string): string {
    return join(this.#options.folder, id, "manifest");
  }
  factsPath(id: string): string {
    return join(this.#options.folder, id, "facts.json");
  }

  /** The manifest file, whose signature is checked. Throws E_CONTENT_READ, E_MANIFEST_SIGNATURE. */
  async manifest(id: string): Promise<Buffer> {
    let manifest: Buffer;
    try {
      manifest = await readFile(this.manifestPath(id));
    } catch (error) {
      throw new VolleyError("E_CONTENT_READ", `The manifest of image ${id}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.checkSignature(id, manifest);
    return manifest;
  }

  /**
   * Before an image is cast: content that was touched since it was imported or verified is read whole. Throws
   * E_CONTENT_CORRUPT with the chunks that are not the manifest's, E_CONTENT_READ.
   */
  async checkWhole({ id, name }: { id: string; name: string }, manifest: Buffer): Promise<void> {
    const contentPath = this.contentPath(id);
    if (isStamped(contentPath)) return;
    this.#options.log.warn(`the content of image ${name} was touched: it is verified before it is cast`);
    const threads = availableParallelism();
    const { badChunks } = await this.#options.native.verifyContent({ manifest, contentPath, threads }).result;
    if (badChunks.length > 0) throw corruptContent(name, badChunks);
    stampContent(contentPath);
  }

  checkSignature(id: string, manifest: Buffer): void {
    const signed = manifest.subarray(0, -signatureBytes);
    const signature = manifest.subarray(-signatureBytes);
    if (manifest.length > signatureBytes && this.#options.authority.verifyManifest(signed, signature)) return;
    throw new VolleyError(
      "E_MANIFEST_SIGNATURE",
      `The manifest of image ${id} is not what this site signed.`,
    );
  }

  /** At start: removes what was not finished, and makes the rows and the folders agree. */
  async recover(): Promise<void> {
    const { folder, store, log, packageContents } = this.#options;
    makeFolder(folder);
    const present = new Set<string>();
    for (const name of readdirSync(folder)) {
      if (unfinished.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
      else present.add(name);
    }
    if (packageContents === "made") await this.#recoverPackages(present);
    for (const image of await store.images.list(
      packageContents === "made" ? ["image"] : ["image", "package"],
    )) {
      if (present.delete(image.id)) continue;
      if ((await store.images.users(image.id)).length > 0) {
        log.error(`image ${image.name} is not in the library, but deployments use it`);
        continue;
      }
      log.warn(`image ${image.name} is not in the library and is forgotten`);
      await store.images.remove(image.id);
    }
    for (const id of present) await this.#adopt(id);
    syncPath(folder);
  }

  /** What is cast in the place of packages can be made again from them: what does not fit together goes. */
  async #recoverPackages(present: Set<string>): Promise<void> {
    const { folder, store } = this.#options;
    const named = new Set((await store.packages.list()).map(({ imageId }) => imageId));
    for (const { id } of await store.images.list(["package"])) {
      const isWhole = present.delete(id) && existsSync(this.contentPath(id));
      if (isWhole && named.has(id)) continue;
      await store.packages.dropContent(id);
      await store.images.remove(id);
      rmSync(join(folder, id), { recursive: true, force: true });
    }
  }

  /** A complete folder without a row: the last process ended between the two. */
  async #adopt(id: string): Promise<void> {
    const { store, log, native, packageContents } = this.#options;
    try {
      const written = ImageRecord.parse(JSON.parse(readFileSync(this.factsPath(id), "utf8")));
      if (written.purpose === "package" && packageContents === "made") {
        rmSync(join(this.#options.folder, id), { recursive: true, force: true });
        return;
      }
      const summary = native.readManifest(await this.manifest(id));
      // What the manifest says is signed; the rest is not.
      const facts: ImageRecord = {
        ...written,
        bytes: summary.imageBytes,
        contentBytes: summary.contentBytes,
        smallestDiskBytes: summary.smallestDiskBytes,
        sectorBytes: summary.sectorBytes,
        firmware: firmwareNames(summary.firmware),
        chunks: summary.chunks,
        holes: summary.holes,
      };
      if (facts.id !== id || facts.root !== summary.root || !existsSync(this.contentPath(id))) {
        throw new VolleyError("E_CONTENT_CORRUPT", "Its facts are not its manifest's.");
      }
      if (await store.images.named(facts.name)) {
        throw new VolleyError("E_CONFLICT", `There is another image of the name ${facts.name}.`);
      }
      await store.images.add(facts);
      log.info(`image ${facts.name} was found complete in the library`);
    } catch (error) {
      log.warn(`${join(this.#options.folder, id)} is left alone: ${toVolleyError(error).detail}`);
    }
  }

  /** Throws E_NOT_FOUND, E_IMAGE_IN_USE. A deployment that comes at the same time is refused by the database. */
  async remove(id: string): Promise<void> {
    const { folder, store } = this.#options;
    const image = await store.images.find(id);
    if (!image) throw new VolleyError("E_NOT_FOUND", `There is no image ${id}.`);
    const users = await store.images.users(id);
    if (users.length > 0) {
      throw new VolleyError(
        "E_IMAGE_IN_USE",
        `Image ${image.name} is used by ${users.slice(0, 5).join(", ")}.`,
      );
    }
    const place = join(folder, id);
    const removed = join(folder, `.removing-${id}`);
    if (existsSync(place)) renameSync(place, removed);
    syncPath(folder);
    try {
      await store.images.remove(id);
    } catch (error) {
      if (existsSync(removed)) renameSync(removed, place);
      throw error;
    }
    rmSync(removed, { recursive: true, force: true });
  }
}
