/** A file that goes to the site in pieces, with the SHA-256 of all of it. */
import type { UploadState } from "../../../contract/sequence.ts";
import { ask } from "./site.ts";

/** What a request takes: limits.filePieceBytes of the contract. */
const pieceBytes = 1_048_576;

/** Answers the upload's identifier. For files that fit the memory of a browser. */
export async function upload(file: File): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const { id } = await ask<UploadState>("POST", "/uploads", { bytes: file.size, hash });
  for (let offset = 0; offset < file.size; offset += pieceBytes) {
    await ask("PUT", `/uploads/${id}/${offset}`, file.slice(offset, offset + pieceBytes));
  }
  return id;
}
