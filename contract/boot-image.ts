/** The site's boot media, as a machine that already runs fetches them to restart into the PE from its own disk. */
import { z } from "zod";
import { ByteCount, Time } from "./common.ts";
import { Sha256 } from "./sequence.ts";

/** The kernel and the initial file system, and what starts them on UEFI with Secure Boot. */
export const BootFileName = z.enum(["vmlinuz", "initrd.zst", "shimx64.efi", "grubx64.efi"]);
export type BootFileName = z.infer<typeof BootFileName>;

/** Of the site's Windows PE: the image with the agent in it, and the file that makes room for it in memory. */
export const WinpeFileName = z.enum(["boot.wim", "boot.sdi"]);
export type WinpeFileName = z.infer<typeof WinpeFileName>;

export const BootFile = z.object({ bytes: ByteCount, sha256: Sha256 });
export type BootFile = z.infer<typeof BootFile>;

/**
 * GET /boot-image, by a machine. Then GET /boot-image/:name/:offset (a BootFileName or WinpeFileName), a piece of at most filePieceBytes, none at the end.
 * E_NOT_FOUND: the site has no boot media.
 */
export const BootImageFacts = z.object({
  built: Time,
  kernel: z.string().max(200),
  agent: z.string().max(200),
  /** For the kernel; words without quotes. */
  commandLine: z
    .string()
    .max(1000)
    .regex(/^[A-Za-z0-9 ,._=:/-]*$/),
  files: z.record(BootFileName, BootFile),
  /** Null where the site has no Windows PE. */
  winpe: z
    .object({
      /** "10.0.22621.1". */
      version: z.string().max(200),
      /** It is what machines are to start where they can start either. */
      preferred: z.boolean(),
      files: z.record(WinpeFileName, BootFile),
    })
    .nullable()
    .default(null),
});
export type BootImageFacts = z.infer<typeof BootImageFacts>;
