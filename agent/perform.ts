/** One deployment on this machine: check, choose, show, ask, write, report. */
import type { ImageFacts, Policy } from "../contract/deployment.ts";
import { toVolleyError, VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { MachineFacts } from "../contract/machine.ts";
import type { Outcome } from "../contract/report.ts";
import { checkNamedDisk, chooseDisk, describe, type DiskDemand } from "./imaging/choose-disk.ts";
import {
  clearCheckpoint,
  isConfirmed,
  isResume,
  readCheckpoint,
  writeCheckpoint,
} from "./imaging/checkpoint.ts";
import { deployImage } from "./imaging/deploy.ts";
import { checkManifest } from "./imaging/manifest.ts";
import { confirmPlan, makePlan, planText, type Asker } from "./imaging/plan.ts";
import type { DiskFacts, Platform } from "./platform/platform.ts";
import type { Delivery } from "./report/delivery.ts";
import type { Log } from "./report/logs.ts";
import type { Screen } from "./report/screen.ts";
import { durationText, sizeText } from "./report/words.ts";
import { untilItWorks } from "./site/back-off.ts";
import type { SiteClient } from "./site/site-client.ts";
import type { StateFolder } from "./state-folder.ts";

export type Deployment = NonNullable<Policy["deployment"]>;

export interface Performer {
  platform: Platform;
  state: StateFolder;
  site: SiteClient;
  siteHost: string;
  delivery: Delivery;
  screen: Screen;
  asker: Asker;
  log: Log;
  machine: MachineFacts;
  /** What the person at the machine said on the command line. */
  disk: string | null;
  yes: boolean;
  interfaceAddress: string | null;
  signal: AbortSignal;
}

/** Throws what ended it, after reporting it; E_CANCELLED leaves the checkpoint and reports nothing. */
export async function perform(deployment: Deployment, by: Performer): Promise<Outcome> {
  by.log.info(`Deployment "${deployment.name}" wants image "${deployment.image.name}" on this machine`);
  try {
    const outcome = await performSteps(deployment, by);
    by.screen.settle();
    by.delivery.tell({ kind: "succeeded", deploymentId: deployment.id, outcome });
    clearCheckpoint(by.state);
    by.log.info(successText(deployment.image, outcome));
    return outcome;
  } catch (error) {
    const failure = toVolleyError(error);
    if (failure.code !== "E_CANCELLED") reportFailure(deployment, failure, by);
    throw failure;
  } finally {
    by.screen.settle();
  }
}

/** The failure itself is what has to come out, also where the outbox cannot be written. */
function reportFailure(deployment: Deployment, failure: VolleyError, by: Performer): void {
  const { code, detail } = failure;
  const error = { code, detail, remedy: failure.entry.remedy };
  try {
    by.delivery.tell({ kind: "failed", deploymentId: deployment.id, error });
  } catch (cause) {
    by.log.warning(`The site cannot be told: ${toVolleyError(cause).detail}`);
  }
}

async function performSteps(deployment: Deployment, by: Performer): Promise<Outcome> {
  const manifest = await fetchManifest(deployment.image, by);
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

async function fetchManifest(image: ImageFacts, by: Performer): Promise<Buffer> {
  const manifest = await untilItWorks(() => by.site.manifest(image.id), {
    signal: by.signal,
    patienceMs: limits.siteAwayMs,
    onWait: (failure) => by.log.warning(`Waiting for the manifest: ${failure.detail}`),
  });
  checkManifest(manifest, await by.site.manifestKey(), image);
  return manifest;
}

async function pickDisk(deployment: Deployment, by: Performer): Promise<DiskFacts> {
  const demand: DiskDemand = {
    rule: deployment.disk,
    image: deployment.image,
    firmware: by.machine.firmware,
  };
  if (by.disk !== null) return checkNamedDisk(await by.platform.findDisk(by.disk), demand);
  return chooseDisk(await by.platform.listDisks(), demand);
}

/** Whether the disk holds earlier work on this image. */
async function showAndConfirm(deployment: Deployment, disk: DiskFacts, by: Performer): Promise<boolean> {
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
  deployment: Deployment,
  target: { disk: DiskFacts; manifest: Buffer; resume: boolean },
  by: Performer,
): Promise<Outcome> {
  const { disk, manifest, resume } = target;
  const { image } = deployment;
  const deploymentId = deployment.id;
  writeCheckpoint(by.state, {
    deploymentId,
    root: image.root,
    device: disk.path,
    identity: disk.identity,
    started: new Date().toISOString(),
  });
  by.delivery.tell({ kind: "started", deploymentId, resume });
  by.log.detail(`Writing to ${disk.path} (${describe(disk)}), resume: ${resume}`);
  const forced = by.interfaceAddress;
  return deployImage({
    image,
    multicast: deployment.multicast,
    manifest,
    device: disk.path,
    resume,
    siteHost: by.siteHost,
    interfaceAddressTo: async (address) => forced ?? by.platform.interfaceAddressTo(address),
    join: (request) => by.site.join(deploymentId, request),
    sendProgress: (progress) => by.site.progress(deploymentId, progress),
    show: (view) => by.screen.progress(view),
    notice: (text) => notice(deploymentId, text, by),
    log: by.log,
    signal: by.signal,
  });
}

/** A state folder that has filled up is no reason to leave a disk half written. */
function notice(deploymentId: string, text: string, by: Performer): void {
  by.log.info(text);
  try {
    by.delivery.tell({ kind: "notice", deploymentId, text });
  } catch (cause) {
    by.log.warning(`The site cannot be told: ${toVolleyError(cause).detail}`);
  }
}

function successText(image: ImageFacts, outcome: Outcome): string {
  const pieces = [
    `${sizeText(outcome.multicastBytes)} by multicast`,
    `${sizeText(outcome.unicastBytes)} by unicast`,
    `${outcome.repairedSymbols} repaired`,
    outcome.foundChunks > 0 ? `${outcome.foundChunks} chunks were there` : "",
  ];
  const paths = pieces.filter((piece) => piece !== "").join(", ");
  return `Image "${image.name}" is on the disk and verified after ${durationText(outcome.seconds)} (${paths})`;
}
