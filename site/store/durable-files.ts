/**
 * The file system PGlite runs on, with fsync that reaches the disk. PGlite's own one mounts the data folder but
 * has no fsync at all: PostgreSQL's calls return success and do nothing, whatever its settings say.
 */
import { fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import type { FailedDisk } from "./guarded-database.ts";

/** What is used of the emscripten module: its mount of a host folder, and how errors are told to the program. */
interface MountingModule {
  NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } };
  FS: { ErrnoError: new (number: number) => Error };
}

/** EIO, by the program's numbers. */
const inputOutputError = 29;

export class DurableFiles extends NodeFS {
  readonly #disk: FailedDisk;

  constructor(folder: string, disk: FailedDisk) {
    super(folder);
    this.#disk = disk;
  }

  override async init(...[database, options]: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(database, options);
    const addFsync = (given: unknown): void => {
      const { FS, NODEFS } = given as MountingModule;
      NODEFS.stream_ops.fsync = (stream) => {
        try {
          fsyncSync(stream.nfd);
          return 0;
        } catch (error) {
          this.#disk.report((error as Error).message);
          // PostgreSQL does not take a commit for one that is not on the disk: it stops.
          throw new FS.ErrnoError(inputOutputError);
        }
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addFsync] } };
  }
}
