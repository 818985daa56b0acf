/** A file that goes to the site in pieces, with the SHA-256 of all of it. */
import type { UploadState } from "../../../contract/sequence.ts";
import { ask, Refusal } from "./site.ts";

/** What a request takes: limits.filePieceBytes of the contract. */
const pieceBytes = 1_048_576;
/** A browser hashes no file but in its memory, and none has more of that for one. */
export const uploadBytesMost = 2_000_000_000;
/** While the site is away; it keeps what has come for longer than this, unless it is started anew. */
const [tries, pauseMs] = [120, 1000];

/** Answers the upload's identifier. `onProgress` is told how many bytes the site has. */
export async function upload(
  file: File,
  onProgress: (bytes: number) => void = () => undefined,
): Promise<string> {
  if (file.size > uploadBytesMost) throw new Error(`${file.name} is too large to be sent by a browser.`);
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const { id } = await ask<UploadState>("POST", "/uploads", { bytes: file.size, hash });
  for (let offset = 0; offset < file.size; offset += pieceBytes) {
    const piece = file.slice(offset, offset + pieceBytes);
    const { received } = await untilAnswered(() =>
      ask<UploadState>("PUT", `/uploads/${id}/${offset}`, piece),
    );
    onProgress(received);
  }
  return id;
}

/** A piece that came already is taken again, so that one whose answer was lost is sent once more. */
async function untilAnswered<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let left = tries; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Refusal || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
