/**
 * The file system PGlite runs on, with fsync that reaches the disk, that of its log by `WriteAheadLog`. PGlite's own one
 * mounts the data folder but has no fsync at all: PostgreSQL's calls return success and do nothing, whatever its settings
 * say.
 */
import { fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import type { DiskRoom } from "./disk-room.ts";
import type { FailedDisk } from "./failed-disk.ts";
import type { WriteAheadLog } from "./write-ahead-log.ts";

/** What is used of the emscripten module: its mount of a host folder, and how errors are told to the program. */
interface MountingModule {
  NODEFS: {
    stream_ops: {
      fsync?: (stream: Stream) => number;
      close: (stream: Stream) => void;
      write: (stream: Stream, buffer: object, offset: number, length: number, position: number) => number;
      setattr: (stream: Stream, attributes: object) => void;
    };
    node_ops: {
      setattr: (node: object, attributes: object) => void;
      rename: (node: object, folder: object, name: string) => void;
      unlink: (folder: object, name: string) => void;
    };
    /** Of the host. */
    realPath: (node: object) => string;
  };
  FS: { ErrnoError: new (number: number) => Error };
}

interface Stream {
  /** The host's descriptor. */
  nfd: number;
  node: object;
}

/** EIO, by the program's numbers. */
const inputOutputError = 29;
/** ENOSPC. */
const noSpace = 51;

export interface DurableFilesOptions {
  disk: FailedDisk;
  log: WriteAheadLog;
  room?: DiskRoom | undefined;
}

export class DurableFiles extends NodeFS {
  readonly #disk: FailedDisk;
  readonly #log: WriteAheadLog;
  readonly #room: DiskRoom | undefined;

  constructor(folder: string, { disk, log, room }: DurableFilesOptions) {
    super(folder);
    this.#disk = disk;
    this.#log = log;
    this.#room = room;
  }

  override async init(...[database, options]: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(database, options);
    const addOperations = (given: unknown): void => {
      const { FS, NODEFS } = given as MountingModule;
      /** PostgreSQL does not take a commit for one that is not on the disk: told of a failure, it stops. */
      const reaching = <Result>(work: () => Result): Result => {
        try {
          return work();
        } catch (error) {
          this.#disk.report((error as Error).message);
          throw new FS.ErrnoError(inputOutputError);
        }
      };
      NODEFS.stream_ops.fsync = ({ nfd, node }) =>
        reaching(() => {
          const path = NODEFS.realPath(node);
          if (this.#log.defers(path)) this.#log.defer(nfd, path);
          else {
            this.#log.syncNow();
            fsyncSync(nfd);
          }
          return 0;
        });
      const { close } = NODEFS.stream_ops;
      NODEFS.stream_ops.close = (stream) => {
        reaching(() => this.#log.closing(stream.nfd));
        close(stream);
      };
      /** The log comes to the disk before what it speaks of: a file is cut short or removed by a commit that has come there. */
      const afterLog =
        <Parts extends unknown[]>(work: (...parts: Parts) => void) =>
        (...parts: Parts): void => {
          reaching(() => this.#log.syncNow());
          work(...parts);
        };
      const { node_ops: nodes, stream_ops: streams } = NODEFS;
      nodes.rename = afterLog(nodes.rename);
      nodes.unlink = afterLog(nodes.unlink);
      nodes.setattr = afterLog(nodes.setattr);
      streams.setattr = afterLog(streams.setattr);
      const { write } = NODEFS.stream_ops;
      NODEFS.stream_ops.write = (stream, buffer, offset, length, position) => {
        if (!this.#log.defers(NODEFS.realPath(stream.node))) reaching(() => this.#log.syncNow());
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
