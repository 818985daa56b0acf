/** A way to start a kernel from this machine's disk once, and then what was started before. */
import type { BootFileName } from "../../contract/boot-image.ts";
import type { VolumeFacts } from "./volume.ts";

/** What is started. */
export interface StagedFiles {
  volume: VolumeFacts;
  kernel: string;
  /** Archives of the initial file system, one after another; there is room for one more file of their size, see `copies`. */
  initrds: readonly string[];
  commandLine: string;
}

export interface BootEntry {
  /** Kept in the record of what is staged: "grub", "efi", "kexec". */
  readonly kind: string;
  /** How often the archives are on the disk: 2 when the entry wants them in one file. */
  readonly copies: 1 | 2;
  /** More of the boot image, beside the kernel when it is armed. */
  readonly needs?: readonly BootFileName[];
  /** Why it cannot be used here, a sentence; null when it can. */
  obstacle(volume: VolumeFacts): Promise<string | null>;
  /** The next start, and that alone, is into `files`. Rejects with E_STAGING. */
  arm(files: StagedFiles): Promise<void>;
  /** Restarts into what was armed, where an ordinary restart does not lead there. Rejects with E_STAGING. */
  restart?(): Promise<void>;
  /** As before `arm`, whether or not that was done or has been used up. Rejects with E_STAGING. */
  disarm(): Promise<void>;
}
