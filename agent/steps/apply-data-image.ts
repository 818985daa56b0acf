/** Apply Data Image: an image without an operating system, onto a volume of its own. */
import { codes } from "./codes.ts";
import { applyImage, findSource } from "./images/apply.ts";
import { findDestination } from "./images/destination.ts";
import { foreseeImage } from "./images/foresee.ts";
import {
  flag,
  real,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  wholeNumber,
} from "./step-kind.ts";

const inPeOnly = unsupported("it runs in a PE alone");

export const applyDataImage = stepKind({
  type: "ApplyDataImage",
  title: "Apply Data Image",
  support: { winpe: real, linuxpe: real, windows: inPeOnly, linux: inPeOnly },
  check(step) {
    const id = step.variables.find(({ property }) => property.toLowerCase() === "imagepackageid")?.value;
    return id ? [] : ["No image is named"];
  },
  foresee: (outlook) => foreseeImage(outlook, outlook.property("ImagePackageID"), { whole: false }),
  async perform(context) {
    const packageId = context.property("ImagePackageID");
    if (packageId === "") throw new StepFailure(codes.invalidSetting, "No image is named");
    const index = wholeNumber(setting(context, "ImageIndex", "OSDDataImageIndex"), "The image's index", {
      least: 1,
      most: 10_000,
      fallback: 1,
    });
    const wipe = flag(setting(context, "WipeDestinationPartition", "OSDWipeDestinationPartition"), true);
    const destination = await findDestination(context);
    const wish = { packageId, index, isUpgradePackage: false, wipe };
    const source = await findSource(context, wish);
    const text = await applyImage(context, { ...wish, source }, destination);
    return succeeded(text);
  },
});
