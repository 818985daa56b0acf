/** Images that steps apply: block images by multicast, and what the site is told of these and of files. */
import { z } from "zod";
import { HexRoot } from "../../contract/common.ts";
import type { ImageFacts } from "../../contract/deployment.ts";
import type { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { DiskShown, Outcome, StepImage } from "../../contract/report.ts";
import { untilItWorks } from "../back-off.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { part, type ProgressView } from "../report/transfer-view.ts";
import type { DeploymentSite } from "../site/deployment-site.ts";
import type { StateFolder } from "../state-folder.ts";
import type { ImageApplier } from "../steps/services.ts";
import { castImage, fetchManifest, successText } from "./deploy-image.ts";
import type { CastPerformer, Performer, SequenceDeployment } from "./performer.ts";
import { packageLocation, type SiteContent } from "./site-content.ts";
import { tellSite } from "./tell-site.ts";

export interface ImageApplierOptions {
  deployment: SequenceDeployment;
  site: DeploymentSite;
  content: SiteContent;
  /** Of this run. */
  state: StateFolder;
  /** The run is taken up in the middle of a step, by a machine that may have forgotten all it had (a PE). */
  broken: boolean;
  by: Performer;
}

const imageFile = "image-checkpoint.json";
const ImageCheckpoint = z.object({ root: HexRoot, device: z.string() });

export function imageApplier(options: ImageApplierOptions): ImageApplier {
  const { by, content, deployment, site, state } = options;
  let { broken } = options;
  const imageOf = (packageId: string, signal = by.signal): Promise<ImageFacts> =>
    untilItWorks(() => site.packageImage(packageId), {
      signal,
      patienceMs: limits.siteAwayMs,
      onWait: (failure: VolleyError) => by.log.warning(`Image ${packageId}: ${failure.detail}`),
    });
  const formatOf = ({ firmware }: ImageFacts) => (firmware.length > 0 ? "disk" : "block");
  const write = async (
    image: ImageFacts,
    { at, device, packageId, progress, signal }: Parameters<ImageApplier["writeTo"]>[0],
  ): Promise<Outcome> => {
    const manifest = await fetchManifest({ ...deployment, image }, by);
    const kept = state.read(imageFile, ImageCheckpoint);
    // Only a scan tells what of the image is on the disk; it is worth waiting for where one was being written.
    const resume = broken || (kept?.root === image.root && kept.device === device);
    broken = false;
    state.write(imageFile, { root: image.root, device });
    const show = (view: ProgressView): void => {
      // The step's own bar is the image's.
      progress(part(view));
      by.screen.progress(view);
    };
    const told: CastPerformer = {
      ...by,
      screen: { ...by.screen, progress: show },
      askedAt: (address) => at(packageLocation(address, packageId)),
    };
    const outcome = await castImage({ ...deployment, image }, { manifest, device, resume }, told, signal);
    state.remove(imageFile);
    return outcome;
  };
  return {
    async formatOf(packageId) {
      if ((await content.factsOf(packageId)).kind !== "image") return "wim";
      return formatOf(await imageOf(packageId));
    },
    async diskDemand(packageId) {
      const image = await imageOf(packageId);
      const { contentBytes } = image;
      return { rule: deployment.disk, image, contentBytes, firmware: by.machine.firmware };
    },
    async writeTo(wish) {
      const { device, disk, packageId, signal } = wish;
      const image = await imageOf(packageId, signal);
      const { name, root } = image;
      const kind = formatOf(image) === "disk" ? "disk" : "volume";
      const what = { packageId, name, kind, root, packageHash: null, index: null } as const;
      const place = { device, disk: diskShown(disk) };
      const outcome = await telling({ ...what, ...place }, options, () => write(image, wish));
      const text = successText(image, outcome);
      by.log.info(text);
      return text;
    },
    async files({ device, disk, index, packageId }, apply) {
      const { hash, name } = await content.factsOf(packageId);
      const what = { packageId, name, kind: "files", root: null, packageHash: hash, index } as const;
      await telling({ ...what, device, disk: diskShown(disk) }, options, async () => {
        await apply();
        return null;
      });
    },
  };
}

/** Answers what `apply` does. What is interrupted or fails stays planned. */
async function telling<Result extends Outcome | null>(
  image: StepImage,
  { by, deployment }: ImageApplierOptions,
  apply: () => Promise<Result>,
): Promise<Result> {
  const deploymentId = deployment.id;
  tellSite({ kind: "image-planned", deploymentId, image }, by);
  const outcome = await apply();
  tellSite({ kind: "image-applied", deploymentId, image, outcome }, by);
  return outcome;
}

function diskShown(disk: DiskFacts | null): DiskShown | null {
  if (disk === null) return null;
  const { model, path: device, serial, sizeBytes } = disk;
  return { device, model, serial, sizeBytes };
}
