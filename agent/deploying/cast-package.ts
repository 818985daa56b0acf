/** A package's archive or file by multicast, as images come. */
import { mkdir, open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PackageFacts } from "../../contract/sequence.ts";
import { untilItWorks } from "../back-off.ts";
import { castImage, fetchManifest, successText } from "./deploy-image.ts";
import type { CastDeployment, CastPerformer } from "./performer.ts";

/** Brings a package to a path, where it is durable and its hash still to be checked; false: it does not come this way. */
export type PackageCast = (
  facts: PackageFacts,
  path: string,
  askedAt?: CastPerformer["askedAt"],
) => Promise<boolean>;

/** For whom packages are cast. */
export interface PackageCaster {
  /** As people know it: "deployment lab". */
  name: string;
  multicast: boolean;
  /** One try. */
  castOf(packageId: string): Promise<CastDeployment>;
}

/**
 * What it answers rejects with E_CANCELLED, and for a package that is by multicast only with what kept it from coming. Any
 * other that does not come is logged.
 */
export function packageCast(caster: PackageCaster, by: CastPerformer): PackageCast {
  return async (facts, path, askedAt) => {
    const { bytes, imageId, multicast, packageId } = facts;
    const isOnly = multicast === "only";
    if (imageId === null || multicast === "no") return false;
    if (!caster.multicast) {
      if (!isOnly) return false;
      const detail = `Package ${packageId} is by multicast only, and ${caster.name} is without`;
      throw new VolleyError("E_NO_MULTICAST", detail);
    }
    // What is there was brought before.
    if ((await sizeOf(path)) === bytes) return true;
    try {
      const cast = await untilItWorks(() => caster.castOf(packageId), {
        signal: by.signal,
        patienceMs: limits.siteAwayMs,
        onWait: (failure) => by.log.warning(`Package ${packageId}: ${failure.detail}`),
      });
      await receive(cast, path, { ...by, ...(askedAt !== undefined && { askedAt }) });
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
async function receive(cast: CastDeployment, path: string, by: CastPerformer): Promise<void> {
  const { image } = cast;
  const device = `${path}.cast`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const resume = (await sizeOf(device)) === image.bytes;
  if (!resume) {
    const file = await open(device, "w", 0o600);
    await file.truncate(image.bytes);
    await file.close();
  }
  const manifest = await fetchManifest(cast, by);
  const outcome = await castImage(cast, { manifest, device, resume }, by);
  by.log.info(successText(image, outcome, "here"));
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}
