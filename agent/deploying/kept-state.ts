/**
 * Where the users' state of a refresh is kept while the disk is written. The disk's own room comes first, since nothing
 * then has to travel; what it has no room for goes to the site. What comes here is encrypted under a key of the site's, and
 * the site is also told where the state is: so a run that fails after the disk was written takes nothing with it.
 */
import { appendFile, copyFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { Sha256, type PackageList } from "../../contract/sequence.ts";
import type { DiskFacts } from "../platform/platform.ts";
import type { Log } from "../report/logs.ts";
import { sizeText } from "../report/words.ts";
import { findReserve, readReserve, wipeReserve, writeReserve } from "../staging/reserved-area.ts";
import { holdReserve, releaseReserve } from "../staging/reserve-partition.ts";
import { untilItWorks } from "../back-off.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";
import { downloadFile, uploadAndUse } from "../site/file-transfer.ts";
import type { StateFolder } from "../state-folder.ts";
import type { KeptFound, KeptState } from "../steps/services.ts";

export interface KeptStateOptions {
  site: DeploymentSite;
  /** Of this run. */
  folder: string;
  /** The agent's own, which no other system has: it is known by it what this system kept. */
  state: StateFolder;
  /** What the deployment gives out: without a list nobody knows how far the images reach. */
  packages: PackageList;
  disks(): Promise<DiskFacts[]>;
  log: Log;
  /** Where sysfs is, when not at /sys. */
  sys?: string;
}

/** As it stands in a variable of the run, and at the site where the state itself is elsewhere. */
const Place = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("site"), bytes: z.int().min(1) }),
  z.object({
    kind: z.literal("disk"),
    identity: z.string(),
    offset: z.int().min(0),
    bytes: z.int().min(1),
    sha256: Sha256,
  }),
  z.object({ kind: z.literal("folder"), path: z.string(), bytes: z.int().min(1) }),
]);
type Place = z.infer<typeof Place>;

/** Behind the state itself at the site: what Release State Store puts there is another thing. */
const endMark = Buffer.from("VOLKEPT1", "latin1");
/** A place alone is never longer. */
const placeBytesMost = 8192;

const ownFile = "kept-state.json";
/** SHA-256 of what this system has stored at the site, the newest first. */
const Own = z.object({ hashes: z.array(Sha256) });
const ownMost = 8;

export function keptState(options: KeptStateOptions): KeptState {
  const { site } = options;
  return {
    folder: join(options.folder, "UserState"),
    async key(signal) {
      return (await untilItWorks(() => site.requestState("capture"), waiting(options, signal))).key;
    },
    async keep(path, signal) {
      const { size } = await stat(path);
      const reserve = await reserveFor(options, size, signal);
      if (reserve !== null) {
        const { disk, offset } = reserve;
        const written = await writeReserve(disk.path, offset, path);
        const place: Place = { kind: "disk", identity: disk.identity, ...written };
        await storePlace(options, place, signal);
        return {
          place: textOf(place),
          text: `behind the last partition of ${disk.path}, ${sizeText(size)}`,
        };
      }
      await appendFile(path, endMark);
      await store(options, path, signal);
      return { place: textOf({ kind: "site", bytes: size }), text: `at the site, ${sizeText(size)}` };
    },
    async note(path, signal) {
      const place: Place = { kind: "folder", path, bytes: (await stat(path)).size };
      await storePlace(options, place, signal);
      return textOf(place);
    },
    find: (signal) => find(options, signal),
    fetch: async (text, path, signal) => fetchState(options, { place: read(text), path, signal }),
    async forget(text, signal) {
      const place = read(text);
      // First: what is wiped and yet counts as kept would be looked for for ever.
      await untilItWorks(() => site.stateRestored(), waiting(options, signal));
      if (place.kind !== "disk") return;
      const disk = await diskOf(options, place.identity);
      await releaseReserve(disk.path, place, options.sys);
      await wipeReserve(disk.path, place);
    },
    facts(text) {
      const place = read(text);
      return { bytes: place.bytes, reserve: place.kind === "disk" ? place : null };
    },
    async hold(text) {
      const place = read(text);
      if (place.kind !== "disk") return;
      const disk = await diskOf(options, place.identity);
      if (await holdReserve(disk.path, place)) return;
      options.log.detail(`${disk.path} has no GPT, and nothing in its table marks the users' files`);
    },
  };
}

const waiting = ({ log }: KeptStateOptions, signal: AbortSignal) => ({
  signal,
  patienceMs: limits.siteAwayMs,
  onWait: (failure: VolleyError) => log.warning(`The user state at the site: ${failure.detail}`),
});

const textOf = (place: Place): string => JSON.stringify(Place.parse(place));

function read(text: string): Place {
  try {
    return Place.parse(JSON.parse(text));
  } catch (error) {
    throw new VolleyError("E_CHECKPOINT", "The run does not know where it kept the user state", {
      cause: error,
    });
  }
}

