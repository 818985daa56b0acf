/** An image onto a disk of this machine: check, choose, show, ask, write, report. */
import type { ImageFacts } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Outcome } from "../../contract/report.ts";
import { checkNamedDisk, chooseDisk, describe, type DiskDemand } from "../imaging/choose-disk.ts";
import {
  clearCheckpoint,
  isConfirmed,
  isResume,
  readCheckpoint,
  writeCheckpoint,
} from "../imaging/checkpoint.ts";
import { deployImage } from "../imaging/deploy.ts";
import { checkManifest } from "../imaging/manifest.ts";
import { confirmPlan, makePlan, planText } from "../imaging/plan.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { durationText, sizeText } from "../report/words.ts";
import { castingPlaces, manifestFromPoints } from "./casting-places.ts";
import type { CastDeployment, CastPerformer, ImageDeployment, Performer } from "./performer.ts";
import { tellSite } from "./tell-site.ts";
import { untilItWorks } from "../back-off.ts";

/** Throws what ended it; E_CANCELLED leaves the checkpoint. */
export async function deployImageToDisk(deployment: ImageDeployment, by: Performer): Promise<Outcome> {
  const outcome = await performSteps(deployment, by);
  by.screen.settle();
  by.delivery.tell({ kind: "succeeded", deploymentId: deployment.id, outcome });
  clearCheckpoint(by.state);
  by.log.info(successText(deployment.image, outcome));
  return outcome;
}

async function performSteps(deployment: ImageDeployment, by: Performer): Promise<Outcome> {
  const manifest = await fetchManifest(deployment, by);
  const disk = await pickDisk(deployment, by);
  // Two agents on one disk would each take the other's chunks for damage.
  const hold = await by.platform.hold(`disk ${disk.identity}`);
  if (hold === null) {
    throw new VolleyError("E_DISK_REFUSED", `${disk.path} is being written by another agent`);
  }
  try {
    const resume = await showAndConfirm(deployment, disk, by);
    return await write(deployment, { disk, manifest, resume }, by);
  } finally {
    hold.release();
  }
}

/** Signed by this site, and of this image. Throws what checkManifest throws. */
export async function fetchManifest(
  { image, points }: Pick<ImageDeployment, "image" | "points">,
  by: CastPerformer,
): Promise<Buffer> {
  const fromSite = (): Promise<Buffer> =>
    untilItWorks(() => by.site.manifest(image.id), {
      signal: by.signal,
      patienceMs: limits.siteAwayMs,
      onWait: (failure) => by.log.warning(`Waiting for the manifest: ${failure.detail}`),
    });
  const manifest = (await manifestFromPoints({ points }, image.id, by)) ?? (await fromSite());
  checkManifest(manifest, await by.site.manifestKey(), image);
  return manifest;
}

async function pickDisk(deployment: ImageDeployment, by: Performer): Promise<DiskFacts> {
  const demand: DiskDemand = {
    rule: deployment.disk,
    image: deployment.image,
    firmware: by.machine.firmware,
  };
  if (by.disk !== null) return checkNamedDisk(await by.platform.findDisk(by.disk), demand);
  return chooseDisk(await by.platform.listDisks(), demand);
}

/** Whether the disk holds earlier work on this image. */
async function showAndConfirm(deployment: ImageDeployment, disk: DiskFacts, by: Performer): Promise<boolean> {
  const { image } = deployment;
  const checkpoint = readCheckpoint(by.state);
  const plan = makePlan(disk);
  by.delivery.tell({ kind: "planned", deploymentId: deployment.id, plan });
  by.log.info(planText(plan, image, deployment.name));
  const resume = isResume(checkpoint, image.root, disk);
  if (isConfirmed(checkpoint, deployment.id, image.root, disk)) {
    by.log.info(`This was confirmed before and broke off; going on with ${disk.path}`);
  } else if (!by.yes && !deployment.unattended) {
    await confirmPlan(plan, by.asker);
  }
  return resume;
}

async function write(
  deployment: ImageDeployment,
  target: { disk: DiskFacts; manifest: Buffer; resume: boolean },
  by: Performer,
): Promise<Outcome> {
  const { disk, manifest, resume } = target;
  const { image } = deployment;
  const deploymentId = deployment.id;
  const partitionsBefore = await partitionsOf(disk, resume, by);
  writeCheckpoint(by.state, {
    deploymentId,
    root: image.root,
    device: disk.path,
    identity: disk.identity,
    started: new Date().toISOString(),
    partitionsBefore,
  });
  by.delivery.tell({ kind: "started", deploymentId, resume });
  by.log.detail(`Writing to ${disk.path} (${describe(disk)}), resume: ${resume}`);
  const outcome = await castImage(deployment, { manifest, device: disk.path, resume }, by);
  if (deployment.disk.fit === true) await fit(deployment, disk, partitionsBefore, by);
  return outcome;
}

/** A write that broke off has taken the table away: the checkpoint knows it. */
async function partitionsOf(disk: DiskFacts, resume: boolean, by: Performer): Promise<string[]> {
  const kept = (resume ? readCheckpoint(by.state)?.partitionsBefore : undefined) ?? [];
  const now = disk.kind === "file" ? [] : await by.platform.fitting.partitionsOf(disk.path);
  return [...new Set([...kept, ...now])];
}

/** What the image is cannot be seen any more on a disk that was fitted: from here on it is the machine's. */
async function fit(
  { id }: ImageDeployment,
  disk: DiskFacts,
  partitionsBefore: readonly string[],
  by: Performer,
): Promise<void> {
  if (disk.kind === "file") {
    notice(id, `${disk.path} stays as the image has it and is not fitted: it is a file`, by);
    return;
  }
  const wish = { partitionsBefore, keptFrom: null };
  for (const text of await by.platform.fitting.fit(disk.path, wish)) by.log.info(text);
}

/** Receives the deployment's image onto a disk, a partition or a file, which is right and durable when it resolves. */
export async function castImage(
  deployment: CastDeployment,
  target: { manifest: Buffer; device: string; resume: boolean },
  by: CastPerformer,
  signal = by.signal,
): Promise<Outcome> {
  const { id, image, multicastOnly } = deployment;
  const forced = by.interfaceAddress;
  const { firewall } = by.platform;
  if (!(await firewall.open())) by.log.warning("The firewall could not be opened for the session");
  const places = await castingPlaces(deployment, by);
  try {
    return await deployImage({
      image,
      multicastOnly: multicastOnly || image.multicast === "only",
      ...target,
      points: places.points,
      site: places.site,
      interfaceAddressTo: async (address) => forced ?? by.platform.interfaceAddressTo(address),
      show: (view) => by.screen.progress(view),
      notice: (text) => notice(id, text, by),
      log: by.log,
      signal,
    });
  } finally {
    places.close();
    await firewall.close();
  }
}

function notice(deploymentId: string, text: string, by: CastPerformer): void {
  by.log.info(text);
  tellSite({ kind: "notice", deploymentId, text }, by);
}

export function successText(image: ImageFacts, outcome: Outcome, where = "on the disk"): string {
  const pieces = [
    `${sizeText(outcome.multicastBytes)} by multicast`,
    `${sizeText(outcome.unicastBytes)} by unicast`,
    `${outcome.repairedSymbols} repaired`,
    outcome.foundChunks > 0 ? `${outcome.foundChunks} chunks were there` : "",
  ];
  const paths = pieces.filter((piece) => piece !== "").join(", ");
  return `Image "${image.name}" is ${where} and verified after ${durationText(outcome.seconds)} (${paths})`;
}
