/** Apply Operating System Image: the image onto its volume, its answer file, and what starts it. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { checkBootable, checkStart, makeBootable } from "./boot-files/make-bootable.ts";
import { codes } from "./codes.ts";
import { forgetAppliedSystem, noteAppliedWindows } from "./applied/system.ts";
import { applyImage, findSource, type ImageWish } from "./images/apply.ts";
import { findDestination } from "./images/destination.ts";
import { applyDiskImage } from "./images/disk-image.ts";
import { foreseeImage } from "./images/foresee.ts";
import { adapted, setting, StepFailure, stepKind, succeeded, unsupported, wholeNumber } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { readAnswerFile } from "./unattend/answer-file.ts";
import { readLayeredDriver, setLayeredDriver } from "./unattend/layered-driver.ts";
import { answerFilePath } from "./unattend/place.ts";
import { findInAnyCase, hostPath } from "./volumes.ts";

const byWimlib = adapted(
  "wimlib applies the image, and its boot files and a new boot configuration are written; on an MBR disk GRUB stands in for Windows' own boot sectors, which no image has, and starts bootmgr; the image of a whole disk, of Windows or Linux, replaces the disk instead, with its own partitions and boot files, and a Windows on it is fitted as --fit of a deployment does it",
);
const byDism = adapted(
  "a WIM as documented, by DISM and bcdboot; the image of a volume comes as blocks, and diskpart grows it to its partition; the image of a whole disk replaces the disk instead, with its own partitions and boot files, and a Windows on it is fitted as --fit of a deployment does it",
);
const inPeOnly = unsupported("it runs in a PE alone");

export const applyOperatingSystemImage = stepKind({
  type: "ApplyOperatingSystem",
  title: "Apply Operating System Image",
  support: { winpe: byDism, linuxpe: byWimlib, windows: inPeOnly, linux: inPeOnly },
  check(step) {
    const has = (name: string): boolean =>
      step.variables.some(({ property, value }) => property.toLowerCase() === name && value !== "");
    return has("imagepackageid") || has("installpackageid") ? [] : ["No image is named"];
  },
  foresee: (outlook) =>
    foreseeImage(outlook, outlook.property("ImagePackageID") || outlook.property("InstallPackageID"), {
      whole: true,
    }),
  async perform(context) {
    const wish = readImageWish(context);
    if ((await context.services?.imageApplier?.formatOf(wish.packageId)) === "disk") {
      return succeeded(await applyDiskImage(context, wish.packageId));
    }
    const layeredDriver = readLayeredDriver(context);
    forgetAppliedSystem(context);
    const destination = await findDestination(context);
    await checkBootable(context, destination);
    const source = await findSource(context, wish);
    await checkStart(context, destination, { source, index: wish.index });
    const text = await applyImage(context, { ...wish, source }, destination);
    noteAppliedWindows(context, destination.letter);
    await placeAnswerFile(context);
    await setLayeredDriver(context, layeredDriver);
    context.progress(0.95, "Making it bootable");
    await makeBootable(context, destination);
    return succeeded(text);
  },
});

function readImageWish(context: StepContext): ImageWish {
  const bounds = { least: 1, most: 10_000, fallback: 1 };
  const image = context.property("ImagePackageID");
  const upgrade = context.property("InstallPackageID");
  if (image !== "") {
    const index = wholeNumber(setting(context, "ImageIndex", "OSDImageIndex"), "The image's index", bounds);
    return { packageId: image, index, isUpgradePackage: false, wipe: true };
  }
  if (upgrade === "") throw new StepFailure(codes.invalidSetting, "No image is named");
  const index = setting(context, "InstallEditionIndex", "OSDInstallEditionIndex");
  return {
    packageId: upgrade,
    index: wholeNumber(index, "The edition's index", bounds),
    isUpgradePackage: true,
    wipe: true,
  };
}

/** "Use an unattended or Sysprep answer file": it is checked here, since Windows only says so after the restart. */
async function placeAnswerFile(context: StepContext): Promise<void> {
  const name = setting(context, "ConfigFileName", "OSDConfigFileName");
  const packageId = context.property("ConfigFilePackage");
  if (name === "" || packageId === "" || packageId === "00000000") return;
  const folder = await context.content.folderOf(packageId);
  const source = await findInAnyCase(folder, name.split(/[\\/]/));
  const target = await hostPath(context, answerFilePath(context));
  await mkdir(dirname(target), { recursive: true });
  // Made with its mode first: an answer file may hold passwords.
  await writeFile(target, "", { mode: 0o600 });
  await copyFile(source, target);
  await readAnswerFile(target);
  context.log.info(`Answer file ${name} of package ${packageId} is in place`);
}
