/** Packages of the site, fetched into a cache of the state folder when a step first asks for one. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PackageFacts } from "../../contract/sequence.ts";
import { runTool } from "../platform/run-tool.ts";
import type { Log } from "../report/logs.ts";
import { pause, untilItWorks } from "../back-off.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";
import { downloadFile, type Transfer } from "../site/file-transfer.ts";
import { siteUrl, type SiteAddress } from "../site/transport.ts";
import type { Content } from "../steps/step.ts";
import type { PackageCast } from "./cast-package.ts";

export interface SiteContent extends Content {
  /** Rejects with E_NOT_FOUND, and with E_FORBIDDEN for what the deployment does not give out. */
  factsOf(packageId: string): Promise<PackageFacts>;
}

export interface SiteContentOptions {
  site: DeploymentSite;
  siteAddress: SiteAddress;
  cast: PackageCast;
  /** Of the cache, which deployments share: what is in it is named for its hash. */
  folder: string;
  log: Log;
  signal: AbortSignal;
}

const unpackMs = 3_600_000;

export function siteContent(options: SiteContentOptions): SiteContent {
  const { cast, folder, log, signal, site, siteAddress } = options;
  const factsOf = (packageId: string, patienceMs = limits.siteAwayMs): Promise<PackageFacts> =>
    untilItWorks(() => site.packageFacts(packageId), {
      signal,
      patienceMs,
      onWait: (failure) => log.warning(`Waiting for the site: ${failure.detail}`),
    });
  const transfer = (what: string): Transfer => ({
    signal,
    progress: () => {},
    onWait: (failure) => log.warning(`${what}: ${failure.detail}`),
  });
  const fetchFolder = async (
    packageId: string,
    patienceMs: number,
    at: (location: string) => void,
  ): Promise<string> => {
    const facts = await factsOf(packageId, patienceMs);
    const { bytes, fileName, hash, kind, packageId: id } = facts;
    const what = `Package ${id}`;
    if (hash === null) {
      throw new VolleyError("E_CONFLICT", `${what} is a block image, which has no files`);
    }
    const place = join(folder, `${id}-${hash.slice(0, 16)}`);
    const piece = (offset: number): Promise<Buffer> => site.packagePiece(id, offset);
    const fetch = async (path: string): Promise<void> => {
      const isHere = await cast(facts, path, (address) => at(packageLocation(address, id)));
      if (!isHere) at(packageLocation(siteAddress, id));
      await downloadFile({ bytes, hash, what, piece, patienceMs, path, ...transfer(what) });
    };
    if (kind === "file" && fileName !== null) {
      await fetch(join(place, fileName));
      return place;
    }
    if (existsSync(place)) return place;
    const archive = `${place}.tar.gz`;
    await fetch(archive);
    await unpack(archive, place);
    await rm(archive);
    log.info(`${what} is here: ${bytes} bytes, SHA-256 ${hash}`);
    return place;
  };
  return {
    factsOf: (packageId) => factsOf(packageId),
    async folderOf(packageId, retries, at = () => {}) {
      for (let tries = 1; ; tries += 1) {
        try {
          return await fetchFolder(packageId, retries === undefined ? limits.siteAwayMs : -1, at);
        } catch (error) {
          const failure = toVolleyError(error);
          const mayHeal = failure.entry.retry === "later" || failure.code === "E_CONTENT_CORRUPT";
          if (retries === undefined || tries > retries.count || !mayHeal) throw failure;
          log.warning(`Package ${packageId}, try ${tries} of ${retries.count + 1}: ${failure.detail}`);
          await pause(retries.delayMs, signal);
        }
      }
    },
  };
}

/** Whom a package is asked of, and which: the site or a distribution point, by multicast and by HTTPS. */
export const packageLocation = (address: SiteAddress, packageId: string): string =>
  `${siteUrl(address)}/packages/${packageId}`;

/** Beside its place and then moved there: it is there whole or not at all. */
async function unpack(archive: string, place: string): Promise<void> {
  const beside = `${place}.new`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true, mode: 0o700 });
  await extractPackage(archive, beside);
  await rename(beside, place);
}

/** In this process, since Windows PE has no tar. Names that lead out of the folder are refused. E_CONTENT_CORRUPT. */
export async function extractPackage(archive: string, folder: string): Promise<void> {
  try {
    await extract({ file: archive, cwd: folder, strict: true });
  } catch (error) {
    const why = (error as Error).message;
    throw new VolleyError("E_CONTENT_CORRUPT", `${archive} cannot be unpacked: ${why}`, { cause: error });
  }
}

/** A gzipped tar archive. tar refuses names that lead out of the folder. Rejects with E_TOOL_FAILED. */
export async function extractArchive(archive: string, folder: string): Promise<void> {
  if ((await runTool(["tar", "-x", "-z", "-f", archive, "-C", folder], unpackMs)) === null) {
    throw new VolleyError("E_TOOL_FAILED", `tar could not unpack ${archive}`);
  }
}

export async function makeArchive(folder: string, archive: string): Promise<void> {
  if ((await runTool(["tar", "-c", "-z", "-f", archive, "-C", folder, "."], unpackMs)) === null) {
    throw new VolleyError("E_TOOL_FAILED", `tar could not archive ${folder}`);
  }
}
