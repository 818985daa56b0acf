/**
 * The room on the disk of the data folder. PostgreSQL stops itself where it cannot write what it has promised, so a file
 * that holds nothing keeps some of the disk: when the disk is full it goes, and the database writes into its place. From
 * then on, and whenever little is free, the site takes nothing new until there is room again.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";

const reserveName = ".reserve";
const pieceBytes = 1_048_576;

export class DiskRoom {
  readonly #folder: string;
  readonly #log: Log;
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  get isFull(): boolean {
    return this.#isFull;
  }
  /** As of now, bytes. */
  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }
  get #reserve(): string {
    return join(this.#folder, reserveName);
  }

  /** Keeps the reserve and looks at the disk now and then. */
  watch(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), limits.diskLookMs);
  }
  close(): void {
    clearInterval(this.#timer);
  }

  /** The database has no room for what it has to write. True when there is some now. */
  release(): boolean {
    this.#setFull(true);
    if (!this.#hasReserve()) return false;
    rmSync(this.#reserve, { force: true });
    return true;
  }

  /** Throws E_DISK_FULL. */
  check(): void {
    if (this.#isFull) throw new VolleyError("E_DISK_FULL", fullText(this.#folder));
  }

  look(): void {
    try {
      const wanted = limits.diskBytesLeast * 2 + limits.diskReserveBytes;
      if (!this.#hasReserve() && this.freeBytes > wanted) this.#makeReserve();
      this.#setFull(this.freeBytes < limits.diskBytesLeast || (this.#isFull && !this.#hasReserve()));
    } catch (error) {
      this.#log.error(`the room in ${this.#folder} is not known: ${(error as Error).message}`);
    }
  }

  #hasReserve(): boolean {
    return statSync(this.#reserve, { throwIfNoEntry: false })?.size === limits.diskReserveBytes;
  }

  /** Written, since a file that is only made longer has no room of its own. */
  #makeReserve(): void {
    const descriptor = openSync(this.#reserve, "w", 0o600);
    try {
      const piece = Buffer.alloc(pieceBytes);
      for (let at = 0; at < limits.diskReserveBytes;) at += writeSync(descriptor, piece, 0, pieceBytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #setFull(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    if (isFull) this.#log.error(`E_DISK_FULL: ${fullText(this.#folder)} Nothing new is taken meanwhile.`);
    else this.#log.info(`the disk of ${this.#folder} has room again`);
  }
}

const fullText = (folder: string): string => `The disk of the data folder ${folder} is full.`;
