/**
 * The enrolment credential of a Windows PE is the last that its image gets: appended, so that what is before it, under the
 * header that was there before, is the same image without it. Machines that have a key of their own are given that, and no
 * second file of hundreds of megabytes is kept for them. Source: "Windows Imaging File Format" (Microsoft): all but the header
 * is where the header says.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BootFile } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";

const headerBytes = 208;

export const WithoutCredential = BootFile.extend({
  /** Of the image before the credential came: base64 of 208 bytes. */
  header: z.base64().length(Math.ceil(headerBytes / 3) * 4),
});
export type WithoutCredential = z.infer<typeof WithoutCredential>;

/** In the image. */
export const credentialPath = "/Volley/credential";

/**
 * `update` runs wimlib's "update" on the file with these orders, so that it appends. Throws E_TOOL_FAILED when that has changed
 * what was there.
 */
export async function appendCredential(
  { credential, wim, work }: { wim: string; credential: string; work: string },
  update: (orders: readonly string[]) => Promise<void>,
): Promise<WithoutCredential> {
  const handle = await open(wim, "r");
  const header = Buffer.alloc(headerBytes);
  try {
    await handle.read(header, 0, headerBytes, 0);
  } finally {
    await handle.close();
  }
  const bytes = statSync(wim).size;
  const sha256 = await hashOf(createHash("sha256"), wim, { start: 0, end: bytes - 1 });
  const file = join(work, "credential");
  writeFileSync(file, `${credential}\r\n`, { mode: 0o600 });
  try {
    await update([`add "${file}" ${credentialPath}`]);
  } finally {
    rmSync(file);
  }
  const parts = createHash("sha256").update(header);
  if ((await hashOf(parts, wim, { start: headerBytes, end: bytes - 1 })) !== sha256) {
    throw new VolleyError("E_TOOL_FAILED", "wimlib-imagex update: it did not append to the image");
  }
  return { bytes, sha256, header: header.toString("base64") };
}

/** `piece` of the image from byte `offset` on, as it is without the credential. */
export function withoutCredential(
  { bytes, header }: WithoutCredential,
  { offset, piece }: { offset: number; piece: Buffer },
): Buffer {
  const kept = Buffer.from(piece.subarray(0, Math.max(0, bytes - offset)));
  Buffer.from(header, "base64").copy(kept, 0, Math.min(offset, headerBytes));
  return kept;
}

async function hashOf(digest: Hash, path: string, part: { start: number; end: number }): Promise<string> {
  for await (const piece of createReadStream(path, part)) digest.update(piece as Buffer);
  return digest.digest("hex");
}
