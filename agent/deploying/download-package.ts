/** One shared package of the site into a folder that another program chose. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { PackageFacts } from "../../contract/sequence.ts";
import { untilItWorks } from "../back-off.ts";
import { downloadFile, type Transfer } from "../site/file-transfer.ts";
import type { SiteClient } from "../site/site-client.ts";
import { extractPackage } from "./site-content.ts";

export interface PackageDownload extends Transfer {
  site: Pick<SiteClient, "ask" | "fetch">;
  packageId: string;
  /** Absolute; made when it is not there. */
  folder: string;
}

/**
 * The package's files are in the folder, and their archive had the right SHA-256, when it resolves. The archive is beside the
 * folder until then, on the same volume, and a later call goes on with it. Rejects with E_NOT_FOUND, E_FORBIDDEN,
 * E_CONFLICT for a block image, E_CONTENT_CORRUPT, E_SITE_UNREACHABLE, E_CANCELLED.
 */
export async function downloadPackage(download: PackageDownload): Promise<PackageFacts> {
  const { folder, onWait, packageId, signal, site } = download;
  const path = `/shared-packages/${encodeURIComponent(packageId)}`;
  const facts = await untilItWorks(() => site.ask(PackageFacts, { method: "GET", path }), {
    signal,
    patienceMs: limits.firstContactMs,
    onWait,
  });
  const what = `Package ${facts.packageId}`;
  const { bytes, fileName, hash } = facts;
  if (hash === null) throw new VolleyError("E_CONFLICT", `${what} is a block image, which has no files`);
  const piece = (offset: number): Promise<Buffer> => site.fetch({ method: "GET", path: `${path}/${offset}` });
  const { progress } = download;
  const common = { bytes, hash, what, piece, signal, onWait, progress };
  await mkdir(folder, { recursive: true });
  if (fileName !== null) {
    await downloadFile({ ...common, path: join(folder, fileName) });
    return facts;
  }
  const archive = join(dirname(folder), `${facts.packageId}-${hash.slice(0, 16)}.tar.gz`);
  await downloadFile({ ...common, path: archive });
  await extractPackage(archive, folder);
  await rm(archive);
  return facts;
}
