/** Brings a file to the site, piece by piece. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { UploadState } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import { bytesText } from "../quantities.ts";

/** Answers the upload's identifier. Throws E_SOURCE_READ for a file that cannot be read, or is empty. */
export async function uploadFile(client: SiteClient, path: string, quiet: boolean): Promise<string> {
  const { bytes, hash } = await hashOf(path);
  const { id } = await client.post<UploadState>("/uploads", { bytes, hash });
  const file = await open(path, "r");
  const redraw = process.stderr.isTTY && !quiet;
  try {
    const piece = Buffer.alloc(limits.filePieceBytes);
    for (let offset = 0; offset < bytes;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, offset);
      if (bytesRead === 0) throw new VolleyError("E_SOURCE_READ", `${path} has become shorter.`);
      await client.put(`/uploads/${id}/${offset}`, piece.subarray(0, bytesRead));
      offset += bytesRead;
      if (redraw) process.stderr.write(`\r\x1b[2K${path}: ${bytesText(offset)} of ${bytesText(bytes)}`);
    }
  } finally {
    if (redraw) process.stderr.write("\n");
    await file.close();
  }
  return id;
}

async function hashOf(path: string): Promise<{ bytes: number; hash: string }> {
  const digest = createHash("sha256");
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path)) {
      bytes += (piece as Buffer).length;
      digest.update(piece as Buffer);
    }
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
  if (bytes === 0) throw new VolleyError("E_SOURCE_READ", `${path} is empty.`);
  return { bytes, hash: digest.digest("hex") };
}
