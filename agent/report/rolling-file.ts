/** A log file of bounded size with one predecessor, as Configuration Manager keeps its own. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { Writable } from "node:stream";

/**
 * Appends each chunk at once, so that nothing is lost when the process ends; renames the file to `predecessor` before it
 * would exceed `bytesMost`. A log that cannot be written (a full disk) is no reason to stop deploying: it is skipped.
 */
export function rollingFile(path: string, predecessor: string, bytesMost: number): Writable {
  let descriptor: number | null = null;
  let bytes = 0;
  const start = (): void => {
    descriptor = openSync(path, "a", 0o600);
    bytes = fstatSync(descriptor).size;
  };
  const append = (chunk: Buffer): void => {
    if (descriptor === null) start();
    if (bytes > 0 && bytes + chunk.length > bytesMost && descriptor !== null) {
      closeSync(descriptor);
      descriptor = null;
      renameSync(path, predecessor);
      start();
    }
    if (descriptor !== null) bytes += writeSync(descriptor, chunk);
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        append(chunk);
      } catch {
        // Said above.
      }
      done();
    },
    final(done) {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
      done();
    },
  });
}
