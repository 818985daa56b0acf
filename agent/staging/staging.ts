/**
 * A refresh's way into the PE and back: the PE's kernel and initial file system on this machine's own disk, one start of
 * them, and the machine as it was when that leads nowhere. What is done is written down before it is done, so that an agent
 * that comes after a power cut can take it back.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import type { BootImageFacts } from "../../contract/boot-image.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { StateFolder } from "../state-folder.ts";
import { runTool } from "../platform/run-tool.ts";
import type { BootEntry } from "./boot-entry.ts";
import type { BootImageSource, PeTransfer } from "./local-pe.ts";
import { originFile } from "./carried-files.ts";
import { packState } from "./carried-state.ts";
import { loaderNames } from "./efi-place.ts";
import { RecordedPe, type RecordedPeOptions, RecordedStart, recordFile } from "./recorded-pe.ts";
import type { ReturnUnit } from "./return-unit.ts";
import { volumeAt } from "./volume.ts";

export interface StagingOptions extends RecordedPeOptions {
  /** Where files may be put, the best first; each parent exists or the place is passed over. */
  places: readonly string[];
  /** The best first. */
  entries: readonly BootEntry[];
  /** Starts the agent again in this system, where nothing else does. */
  returnUnit: ReturnUnit;
}

const Record = RecordedStart.extend({ folder: z.string(), entry: z.string() });
export type StagedRecord = z.infer<typeof Record>;

const kernelName = "vmlinuz";
const initrdName = "initrd.zst";
const stateName = "state.cpio";

/** In a PE: this run began in a system that ran on this machine. */
export function wasStaged(state: StateFolder, deploymentId: string): boolean {
  const origin = state.read(originFile, z.object({ deploymentId: Identifier }));
  return origin?.deploymentId === deploymentId;
}

const touchedFile = "disk-touched.json";

/** In a PE: from here on there may be nothing to go back to. The PE's scripts look for the file (site/boot/pe/console). */
export function markTouched(state: StateFolder, lines: readonly string[]): void {
  state.write(touchedFile, { lines });
}

/** In a PE: the system that staged it is still on the disk. */
export function canGoBack(state: StateFolder): boolean {
  return existsSync(join(state.path, originFile)) && !existsSync(join(state.path, touchedFile));
}

export class Staging extends RecordedPe<StagedRecord> {
  readonly #options: StagingOptions;

  constructor(options: StagingOptions) {
    super(options, Record);
    this.#options = options;
  }

