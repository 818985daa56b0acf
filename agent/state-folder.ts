/** The agent's folder: small JSON files that are whole or absent, readable by its owner only. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../contract/errors.ts";

/** Where it is below the root of a PE, and of a Linux that the agent belongs to. */
export const linuxStateFolder = "var/lib/volley-agent";

/** Names in it that more than one part of the agent knows. */
export const stateFiles = {
  /** What proves the site to this machine. */
  authority: "authority.json",
  /** What proves this machine to its site. */
  enrolment: "enrolment.json",
  /** Reports that the site has not taken. */
  outbox: "outbox.jsonl",
  /** What disks there were when a deployment was begun. */
  seenDisks: "seen-disks.json",
  /** In the folder of a deployment: where its sequence stands. */
  checkpoint: "sequence-checkpoint.json",
  /** What an agent that was handed over goes on with. */
  handOver: "hand-over.json",
} as const;

export interface StateFolder {
  readonly path: string;
  /** Null when there is none, or when it does not fit `schema`: what an older agent wrote, or bytes gone bad. */
  read<Value>(name: string, schema: { parse(value: unknown): Value }): Value | null;
  /** Durable when it returns: temporary file, flush, rename, flush of the folder. Throws E_OUTBOX. */
  write(name: string, value: unknown): void;
  remove(name: string): void;
}

/** Makes the folder if need be. Throws E_OUTBOX when that fails. */
export function openStateFolder(path: string, flushFolder: (folder: string) => void): StateFolder {
  attempt(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
  return {
    path,
    read(name, schema) {
      let text: string;
      try {
        text = readFileSync(join(path, name), "utf8");
      } catch {
        return null;
      }
      try {
        return schema.parse(JSON.parse(text));
      } catch {
        return null;
      }
    },
    write(name, value) {
      attempt(join(path, name), () => {
        writeWhole(join(path, name), `${JSON.stringify(value, null, 2)}\n`);
        flushFolder(path);
      });
    },
    remove(name) {
      attempt(join(path, name), () => {
        rmSync(join(path, name), { force: true });
        flushFolder(path);
      });
    },
  };
}

/** After a power cut the file has either its old or its new content (once the folder is flushed: the new). */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.new`;
  const descriptor = openSync(temporary, "w", mode);
  try {
    // Unlike writeSync it goes on until everything is written, or throws.
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new VolleyError("E_OUTBOX", `${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
