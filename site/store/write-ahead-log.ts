/**
 * The fsync of PostgreSQL's write-ahead log, once for several commits and beside the main thread. PostgreSQL asks for one
 * with each commit and waits; here it is answered at once, and whoever waits for the commit waits for the disk instead, by
 * `synced`. PostgreSQL's rule that the log is on the disk before what it speaks of is kept by `syncNow`, before any other
 * file is written. So a power cut takes nothing but commits that nobody was told of.
 */
import { closeSync, fsync, fsyncSync, openSync } from "node:fs";
import { promisify } from "node:util";

/** Of the log alone: PostgreSQL's names of its segments. */
const segment = /\/pg_wal\/[0-9A-F]{24}$/;
/** Read with each call, so that a test may have a disk that fails. */
const syncFile = (descriptor: number): Promise<void> => promisify(fsync)(descriptor);

export class WriteAheadLog {
  readonly #failed: (reason: string) => void;
  #deferring = false;
  /** How often PostgreSQL has asked, and up to where that is done. */
  #asked = 0;
  #done = 0;
  /** By PostgreSQL's descriptor one of our own: it may close its own while ours is being synced. */
  readonly #files = new Map<number, number>();
  readonly #unsynced = new Set<number>();
  #syncing: Promise<void> | null = null;

  /** `failed` is told why a disk does not keep what is written. */
  constructor(failed: (reason: string) => void) {
    this.#failed = failed;
  }

  /** From now on. Until then each fsync is done as PostgreSQL asks for it. */
  startDeferring(): void {
    this.#deferring = true;
  }

  defers(path: string): boolean {
    return this.#deferring && segment.test(path);
  }

  defer(descriptor: number, path: string): void {
    const own = this.#files.get(descriptor) ?? openSync(path, "r+");
    this.#files.set(descriptor, own);
    this.#unsynced.add(own);
    this.#asked += 1;
  }

  /** Resolves when all that was asked for until now is on the disk. */
  async synced(): Promise<void> {
    const wanted = this.#asked;
    while (this.#done < wanted) {
      this.#syncing ??= this.#sync().finally(() => {
        this.#syncing = null;
      });
      await this.#syncing;
    }
  }

  async #sync(): Promise<void> {
    const upTo = this.#asked;
    const files = [...this.#unsynced];
    this.#unsynced.clear();
    try {
      await Promise.all(files.map(syncFile));
    } catch (error) {
      this.#failed((error as Error).message);
      throw error;
    }
    this.#done = Math.max(this.#done, upTo);
  }

  /** Waits for the disk where it stands. What is being synced meanwhile is synced once more: who can tell how far that is. */
  syncNow(): void {
    if (this.#done === this.#asked) return;
    for (const own of this.#files.values()) fsyncSync(own);
    this.#unsynced.clear();
    this.#done = this.#asked;
  }

  /** PostgreSQL goes on to its next segment. */
  closing(descriptor: number): void {
    const own = this.#files.get(descriptor);
    if (own === undefined) return;
    this.syncNow();
    this.#files.delete(descriptor);
    const close = (): void => closeSync(own);
    if (this.#syncing === null) close();
    else void this.#syncing.then(close, close);
  }

  /** PostgreSQL has ended. */
  async end(): Promise<void> {
    await this.synced();
    for (const descriptor of this.#files.keys()) this.closing(descriptor);
  }
}