  override async prepare(deploymentId: string, source: BootImageSource, transfer: PeTransfer): Promise<void> {
    const { log, state } = this.#options;
    const facts = await source.facts();
    const before = this.record;
    const { entry, folder } = await this.#choose(facts);
    const starts = before?.deploymentId === deploymentId ? before.starts : 0;
    if (before !== null && before.folder !== folder) await this.withdraw();
    // The next start is not to lead into what is changed here, nor by another way than this record will name.
    else if (before !== null && (before.entry !== entry.kind || before.armedIn !== null)) {
      await this.#disarm(before);
    }
    const record: StagedRecord = { deploymentId, folder, entry: entry.kind, armedIn: null, starts };
    state.write(recordFile, record);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const names = [kernelName, initrdName, ...(entry.needs ?? [])] as const;
      const files = names.map((name) => ({ name, ...facts.files[name] }));
      await this.fetch(folder, files, { source, transfer });
      state.write(commandLineFile, { commandLine: facts.commandLine });
      log.info(`The boot image (kernel ${facts.kernel}, agent ${facts.agent}) is in ${folder}`);
    } catch (error) {
      await this.withdraw();
      throw error;
    }
  }

  /** A place with room, and a way to start from it. */
  async #choose(facts: BootImageFacts): Promise<{ folder: string; entry: BootEntry }> {
    const reasons = new Set<string>();
    for (const entry of this.#options.entries) {
      const bytes =
        (facts.files.vmlinuz?.bytes ?? 0) + entry.copies * (facts.files["initrd.zst"]?.bytes ?? 0);
      for (const folder of this.#options.places) {
        const parent = join(folder, "..");
        if (!existsSync(parent)) continue;
        const volume = await volumeAt(parent);
        if (volume === null) {
          reasons.add(`findmnt does not say what ${parent} is on.`);
          continue;
        }
        // The machine's key is in one of the files, and where the file system has no modes anybody could read it.
        if (!(await keepsPrivate(parent))) {
          reasons.add(`Folders on ${volume.fileSystem} at ${parent} cannot be kept from other users.`);
          continue;
        }
        const isThere = existsSync(join(folder, initrdName));
        if (!isThere && volume.freeBytes < bytes + limits.stagingBytesKept) {
          reasons.add(
            `${parent} has ${volume.freeBytes} bytes free, and ${bytes} are needed beside a reserve.`,
          );
          continue;
        }
        const obstacle = await entry.obstacle(volume);
        if (obstacle === null) return { folder, entry };
        reasons.add(obstacle);
      }
    }
    throw new VolleyError("E_STAGING", [...reasons].join(" "));
  }

  override async arm(): Promise<void> {
    const { bootId, entries, returnUnit, state } = this.#options;
    const { record } = this;
    const entry = entries.find(({ kind }) => kind === record?.entry);
    const text = state.read(commandLineFile, z.object({ commandLine: z.string() }));
    if (record === null || entry === undefined || text === null) {
      throw new VolleyError("E_STAGING", "No boot image is staged");
    }
    const { deploymentId, folder } = record;
    const volume = await volumeAt(folder);
    if (volume === null) throw new VolleyError("E_STAGING", `${folder} is gone`);
    const packed = join(folder, stateName);
    const carried = {
      state: state.path,
      deploymentId,
      leftOut: [recordFile, commandLineFile],
    };
    await packState(carried, packed);
    state.write(recordFile, { ...record, armedIn: bootId, starts: record.starts + 1 });
    await returnUnit.install();
    const kernel = join(folder, kernelName);
    const initrds = [packed, join(folder, initrdName)];
    await entry.arm({ volume, kernel, initrds, commandLine: text.commandLine });
    await runTool(["sync"], limits.unmountMs);
  }

  override async restart(): Promise<boolean> {
    const entry = this.#options.entries.find(({ kind }) => kind === this.record?.entry);
    if (entry?.restart === undefined) return false;
    await entry.restart();
    return true;
  }

  /** Nothing starts the PE. */
  async #disarm({ entry }: StagedRecord): Promise<void> {
    const { entries, returnUnit } = this.#options;
    await entries.find(({ kind }) => kind === entry)?.disarm();
    await returnUnit.remove();
  }

  /** No entry, no files, no unit, and nothing to take back. */
  override async withdraw(): Promise<void> {
    const { log, places, state } = this.#options;
    const { record } = this;
    if (record === null) return;
    await this.#disarm(record);
    // The record is a file that anyone who is root may have written: only what is ours is deleted.
    if (places.includes(record.folder)) {
      for (const name of [kernelName, initrdName, stateName, ...loaderNames]) {
        for (const end of ["", ".part"]) await rm(join(record.folder, name + end), { force: true });
      }
      await rmdir(record.folder).catch((error: unknown) => {
        log.detail(`${record.folder} stays: ${toVolleyError(error).detail}`);
      });
    }
    state.remove(commandLineFile);
    state.remove(recordFile);
    await runTool(["sync"], limits.unmountMs);
  }
}

/** Whether a folder in `parent` is its owner's alone when it is made so. */
async function keepsPrivate(parent: string): Promise<boolean> {
  const probe = await mkdtemp(join(parent, ".volley-"));
  try {
    return ((await stat(probe)).mode & 0o777) === 0o700;
  } finally {
    await rmdir(probe);
  }
}

const commandLineFile = "staged-command-line.json";

/** Linux makes one at each start (random(4)). Rejects where there is none. */
export async function readBootId(path = "/proc/sys/kernel/random/boot_id"): Promise<string> {
  return (await readFile(path, "utf8")).trim();
}