async function storePlace(options: KeptStateOptions, place: Place, signal: AbortSignal): Promise<void> {
  const path = join(options.folder, "user-state-place.json");
  await writeFile(path, textOf(place), { mode: 0o600 });
  try {
    await store(options, path, signal);
  } finally {
    await rm(path, { force: true });
  }
}

/** In the place of what the site had of this machine. */
async function store(options: KeptStateOptions, path: string, signal: AbortSignal): Promise<void> {
  const { site, state } = options;
  const patience = waiting(options, signal);
  // A key is asked for by each try: it is the same until something was stored.
  await untilItWorks(() => site.requestState("capture"), patience);
  const noting: Parameters<typeof uploadAndUse>[1] = {
    beginUpload(request) {
      // Written down before it counts, else this system would take it for another's after a power cut.
      const before = state.read(ownFile, Own)?.hashes ?? [];
      state.write(ownFile, { hashes: [...new Set([request.hash, ...before])].slice(0, ownMost) });
      return site.beginUpload(request);
    },
    sendPiece: (...piece) => site.sendPiece(...piece),
  };
  await uploadAndUse(path, noting, { ...patience, progress: () => {} }, (uploadId) =>
    untilItWorks(() => site.storeState(uploadId), patience),
  );
}

/** Null also for what another step has put at the site. */
async function find(options: KeptStateOptions, signal: AbortSignal): Promise<KeptFound | null> {
  const { site, state } = options;
  const patience = waiting(options, signal);
  const answer = await untilItWorks(() => site.requestState("restore"), patience).catch((error: unknown) => {
    if (toVolleyError(error).code === "E_NOT_FOUND") return null;
    throw error;
  });
  const stored = answer?.stored ?? null;
  if (stored === null) return null;
  const { bytes, hash, restored } = stored;
  const end = await untilItWorks(() => site.statePiece(Math.max(bytes - placeBytesMost, 0)), patience);
  const place = placeIn(end, bytes);
  if (place === null) return null;
  const ownSystem = state.read(ownFile, Own)?.hashes.includes(hash) ?? false;
  return { place: textOf(place), restored, ownSystem };
}

/** `end`: of what is stored, which has `bytes`. */
function placeIn(end: Buffer, bytes: number): Place | null {
  if (end.subarray(-endMark.length).equals(endMark)) return { kind: "site", bytes: bytes - endMark.length };
  if (bytes > placeBytesMost) return null;
  try {
    return Place.parse(JSON.parse(end.toString("utf8")));
  } catch {
    return null;
  }
}

async function fetchState(
  options: KeptStateOptions,
  { path, place, signal }: { place: Place; path: string; signal: AbortSignal },
): Promise<string> {
  const { site } = options;
  const patience = waiting(options, signal);
  const { key, stored } = await untilItWorks(() => site.requestState("restore"), patience);
  if (place.kind === "disk") {
    const disk = await diskOf(options, place.identity);
    await readReserve(disk.path, place, path);
  } else if (place.kind === "folder") await copyFile(place.path, path);
  else {
    if (stored === null) throw new VolleyError("E_NOT_FOUND", "The site has no user state of this machine");
    const { bytes, hash } = stored;
    const piece = (offset: number): Promise<Buffer> => site.statePiece(offset);
    const what = "The user state";
    await downloadFile({ path, bytes, hash, what, piece, ...patience, progress: () => {} });
    await truncate(path, place.bytes);
  }
  return key;
}

async function diskOf({ disks }: KeptStateOptions, identity: string): Promise<DiskFacts> {
  const disk = (await disks()).find((one) => one.identity === identity);
  if (disk !== undefined) return disk;
  throw new VolleyError("E_DISK_NOT_FOUND", "The disk that keeps the user state is gone");
}

/** On the disk that the system runs from, if that is one alone. */
async function reserveFor(
  options: KeptStateOptions,
  bytes: number,
  signal: AbortSignal,
): Promise<{ disk: DiskFacts; offset: number } | null> {
  const own = (await options.disks()).filter((disk) => disk.kind === "disk" && disk.systemUses.length > 0);
  const [disk] = own;
  if (disk === undefined || own.length > 1) return null;
  const imageBytes = await largestImage(options, signal);
  if (imageBytes === null) return null;
  const offset = await findReserve(disk, { bytes, imageBytes }, options.sys);
  return offset === null ? null : { disk, offset };
}

/** Of the images that the run may write, whichever of them it will. */
async function largestImage(
  { log, packages, site }: KeptStateOptions,
  signal: AbortSignal,
): Promise<number | null> {
  if (packages === "all") return null;
  let most = 0;
  for (const packageId of packages) {
    const patience = {
      signal,
      patienceMs: limits.siteAwayMs,
      onWait: (failure: VolleyError) => log.warning(`Package ${packageId}: ${failure.detail}`),
    };
    const { kind } = await untilItWorks(() => site.packageFacts(packageId), patience);
    if (kind !== "image") continue;
    most = Math.max(most, (await untilItWorks(() => site.packageImage(packageId), patience)).bytes);
  }
  return most;
}
