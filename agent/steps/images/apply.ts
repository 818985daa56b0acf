/** Putting an image onto a volume: a block image by multicast, or the files of a WIM. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DiskFacts } from "../../platform/platform.ts";
import { codes } from "../codes.ts";
import { showPlan } from "../show-plan.ts";
import { noteLocation, runOrFail, service, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase, hostPath, isLinux, unmountVolume } from "../volumes.ts";
import { forNoVolume } from "./foresee.ts";
import { describeDestination, diskOf, type Destination } from "./destination.ts";
import { wipeFolder } from "./wipe.ts";

export interface ImageWish {
  packageId: string;
  /** From 1. */
  index: number;
  /** An operating system upgrade package holds its image at sources\install.wim. */
  isUpgradePackage: boolean;
  wipe: boolean;
}

/** Folder of the sequence's own on a volume, which no image may take away. */
const sequenceFolder = "_SMSTaskSequence";
/** What a volume has that nobody put there. */
const systemEntries = new Set(["system volume information", "$recycle.bin", "lost+found"]);
const entriesShown = 20;

/** `files`: patterns of a split image's parts. */
type WimSource = { kind: "wim"; first: string; files: string[] };
export type ImageSource = { kind: "block" } | { kind: "disk" } | WimSource;

/** Has the package's files here when it is applied as files. */
export async function findSource(context: StepContext, wish: ImageWish): Promise<ImageSource> {
  const format = await context.services?.imageApplier?.formatOf(wish.packageId);
  if (format === "block") return { kind: "block" };
  if (format === "disk") return { kind: "disk" };
  return { kind: "wim", ...(await findWim(context, wish)) };
}

/** Returns what was done, a sentence. */
export async function applyImage(
  context: StepContext,
  { source, ...wish }: ImageWish & { source: ImageSource },
  destination: Destination,
): Promise<string> {
  if (source.kind === "disk") throw forNoVolume(wish.packageId);
  return source.kind === "block"
    ? writeVolume(context, wish.packageId, destination)
    : applyFiles(context, { ...wish, source }, destination);
}

async function writeVolume(
  context: StepContext,
  packageId: string,
  destination: Destination,
): Promise<string> {
  const applier = service(context, "imageApplier", "site that could cast the image");
  const fitting = service(context, "diskFitting", "way to fit a volume");
  const { device, letter } = destination;
  const where = describeDestination(destination);
  const disk = await diskOf(context, destination);
  await refuseOtherSectors(context, packageId, destination, disk);
  await showPlan(context, [`Everything on ${where} is replaced by image ${packageId}`]);
  if (isLinux(context)) await unmountVolume(context, letter);
  await service(context, "ownFiles", "way to let go of volumes").close();
  const doing = `Receiving image ${packageId}`;
  context.progress(0, doing);
  const text = await applier.writeTo({
    packageId,
    device,
    disk,
    progress: (fraction) => context.progress(fraction, doing),
    at: (location) => noteLocation(context.variables, location),
    signal: context.signal,
  });
  context.progress(0.9, `Growing the volume to ${where}`);
  const fitted = await fitting.fitVolume(device);
  return [`Image ${packageId} is on ${where}: ${text}`, ...fitted].join(". ");
}

async function applyFiles(
  context: StepContext,
  { source, ...wish }: ImageWish & { source: WimSource },
  destination: Destination,
): Promise<string> {
  const where = `${destination.letter}:`;
  const { files, first } = source;
  if (wish.wipe) await empty(context, destination);
  context.progress(0.1, `Applying image ${wish.packageId}, index ${wish.index}`);
  if (isLinux(context)) await unmountVolume(context, destination.letter);
  const apply = async (): Promise<void> => {
    await runOrFail(context, `apply image ${wish.packageId} to ${where}`, {
      command: isLinux(context)
        ? wimlibApply(first, files, wish.index, destination.device)
        : dismApply(first, files, wish.index, destination.letter),
    });
  };
  const { imageApplier } = context.services ?? {};
  if (imageApplier === undefined) await apply();
  else {
    const { index, packageId } = wish;
    const disk = await diskOf(context, destination);
    const device = isLinux(context) ? destination.device : where;
    await imageApplier.files({ packageId, index, device, disk }, apply);
  }
  return `Index ${wish.index} of ${first} is on ${where}`;
}

