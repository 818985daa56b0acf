/** Files between a site and this machine, piece by piece: each piece is tried until the site answers. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { UploadState } from "../../contract/sequence.ts";
import { untilItWorks } from "../back-off.ts";

export interface Transfer {
  signal: AbortSignal;
  /** 0 to 1. */
  progress(fraction: number): void;
  onWait(failure: VolleyError): void;
}

export interface Download extends Transfer {
  path: string;
  bytes: number;
  /** SHA-256, hex. */
  hash: string;
  /** What it is, for errors: "Package PS100012". */
  what: string;
  /** How long a site that does not answer is asked again; without it, as long as any is. */
  patienceMs?: number;
  /** One try: some bytes from `offset`, none at the end. */
  piece(offset: number): Promise<Buffer>;
}

/**
 * The file is at `path`, whole, durable and with the right hash, when it resolves; one that is there already is checked and
 * not fetched. What an earlier try has fetched is gone on with. Rejects with E_CONTENT_CORRUPT, E_CANCELLED, and with
 * what the site refuses.
 */
export async function downloadFile(download: Download): Promise<void> {
  const { bytes, hash, path, what } = download;
  if ((await sizeOf(path)) === bytes && (await hashOf(path)) === hash) return;
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await fetchRest(part, download);
  const found = await hashOf(part);
  if (found !== hash) {
    await rm(part, { force: true });
    throw new VolleyError("E_CONTENT_CORRUPT", `${what} came with SHA-256 ${found}, not ${hash}`);
  }
  await rename(part, path);
}

async function fetchRest(part: string, download: Download): Promise<void> {
  const { bytes, onWait, signal, what } = download;
  const file = await open(part, "a", 0o600);
  try {
    let offset = (await file.stat()).size;
    while (offset < bytes) {
      const from = offset;
      const piece = await untilItWorks(() => download.piece(from), {
        signal,
        patienceMs: download.patienceMs ?? limits.siteAwayMs,
        onWait,
      });
      if (piece.length === 0) {
        throw new VolleyError("E_CONTENT_CORRUPT", `${what} ends after ${offset} of ${bytes} bytes`);
      }
      await file.write(piece);
      offset += piece.length;
      download.progress(offset / bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

export interface UploadSite {
  beginUpload(request: { bytes: number; hash: string }): Promise<UploadState>;
  sendPiece(uploadId: string, offset: number, bytes: Buffer): Promise<UploadState>;
}

/** How often an upload is begun anew at a site that was restarted meanwhile. */
const beginningsMost = 5;

/** A file, or a disk: of that the system does not say the size where it says a file's. */
export interface UploadSource {
  path: string;
  bytes: number;
}

/**
 * Brings the file and then has `use` name the upload to the site: both again when the site was restarted in between and
 * knows nothing of it. Rejects with E_CANCELLED, and with what the site refuses.
 */
export async function uploadAndUse<Answer>(
  source: string | UploadSource,
  site: UploadSite,
  transfer: Transfer,
  use: (uploadId: string) => Promise<Answer>,
): Promise<Answer> {
  const path = typeof source === "string" ? source : source.path;
  const bytes = typeof source === "string" ? (await stat(path)).size : source.bytes;
  const request = { bytes, hash: await hashOf(path) };
  for (let beginning = 1; ; beginning += 1) {
    try {
      return await use(await uploadOnce(path, request, site, transfer));
    } catch (error) {
      const failure = toVolleyError(error);
      if (failure.code !== "E_NOT_FOUND" || beginning === beginningsMost) throw failure;
      transfer.onWait(failure);
    }
  }
}

async function uploadOnce(
  path: string,
  request: { bytes: number; hash: string },
  site: UploadSite,
  transfer: Transfer,
): Promise<string> {
  const { onWait, signal } = transfer;
  const patience = { signal, patienceMs: limits.siteAwayMs, onWait };
  const { id } = await untilItWorks(() => site.beginUpload(request), patience);
  const file = await open(path, "r");
  try {
    const piece = Buffer.alloc(limits.filePieceBytes);
    for (let offset = 0; offset < request.bytes;) {
      const from = offset;
      const { bytesRead } = await file.read(piece, 0, piece.length, from);
      if (bytesRead === 0) throw new VolleyError("E_SOURCE_READ", `${path} has become shorter`);
      await untilItWorks(() => site.sendPiece(id, from, piece.subarray(0, bytesRead)), patience);
      offset += bytesRead;
      transfer.progress(offset / request.bytes);
    }
  } finally {
    await file.close();
  }
  return id;
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.size ?? null;
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of createReadStream(path)) digest.update(piece as Buffer);
  return digest.digest("hex");
}
