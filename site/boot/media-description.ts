/** media.json of a folder of boot media: what is in them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BootFile } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";

export const descriptionName = "media.json";

export const MediaDescription = z.object({
  kind: z.literal("volley-linux-pe"),
  built: z.string(),
  agent: z.string(),
  kernel: z.string(),
  /** What the kernel is told, whatever starts it. */
  commandLine: z.string(),
  site: z.string(),
  fingerprint: z.string(),
  credentialExpires: z.string(),
  /** So much of initrd.zst, from its start, holds no credential: what a machine that has enrolled is given. */
  withoutCredential: BootFile,
  /** By path in the folder. */
  files: z.record(z.string(), BootFile),
});
export type MediaDescription = z.infer<typeof MediaDescription>;

/** Throws E_NOT_FOUND where there are no media, or such of an older release. */
export async function readMediaDescription(folder: string): Promise<MediaDescription> {
  try {
    return MediaDescription.parse(JSON.parse(await readFile(join(folder, descriptionName), "utf8")));
  } catch (error) {
    const detail = `The site has no boot media of this release in ${folder}: make them (volley media build).`;
    throw new VolleyError("E_NOT_FOUND", detail, { cause: error });
  }
}
