/**
 * The addon of a packaged program. It travels inside the executable, and the system loads it from a file only: so it is
 * written to a folder named by its content, which nobody but this user (and root or administrators) can write, and is
 * loaded from there.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRawAsset } from "node:sea";

/** The asset's name, which scripts/package.ts gives it. */
const assetName = "volley.node";
const folderPrefix = "volley-addon-";
/** So old is what no other version of the agent is just about to load. */
const sweepAfterMs = 24 * 3_600_000;

/** Where to unpack to before anywhere else. */
export interface AddonPlace {
  folder: string;
  /** Whether the temporary folder does where this one fails. Asked then alone, when there is no addon to ask. */
  mayBeTemporary(): boolean;
}
let systemPlace: AddonPlace | null = null;

export function unpackAddonIn(place: AddonPlace): void {
  systemPlace = place;
}

/**
 * The addon's exports. The first of the places that takes it is used: some systems forbid programs in the temporary
 * folder. Throws E_ADDON with what the last place answered.
 */
export function loadPackagedAddon(): unknown {
  const content = Buffer.from(getRawAsset(assetName) as ArrayBuffer);
  const name = folderPrefix + createHash("sha256").update(content).digest("hex").slice(0, 32);
  let failure: unknown;
  for (const place of places()) {
    try {
      const file = unpack(content, join(place, name));
      const module = { exports: {} as unknown };
      process.dlopen(module, file);
      sweep(place, name);
      return module.exports;
    } catch (error) {
      failure = error;
    }
  }
  const why = failure instanceof Error ? failure.message : String(failure);
  throw Object.assign(new Error(why, { cause: failure }), { code: "E_ADDON" });
}

function* places(): Generator<string> {
  if (systemPlace !== null) yield systemPlace.folder;
  else if (process.getuid?.() === 0) yield "/var/lib/volley-agent";
  if (systemPlace === null || systemPlace.mayBeTemporary()) yield tmpdir();
}

/** Path of the file in `folder`. Throws when the folder is somebody else's, since what is in it would be run. */
function unpack(content: Buffer, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  if (!isOursAlone(stats)) throw new Error(`${folder} belongs to another user, or others can write to it`);
  const file = join(folder, assetName);
  if (holds(file, content)) return file;
  // Another agent may be starting at this moment, and is to find the whole file or none.
  const partial = `${file}.${randomBytes(6).toString("hex")}`;
  // Windows takes a missing permission to write for "read-only", and then nobody could sweep it.
  writeFileSync(partial, content, { mode: 0o700, flag: "wx" });
  renameSync(partial, file);
  return file;
}

function isOursAlone(stats: Stats): boolean {
  const user = process.getuid?.();
  return stats.isDirectory() && (user === undefined || (stats.uid === user && (stats.mode & 0o077) === 0));
}

function holds(file: string, content: Buffer): boolean {
  try {
    return readFileSync(file).equals(content);
  } catch {
    return false;
  }
}

/** What other versions left behind. One that is in use stays where the system does not let go of it. */
function sweep(place: string, keep: string): void {
  const old = readdirSync(place).filter((name) => name.startsWith(folderPrefix) && name !== keep);
  for (const name of old) {
    try {
      const folder = join(place, name);
      const stats = lstatSync(folder);
      const isOld = Date.now() - stats.mtimeMs > sweepAfterMs;
      if (isOld && isOursAlone(stats)) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Some other start will have more luck; nothing depends on it.
    }
  }
}
