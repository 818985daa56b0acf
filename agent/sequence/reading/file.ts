/** A task sequence from a file of this machine. */
import { open } from "node:fs/promises";
import { VolleyError } from "../../../contract/errors.ts";
import { readingLimits } from "./limits.ts";
import { type ReadSequence, readSequences } from "./read.ts";

/** The sequences of a file by its path, the main one first. No more of it is read than the reader takes. */
export async function readSequenceFile(path: string): Promise<ReadSequence[]> {
  return readSequences(await readBounded(path));
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error("it is no file");
      if (stat.size > readingLimits.fileBytes) {
        const detail = `${path} has ${stat.size} bytes; ${readingLimits.fileBytes} are read`;
        throw new VolleyError("E_SEQUENCE_TOO_LARGE", detail);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_SEQUENCE_UNREADABLE", `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
