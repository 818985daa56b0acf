/** Reading stored content against its manifest, and how what is found is said. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Task } from "../../native/index.ts";

/** What of the addon is used to verify. */
export interface VerifyDoor {
  verifyContent(options: {
    manifest: Buffer;
    contentPath: string;
    threads: number;
  }): Task<{ badChunks: number[] }>;
}

/** Bad chunks that are named in a message. */
const chunksNamed = 10;

/** `chunks` is not empty. */
export function corruptContent(name: string, chunks: number[]): VolleyError {
  const named = chunks
    .slice(0, chunksNamed)
    .map((chunk) => `${chunk} (at byte ${chunk * limits.chunkBytes} of the image)`)
    .join(", ");
  const more = chunks.length > chunksNamed ? ` and ${chunks.length - chunksNamed} more` : "";
  return new VolleyError(
    "E_CONTENT_CORRUPT",
    `Image ${name}: chunk ${named}${more} is not what the manifest says.`,
  );
}
