/** A disk that holds an image is made to fit: ranges of it move, and partition tables are written. */
import { loadAddon } from "./addon.ts";
import * as check from "./arguments.ts";
import type { Task } from "./task.ts";

/** All in bytes, whole sectors of the disk. The two ranges may overlap. */
export interface DiskMove {
  from: number;
  to: number;
  bytes: number;
}
/** Offset and length are whole sectors of the disk. */
export interface DiskPiece {
  offset: number;
  bytes: Buffer;
}

interface RewriteAddon {
  rewriteDisk(options: { path: string; moves: DiskMove[]; pieces: DiskPiece[] }): Task<null>;
}

/**
 * Moves ranges of a disk or file, in their order, and then writes small pieces such as partition tables; each write is read back
 * past the cache. The disk is this process's alone meanwhile; Windows has it offline, and reads its table when it is done.
 */
export function rewriteDisk(options: { path: string; moves: DiskMove[]; pieces: DiskPiece[] }): Task<null> {
  check.path("path", options.path);
  for (const { bytes, from, to } of options.moves) {
    check.integer("moves.from", from, 0, 2 ** 46);
    check.integer("moves.to", to, 0, 2 ** 46);
    check.integer("moves.bytes", bytes, 0, 2 ** 46);
  }
  for (const { bytes, offset } of options.pieces) {
    check.integer("pieces.offset", offset, 0, 2 ** 46);
    check.bytes("pieces.bytes", bytes);
  }
  return (loadAddon() as RewriteAddon).rewriteDisk(options);
}
