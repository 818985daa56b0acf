/**
 * The file library: files that came from an administrator or a machine and are handed out as they are (task sequences,
 * packages, captured state). A file has an identifier, and is in the library whole or not at all. What it is, a row
 * says; who may read it, the API.
 */
import { createHash, randomUUID, type Hash } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { open, statfs, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { UploadRequest, UploadState } from "../../contract/sequence.ts";
import { makeFolder, syncPath, takePiece } from "../store/files.ts";
import { Turns } from "../turns.ts";

/** What an upload has become. */
export interface LibraryFile {
  id: string;
  bytes: number;
  /** SHA-256, hex. */
  hash: string;
}

interface Upload extends UploadRequest {
  id: string;
  /** Who brings it: a machine's identifier, or null for the administrator. */
  owner: string | null;
  handle: FileHandle;
  digest: Hash;
  received: number;
  /** Bytes since the last flush. */
  unflushed: number;
  touchedMs: number;
  turns: Turns;
}

const unfinished = ".uploading-";
/** With what no row names; a file's time is when it was put there. */
const lostFolder = ".lost";
const dayMs = 86_400_000;
const flushBytes = 67_108_864;

export class FileLibrary {
  readonly #folder: string;
  readonly #uploads = new Map<string, Upload>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * At start: removes what is unfinished, and puts what is no file of `kept` aside for limits.lostFileDays, since the database
   * may be an older one; with the right one it comes back. Answers how many were put aside.
   */
  recover(kept: ReadonlySet<string>): number {
    makeFolder(this.#folder);
    const lost = join(this.#folder, lostFolder);
    if (existsSync(lost)) this.#recoverLost(lost, kept);
    let count = 0;
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (name === lostFolder || kept.has(name)) continue;
      if (name.startsWith(unfinished)) {
        rmSync(path, { force: true });
        continue;
      }
      makeFolder(lost);
      utimesSync(path, new Date(), new Date());
      renameSync(path, join(lost, name));
      count += 1;
    }
    return count;
  }

  #recoverLost(lost: string, kept: ReadonlySet<string>): void {
    for (const name of readdirSync(lost)) {
      const path = join(lost, name);
      const lostMs = Date.now() - statSync(path).mtimeMs;
      if (kept.has(name) && !existsSync(this.path(name))) renameSync(path, this.path(name));
      else if (lostMs > limits.lostFileDays * dayMs) rmSync(path, { recursive: true, force: true });
    }
    syncPath(this.#folder);
  }

  path(id: string): string {
    return join(this.#folder, id);
  }

  /** Throws E_CONFLICT when too many go on, E_CONTENT_WRITE when the disk has no room. */
  async begin(owner: string | null, request: UploadRequest): Promise<UploadState> {
    await this.#forgetIdle();
    // A machine does one thing at a time: what it left behind is in the way of nobody else.
    for (const upload of this.#uploads.values()) {
      if (owner !== null && upload.owner === owner) await this.#drop(upload);
    }
    if (this.#uploads.size >= limits.uploadsOpen) {
      throw new VolleyError("E_CONFLICT", `${limits.uploadsOpen} uploads are going on, which is the most.`);
    }
    const promised = [...this.#uploads.values()].reduce((sum, one) => sum + one.bytes - one.received, 0);
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < promised + request.bytes + limits.freeBytesKept) {
      throw new VolleyError("E_CONTENT_WRITE", `The site's disk has no room for ${request.bytes} bytes.`);
    }
    const id = randomUUID();
    const upload: Upload = {
      ...request,
      id,
      owner,
      handle: await open(join(this.#folder, unfinished + id), "wx", 0o600),
      digest: createHash("sha256"),
      received: 0,
      unflushed: 0,
      touchedMs: Date.now(),
      turns: new Turns(),
    };
    this.#uploads.set(id, upload);
    return { id, received: 0 };
  }

  /** A piece that came before is taken again. Throws E_NOT_FOUND, E_CONFLICT, E_REQUEST_INVALID, E_CONTENT_WRITE. */
  receive(owner: string | null, id: string, offset: number, piece: Buffer): Promise<UploadState> {
    const upload = this.#of(owner, id);
    return upload.turns.take(async () => {
      upload.touchedMs = Date.now();
      const end = offset + piece.length;
      if (end <= upload.received) return { id, received: upload.received };
      if (offset !== upload.received) {
        throw new VolleyError("E_CONFLICT", `Byte ${upload.received} is to come next, not byte ${offset}.`);
      }
      if (end > upload.bytes) {
        throw new VolleyError("E_REQUEST_INVALID", `The upload has ${upload.bytes} bytes, not more.`);
      }
      await attempt(async () => {
        // "position": a try that failed in its middle is overwritten by the next.
        await upload.handle.write(piece, 0, piece.length, offset);
        upload.unflushed += piece.length;
        if (upload.unflushed >= flushBytes) await this.#flush(upload);
      });
      upload.digest.update(piece);
      upload.received = end;
      return { id, received: end };
    });
  }

  /**
   * Takes a whole upload into the library, durably; it is used up. Who calls makes its row, or removes the file. Throws
   * E_NOT_FOUND, E_REQUEST_INVALID for one that is not whole, too large, or other bytes than were announced.
   */
  take(owner: string | null, id: string, bytesMost: number): Promise<LibraryFile> {
    const upload = this.#of(owner, id);
    return upload.turns.take(async () => {
      this.#of(owner, id);
      const { bytes, hash } = upload;
      const refusal =
        upload.received < bytes
          ? `${upload.received} of ${bytes} bytes have come.`
          : bytes > bytesMost
            ? `It has ${bytes} bytes; ${bytesMost} are the most.`
            : upload.digest.digest("hex") === hash
              ? null
              : "Other bytes have come than were announced.";
      if (refusal !== null) {
        await this.#drop(upload);
        throw new VolleyError("E_REQUEST_INVALID", refusal);
      }
      await attempt(() => this.#flush(upload));
      await upload.handle.close();
      this.#uploads.delete(id);
      renameSync(join(this.#folder, unfinished + id), this.path(id));
      syncPath(this.#folder);
      return { id, bytes, hash };
    });
  }

  /** Throws E_CONTENT_READ. Empty at and behind the end. */
  async read(id: string, offset: number): Promise<Buffer> {
    try {
      return await takePiece(await open(this.path(id), "r"), offset);
    } catch (error) {
      throw new VolleyError("E_CONTENT_READ", `File ${id}: ${(error as Error).message}`, { cause: error });
    }
  }

  remove(id: string): void {
    if (existsSync(this.path(id))) rmSync(this.path(id), { force: true });
  }

  async stop(): Promise<void> {
    for (const upload of this.#uploads.values()) await this.#drop(upload);
  }

  #of(owner: string | null, id: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.owner !== owner) {
      throw new VolleyError("E_NOT_FOUND", "There is no such upload (any more): begin again.");
    }
    return upload;
  }

  async #flush(upload: Upload): Promise<void> {
    await upload.handle.datasync();
    upload.unflushed = 0;
  }

  async #forgetIdle(): Promise<void> {
    for (const upload of this.#uploads.values()) {
      if (Date.now() - upload.touchedMs > limits.uploadIdleMs) await this.#drop(upload);
    }
  }

  async #drop(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id);
    await upload.handle.close().catch(() => undefined);
    rmSync(join(this.#folder, unfinished + upload.id), { force: true });
  }
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new VolleyError("E_CONTENT_WRITE", (error as Error).message, { cause: error });
  }
}