/** A file system is made for the sectors of its disk: Windows mounts no volume whose sectors are smaller. */
async function refuseOtherSectors(
  context: StepContext,
  packageId: string,
  destination: Destination,
  disk: DiskFacts | null,
): Promise<void> {
  const has = disk?.sectorBytes ?? null;
  const { image } = await service(context, "imageApplier", "site that could cast the image").diskDemand(
    packageId,
  );
  if (has === null || has === image.sectorBytes) return;
  const text = `${describeDestination(destination)} is on a disk with sectors of ${has} bytes, and image ${packageId} is for ${image.sectorBytes}`;
  throw new StepFailure(codes.notSupported, text);
}

/** Asks nobody where nothing is lost, as on a volume that was just formatted. */
async function empty(context: StepContext, destination: Destination): Promise<void> {
  const { letter } = destination;
  const where = describeDestination(destination);
  const folder = await hostPath(context, `${letter}:\\`);
  const kept = keptPaths(context);
  const entries = (await readdir(folder)).filter((name) => !systemEntries.has(name.toLowerCase()));
  if (entries.length > 0) {
    const names = kept.map((path) => path.join("\\")).join(" and ");
    await showPlan(context, [
      `Everything on ${where} but ${names} is deleted:`,
      ...entries.slice(0, entriesShown).map((name) => `  lost: ${name}`),
      ...(entries.length > entriesShown ? [`  and ${entries.length - entriesShown} more`] : []),
    ]);
  }
  context.progress(0.05, `Deleting what is on ${letter}:`);
  const deleted = await wipeFolder(folder, kept);
  context.log.info(`${deleted} files and folders were deleted from ${letter}:`);
}

/** "All content on the volume is deleted except the folder in _SMSTSUserStatePath", and the sequence's own. */
function keptPaths(context: StepContext): string[][] {
  const statePath = context.variables.get("_SMSTSUserStatePath").replace(/^[A-Za-z]:/, "");
  const names = statePath.split(/[\\/]/).filter((name) => name !== "");
  return names.length > 0 ? [[sequenceFolder], names] : [[sequenceFolder]];
}

/** The image's file and, when it is split, all of its parts. */
async function findWim(context: StepContext, wish: ImageWish): Promise<{ first: string; files: string[] }> {
  const packageFolder = await context.content.folderOf(wish.packageId);
  const folder = wish.isUpgradePackage ? await findInAnyCase(packageFolder, ["sources"]) : packageFolder;
  const entries = (await readdir(folder)).sort();
  const images = entries.filter((name) => /\.(wim|esd)$/i.test(name));
  const wanted = wish.isUpgradePackage ? images.filter((name) => /^install\./i.test(name)) : images;
  const parts = entries.filter((name) => /\.swm$/i.test(name));
  const single = wanted[0];
  if (wanted.length > 1) {
    throw new StepFailure(
      codes.invalidData,
      `Package ${wish.packageId} holds several images: ${wanted.join(", ")}`,
    );
  }
  if (single !== undefined) return { first: join(folder, single), files: [] };
  // install.swm is the first part, install2.swm the second.
  const first = parts.find((name) => !/\d\.swm$/i.test(name)) ?? parts[0];
  if (first === undefined) {
    throw new StepFailure(codes.fileNotFound, `Package ${wish.packageId} holds no Windows image`);
  }
  await stat(join(folder, first));
  const stem = first.replace(/\.swm$/i, "");
  return { first: join(folder, first), files: [join(folder, `${stem}*.swm`)] };
}

/** Into the volume itself, so that security descriptors, short names and streams are as in Windows. */
function wimlibApply(image: string, parts: readonly string[], index: number, device: string): string[] {
  const references = parts.map((pattern) => `--ref=${pattern}`);
  return ["wimlib-imagex", "apply", image, String(index), device, "--check", ...references];
}

/** "DISM Image Management Command-Line Options": /Apply-Image. */
function dismApply(image: string, parts: readonly string[], index: number, letter: string): string[] {
  const references = parts.map((pattern) => `/SWMFile:${pattern}`);
  return [
    "dism.exe",
    "/Apply-Image",
    `/ImageFile:${image}`,
    ...references,
    `/Index:${index}`,
    `/ApplyDir:${letter}:\\`,
    "/CheckIntegrity",
  ];
}
