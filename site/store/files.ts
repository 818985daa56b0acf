/** File operations that are durable when they return. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { limits } from "../../contract/limits.ts";

/** Makes the entries of a folder, or the bytes of a file, durable. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As `syncPath`, for everything in a folder and the folder itself. */
export function syncTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) syncTree(inner);
    else if (entry.isFile()) syncPath(inner);
  }
  syncPath(path);
}

/** Writes a whole file; it exists afterwards with all its bytes, or not at all. */
export function writeFileDurably(path: string, content: string | Uint8Array, mode = 0o600): void {
  const temporary = `${path}.new-${process.pid}`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
  syncPath(dirname(path));
}

/** Makes a private folder (and those above it) durable. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  syncPath(dirname(path));
}

/** At most filePieceBytes from `offset` on, none at the end and behind it. The file is closed then, and after a failure. */
export async function takePiece(file: FileHandle, offset: number): Promise<Buffer> {
  try {
    const piece = Buffer.alloc(limits.filePieceBytes);
    const { bytesRead } = await file.read(piece, 0, piece.length, offset);
    return piece.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
