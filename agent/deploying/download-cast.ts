/** What a download takes part in: the session in which the site casts a package for all who download it. */
import { VolleyError } from "../../contract/errors.ts";
import { part } from "../report/transfer-view.ts";
import { SharedPackageSite } from "../site/shared-package-site.ts";
import type { SiteClient } from "../site/site-client.ts";
import { packageCast, type PackageCast } from "./cast-package.ts";
import type { CastPerformer } from "./performer.ts";

export interface DownloadCasting extends Omit<CastPerformer, "site" | "screen" | "delivery"> {
  site: SiteClient;
  /** 0 to 1. */
  progress(fraction: number): void;
}

/** As `packageCast`; what keeps a package that is by multicast only from being cast at this site is E_NO_MULTICAST. */
export function downloadCast(casting: DownloadCasting): PackageCast {
  const { progress, site } = casting;
  const by: CastPerformer = {
    ...casting,
    site: {
      enrol: () => site.enrol(),
      manifest: (imageId) => site.manifest(imageId),
      manifestKey: () => site.manifestKey(),
      remember: (secret) => site.remember(secret),
      join: (packageId, request) => new SharedPackageSite(site, packageId).join(request),
      progress: (packageId, told) => new SharedPackageSite(site, packageId).progress(told),
    },
    screen: { progress: (view) => progress(part(view)) },
    // The site hears nothing of another program's sequence.
    delivery: { tell: () => {} },
  };
  const cast = packageCast({ name: "the site", multicast: true, castOf: (id) => castOf(site, id) }, by);
  return async (facts, path) => {
    try {
      return await cast(facts, path);
    } catch (error) {
      if (!(error instanceof VolleyError) || error.code !== "E_CONFLICT") throw error;
      throw new VolleyError("E_NO_MULTICAST", error.detail, { cause: error });
    }
  };
}

async function castOf(site: SiteClient, packageId: string) {
  const image = await new SharedPackageSite(site, packageId).image();
  return { id: packageId, image, multicast: true, multicastOnly: false };
}
