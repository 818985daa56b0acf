/** A package's archive or file by multicast, as the deployment's images come. */
import { mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ImageFacts } from "../../contract/deployment.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PackageFacts } from "../../contract/sequence.ts";
import { untilItWorks } from "../back-off.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";
import { castImage, fetchManifest, successText } from "./deploy-image.ts";
import type { Performer, SequenceDeployment } from "./performer.ts";

/** Brings a package to a path, where it is durable and its hash still to be checked; false: it does not come this way. */
export type PackageCast = (facts: PackageFacts, path: string) => Promise<boolean>;

/**
 * What it answers rejects with E_CANCELLED, and for a package that is by multicast only with what kept it from coming. Any
 * other that does not come is logged.
 */
export function packageCast(
  deployment: SequenceDeployment,
  site: Pick<DeploymentSite, "packageImage">,
  by: Performer,
): PackageCast {
  return async (facts, path) => {
    const { bytes, imageId, multicast, packageId } = facts;
    const isOnly = multicast === "only";
    if (imageId === null || multicast === "no") return false;
    if (!deployment.multicast) {
      if (!isOnly) return false;
      const detail = `Package ${packageId} is by multicast only, and deployment ${deployment.name} is without`;
      throw new VolleyError("E_NO_MULTICAST", detail);
    }
    // What is there was brought before.
    if ((await sizeOf(path)) === bytes) return true;
    try {
      const image = await untilItWorks(() => site.packageImage(packageId), {
        signal: by.signal,
        patienceMs: limits.siteAwayMs,
        onWait: (failure) => by.log.warning(`Package ${packageId}: ${failure.detail}`),
      });
      await receive({ ...deployment, image }, path, by);
      const file = await open(`${path}.cast`, "r+");
      // Up to a whole sector, zeros came with it.
      await file.truncate(bytes);
      await file.sync();
      await file.close();
      await rename(`${path}.cast`, path);
      return true;
    } catch (error) {
      const failure = toVolleyError(error);
      if (isOnly || failure.code === "E_CANCELLED") throw failure;
      by.log.warning(
        `Package ${packageId} does not come by multicast (${failure.code}: ${failure.detail}); it is fetched`,
      );
      return false;
    }
  };
}

/** An earlier try's file is gone on with: what it holds already is not asked for. */
async function receive(
  deployment: SequenceDeployment & { image: ImageFacts },
  path: string,
  by: Performer,
): Promise<void> {
  const { image } = deployment;
  const device = `${path}.cast`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const resume = (await sizeOf(device)) === image.bytes;
  if (!resume) {
    const file = await open(device, "w", 0o600);
    await file.truncate(image.bytes);
    await file.close();
  }
  const manifest = await fetchManifest(deployment, by);
  // The bar on the screen is the step's.
  const quiet: Performer = { ...by, screen: { ...by.screen, progress: () => {} } };
  const outcome = await castImage(deployment, { manifest, device, resume }, quiet);
  by.log.info(successText(image, outcome, "here"));
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}
