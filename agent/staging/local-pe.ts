/** A PE put on this machine's own disk for one start, and the machine as it was when that leads nowhere. */
import type { BootFileName, BootImageFacts, WinpeFileName } from "../../contract/boot-image.ts";

/** One try each, as the site's other messages. */
export interface BootImageSource {
  facts(): Promise<BootImageFacts>;
  piece(name: BootFileName | WinpeFileName, offset: number): Promise<Buffer>;
}

export interface PeTransfer {
  signal: AbortSignal;
  /** 0 to 1. */
  progress(fraction: number): void;
}

export interface LocalPe {
  /** What an agent, this or an earlier one, has staged and not taken back. */
  readonly record: {
    deploymentId: string;
    /** The start of the system in which the next one was made to lead into the PE; null as long as none is. */
    armedIn: string | null;
    /** How often that was so. */
    starts: number;
  } | null;
  /** The system was started since the PE's start was prepared: it did not stay in the PE. */
  readonly cameBack: boolean;
  /**
   * The PE's files are on the disk, whole and checked, and there is a way to start them; nothing starts them yet. What is
   * there already is checked and not fetched. Rejects with E_STAGING, and with what the site refuses; nothing is left then.
   */
  prepare(deploymentId: string, source: BootImageSource, transfer: PeTransfer): Promise<void>;
  /** The next start, and that alone, is into the PE, which has the agent's state as it is now. Rejects with E_STAGING. */
  arm(): Promise<void>;
  /** Restarts into what was armed; false where an ordinary restart leads there. Rejects with E_STAGING. */
  restart(): Promise<boolean>;
  /** What is staged for another deployment than the one that is `wanted` came to nothing: its run has ended, too. */
  tidy(wanted: string | null): Promise<void>;
  /** The machine as it was: nothing starts the PE, nothing of it is left. Rejects with E_STAGING. */
  withdraw(): Promise<void>;
}
