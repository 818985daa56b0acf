/** What every way into a PE and back has in common: what it has staged is a file, and the files come from the site. */
import { join } from "node:path";
import { z } from "zod";
import type { BootFile, BootFileName, WinpeFileName } from "../../contract/boot-image.ts";
import { Identifier } from "../../contract/common.ts";
import type { Log } from "../report/logs.ts";
import { downloadFile } from "../site/file-transfer.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";
import type { BootImageSource, LocalPe, PeTransfer } from "./local-pe.ts";

export const recordFile = "staged.json";

export const RecordedStart = z.object({
  deploymentId: Identifier,
  /** Of the system that staged it; null until the next start is into the PE. */
  armedIn: z.string().nullable(),
  /** How often that was so. */
  starts: z.int().min(0),
});

export interface RecordedPeOptions {
  /** The agent's own, where what is staged is written down. */
  state: StateFolder;
  /** Another one after each start of the system. */
  bootId: string;
  log: Log;
}

export abstract class RecordedPe<Recorded extends z.infer<typeof RecordedStart>> implements LocalPe {
  readonly #options: RecordedPeOptions;
  readonly #schema: z.ZodType<Recorded>;

  constructor(options: RecordedPeOptions, schema: z.ZodType<Recorded>) {
    this.#options = options;
    this.#schema = schema;
  }

  get record(): Recorded | null {
    return this.#options.state.read(recordFile, this.#schema);
  }

  get cameBack(): boolean {
    const armedIn = this.record?.armedIn ?? null;
    return armedIn !== null && armedIn !== this.#options.bootId;
  }

  async tidy(wanted: string | null): Promise<void> {
    const { log, state } = this.#options;
    const { record } = this;
    if (record === null || record.deploymentId === wanted) return;
    log.info("A restart into the PE that nobody wants any more is taken back");
    await this.withdraw();
    state.remove(join("deployments", record.deploymentId, stateFiles.checkpoint));
  }

  abstract prepare(deploymentId: string, source: BootImageSource, transfer: PeTransfer): Promise<void>;
  abstract arm(): Promise<void>;
  abstract restart(): Promise<boolean>;
  abstract withdraw(): Promise<void>;

  /** The files are in `folder`, whole and checked. Rejects as downloadFile does. */
  protected async fetch(
    folder: string,
    files: readonly (BootFile & { name: BootFileName | WinpeFileName })[],
    { source, transfer }: { source: BootImageSource; transfer: PeTransfer },
  ): Promise<void> {
    const { log } = this.#options;
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const { bytes, name, sha256 } of files) {
      await downloadFile({
        path: join(folder, name),
        bytes,
        hash: sha256,
        what: `The boot image's ${name}`,
        piece: (offset) => source.piece(name, offset),
        onWait: (failure) => log.warning(`Waiting for the boot image: ${failure.detail}`),
        signal: transfer.signal,
        progress: (fraction) => transfer.progress((done + fraction * bytes) / total),
      });
      done += bytes;
    }
  }
}
