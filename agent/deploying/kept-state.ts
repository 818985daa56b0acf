/**
 * Where the users' state of a refresh is kept while the disk is written. The disk's own room comes first, since nothing
 * then has to travel; what it has no room for goes to the site. Both are encrypted: what comes here already is, under a key
 * that the run's checkpoint holds under the site's.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { Sha256, type PackageList } from "../../contract/sequence.ts";
import type { DiskFacts } from "../platform/platform.ts";
import type { Log } from "../report/logs.ts";
import { sizeText } from "../report/words.ts";
import { findReserve, readReserve, wipeReserve, writeReserve } from "../staging/reserved-area.ts";
import { untilItWorks } from "../site/back-off.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";
import { downloadFile, uploadAndUse } from "../site/file-transfer.ts";
import type { KeptState } from "../steps/services.ts";

export interface KeptStateOptions {
  site: DeploymentSite;
  /** Of this run. */
  folder: string;
  /** What the deployment gives out: without a list nobody knows how far the images reach. */
  packages: PackageList;
  disks(): Promise<DiskFacts[]>;
  log: Log;
  /** Where sysfs is, when not at /sys. */
  sys?: string;
}

/** As it stands in a variable of the run. */
const Place = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("site") }),
  z.object({
    kind: z.literal("disk"),
    identity: z.string(),
    offset: z.int().min(0),
    bytes: z.int().min(1),
    sha256: Sha256,
  }),
]);
type Place = z.infer<typeof Place>;

export function keptState(options: KeptStateOptions): KeptState {
  const { log, site } = options;
  const wait = (signal: AbortSignal) => ({
    signal,
    patienceMs: limits.siteAwayMs,
    onWait: (failure: VolleyError) => log.warning(`The user state at the site: ${failure.detail}`),
  });
  return {
    folder: join(options.folder, "UserState"),
    async keep(path, signal) {
      const { size } = await stat(path);
      const reserve = await reserveFor(options, size, signal);
      if (reserve !== null) {
        const place = await writeReserve(reserve.disk.path, reserve.offset, path);
        const text = `behind the last partition of ${reserve.disk.path}, ${sizeText(size)}`;
        return { place: written({ kind: "disk", identity: reserve.disk.identity, ...place }), text };
      }
      const patience = wait(signal);
      await untilItWorks(() => site.requestState("capture"), patience);
      await uploadAndUse(path, site, { ...patience, progress: () => {} }, (uploadId) =>
        untilItWorks(() => site.storeState(uploadId), patience),
      );
      return { place: written({ kind: "site" }), text: `at the site, ${sizeText(size)}` };
    },
    async fetch(text, path, signal) {
      const place = read(text);
      if (place.kind === "disk") {
        const disk = await diskOf(options, place.identity);
        return readReserve(disk.path, place, path);
      }
      const patience = wait(signal);
      const { stored } = await untilItWorks(() => site.requestState("restore"), patience);
      if (stored === null) throw new VolleyError("E_NOT_FOUND", "The site has no user state of this machine");
      const piece = (offset: number): Promise<Buffer> => site.statePiece(offset);
      await downloadFile({ path, ...stored, what: "The user state", piece, ...patience, progress: () => {} });
    },
    async forget(text) {
      const place = read(text);
      // What is at the site goes by itself after some days: a computer that was rebuilt wrongly may want it again.
      if (place.kind === "disk") await wipeReserve((await diskOf(options, place.identity)).path, place);
    },
  };
}

const written = (place: Place): string => JSON.stringify(place);

function read(text: string): Place {
  try {
    return Place.parse(JSON.parse(text));
  } catch (error) {
    throw new VolleyError("E_CHECKPOINT", "The run does not know where it kept the user state", {
      cause: error,
    });
  }
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
