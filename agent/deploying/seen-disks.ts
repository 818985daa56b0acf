/** Which disks this machine had when a deployment was begun: after it has failed, a new one is reason to begin again. */
import { z } from "zod";
import { limits } from "../../contract/limits.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";

const Seen = z.array(z.string());

export interface SeenDisks {
  /** Those that are here now, with all before: each is new once, however often it goes and comes. */
  remember(): Promise<void>;
  /** Path of a disk that stays in the machine and was not remembered; null when there is none, or nothing was. */
  newOne(): Promise<string | null>;
}

export function openSeenDisks(state: StateFolder, listDisks: () => Promise<DiskFacts[]>): SeenDisks {
  const read = (): string[] | null => state.read(stateFiles.seenDisks, Seen);
  return {
    async remember() {
      const here = (await listDisks()).map(({ identity }) => identity);
      const all = new Set([...here, ...(read() ?? [])]);
      state.write(stateFiles.seenDisks, [...all].slice(0, limits.seenDisks));
    },
    async newOne() {
      const seen = read();
      if (seen === null) return null;
      const fixed = (await listDisks()).filter(({ kind, removable }) => kind === "disk" && !removable);
      return fixed.find(({ identity }) => !seen.includes(identity))?.path ?? null;
    },
  };
}
