/**
 * The file system PGlite runs on, with fsync that reaches the disk. PGlite's own one mounts the data folder but
 * has no fsync at all: PostgreSQL's calls return success and do nothing, whatever its settings say.
 */
import { fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";

/** What is used of the emscripten module: its mount of a host folder. */
interface MountingModule {
  NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } };
}

export class DurableFiles extends NodeFS {
  override async init(...[database, options]: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(database, options);
    const addFsync = (module: unknown): void => {
      (module as MountingModule).NODEFS.stream_ops.fsync = (stream) => {
        // fdatasync arrives here too. An error is thrown through PostgreSQL, which stops: it must not report a
        // commit that is not on the disk.
        fsyncSync(stream.nfd);
        return 0;
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addFsync] } };
  }
}
