/**
 * Volumes that conditions look at, on a system without drive letters. Steps mount a volume when they need it; after a
 * restart none has yet, so a condition mounts it for itself: read-only, in another place, and only while it is judged,
 * so that no step finds its volume in use.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import type { DiskFacts } from "../platform/platform.ts";
import type { SequenceMachine } from "../platform/sequence-machine.ts";
import { partitionDevice } from "../steps/volumes.ts";

export interface ConditionVolumesOptions {
  variables: { get(name: string): string };
  machine: Pick<SequenceMachine, "driveFolder" | "mountToRead" | "releaseVolumes">;
  /** Where steps mount the volumes that a sequence gives letters to. */
  work: string;
  disks(): Promise<DiskFacts[]>;
}

export class ConditionVolumes {
  readonly #options: ConditionVolumesOptions;
  #mounted = false;

  constructor(options: ConditionVolumesOptions) {
    this.#options = options;
  }

  /** Null for a letter that was never given. Rejects with E_CONDITION: nobody knows then what is on it. */
  async folderOf(letter: string): Promise<string | null> {
    const { machine, variables, work } = this.#options;
    const own = machine.driveFolder(letter);
    if (own !== null) return existsSync(own) ? own : null;
    const share = variables.get(`_VolleyShare${letter}`);
    if (share !== "") return share;
    const place = /^(\d+) (.+)$/.exec(variables.get(`_VolleyVolume${letter}`));
    if (place === null) return null;
    const ofSteps = join(work, "volumes", letter.toLowerCase());
    if (isMountPoint(ofSteps)) return ofSteps;
    return this.#mount(letter, Number(place[1]), place[2] ?? "");
  }

  /** When a condition has been judged. */
  async release(): Promise<void> {
    if (!this.#mounted) return;
    this.#mounted = false;
    await this.#options.machine.releaseVolumes(this.#place());
  }

  #place(): string {
    return join(this.#options.work, "conditions");
  }

  async #mount(letter: string, partition: number, identity: string): Promise<string> {
    const folder = join(this.#place(), letter.toLowerCase());
    if (this.#mounted && isMountPoint(folder)) return folder;
    // What an agent that was killed has left there may be of another time.
    if (!this.#mounted) await this.#options.machine.releaseVolumes(this.#place());
    const disk = (await this.#options.disks()).find((one) => one.identity === identity);
    if (disk === undefined) throw new VolleyError("E_CONDITION", `The disk of ${letter}: is not there`);
    const device = partitionDevice(disk.path, partition);
    this.#mounted = true;
    if (!(await this.#options.machine.mountToRead(device, folder))) {
      throw new VolleyError("E_CONDITION", `The volume of ${letter}: (${device}) cannot be mounted`);
    }
    return folder;
  }
}

function isMountPoint(folder: string): boolean {
  try {
    return statSync(folder).dev !== statSync(dirname(folder)).dev;
  } catch {
    return false;
  }
}
