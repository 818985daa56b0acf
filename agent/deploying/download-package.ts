/** One shared package of the site into a folder that another program chose. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PackageFacts } from "../../contract/sequence.ts";
import { untilItWorks } from "../back-off.ts";
import { downloadFile, type Transfer } from "../site/file-transfer.ts";
import type { SharedPackageSite } from "../site/shared-package-site.ts";
import type { PackageCast } from "./cast-package.ts";
import { extractPackage } from "./site-content.ts";

export interface PackageDownload extends Transfer {
  site: Pick<SharedPackageSite, "facts" | "piece">;
  cast: PackageCast;
  /** Absolute; made when it is not there. */
  folder: string;
}

/**
 * The package's files are in the folder, and their archive had the right SHA-256, when it resolves. The archive is beside the
 * folder until then, on the same volume, and a later call goes on with it. Rejects with E_NOT_FOUND, E_FORBIDDEN,
 * E_CONFLICT for a block image, E_CONTENT_CORRUPT, E_SITE_UNREACHABLE, E_CANCELLED, and with what `cast` does.
 */
export async function downloadPackage(download: PackageDownload): Promise<PackageFacts> {
  const { folder, onWait, signal, site } = download;
  const facts = await untilItWorks(() => site.facts(), {
    signal,
    patienceMs: limits.firstContactMs,
    onWait,
  });
  const { fileName, hash, packageId } = facts;
  if (hash === null) {
    throw new VolleyError("E_CONFLICT", `Package ${packageId} is a block image, which has no files`);
  }
  await mkdir(folder, { recursive: true });
  if (fileName !== null) {
    await bring({ ...facts, hash }, join(folder, fileName), download);
    return facts;
  }
  const archive = join(dirname(folder), `${packageId}-${hash.slice(0, 16)}.tar.gz`);
  await bring({ ...facts, hash }, archive, download);
  await extractPackage(archive, folder);
  await rm(archive);
  return facts;
}

async function bring(
  facts: PackageFacts & { hash: string },
  path: string,
  { cast, onWait, progress, signal, site }: PackageDownload,
): Promise<void> {
  await cast(facts, path);
  const { bytes, hash, packageId } = facts;
  const piece = (offset: number): Promise<Buffer> => site.piece(offset);
  await downloadFile({ bytes, hash, what: `Package ${packageId}`, path, piece, signal, onWait, progress });
  // What an earlier try left that went the other way.
  for (const part of [`${path}.cast`, `${path}.part`]) await rm(part, { force: true });
}
