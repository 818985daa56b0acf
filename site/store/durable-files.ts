/**
 * The file system PGlite runs on, with fsync that reaches the disk. PGlite's own one mounts the data folder but
 * has no fsync at all: PostgreSQL's calls return success and do nothing, whatever its settings say.
 */
import { fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import type { DiskRoom } from "./disk-room.ts";
import type { FailedDisk } from "./guarded-database.ts";

/** What is used of the emscripten module: its mount of a host folder, and how errors are told to the program. */
interface MountingModule {
  NODEFS: {
    stream_ops: {
      fsync?: (stream: { nfd: number }) => number;
      write: (stream: object, buffer: object, offset: number, length: number, position: number) => number;
    };
  };
  FS: { ErrnoError: new (number: number) => Error };
}

/** EIO, by the program's numbers. */
const inputOutputError = 29;
/** ENOSPC. */
const noSpace = 51;

export class DurableFiles extends NodeFS {
  readonly #disk: FailedDisk;
  readonly #room: DiskRoom | undefined;

  constructor(folder: string, disk: FailedDisk, room?: DiskRoom) {
    super(folder);
    this.#disk = disk;
    this.#room = room;
  }

  override async init(...[database, options]: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(database, options);
    const addOperations = (given: unknown): void => {
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
      const { write } = NODEFS.stream_ops;
      NODEFS.stream_ops.write = (stream, buffer, offset, length, position) => {
        let written = 0;
        try {
          written = write(stream, buffer, offset, length, position);
          // The last room that there was took a part of it.
          if (written === length || this.#room?.release() !== true) return written;
        } catch (error) {
          const isFull = (error as { errno?: unknown }).errno === noSpace;
          if (!isFull || this.#room?.release() !== true) throw error;
        }
        return written + write(stream, buffer, offset + written, length - written, position + written);
      };
    };
    return {
      emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addOperations] },
    };
  }
}
