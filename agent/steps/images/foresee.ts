/** What is known of an image before anything touches a disk: a sequence must not format one for an image that cannot go onto it. */
import { toVolleyError, VolleyError, type ErrorCode } from "../../../contract/errors.ts";
import { refusalByAll, type DiskDemand } from "../../imaging/choose-disk.ts";
import type { DiskFacts } from "../../platform/platform.ts";
import type { ImageApplier } from "../services.ts";
import type { StepOutlook } from "../step.ts";
import { numberedDisks } from "../volumes.ts";

/** The site has spoken: asking again says the same. */
const known: ReadonlySet<ErrorCode> = new Set(["E_NOT_FOUND", "E_FORBIDDEN"]);

/**
 * As StepKind.foresee, for a step with that image. `whole`: the image of a whole disk may be named, which then takes the disk.
 * What the site cannot say now is for the step itself to fail with. Rejects with E_CANCELLED.
 */
export async function foreseeImage(
  outlook: StepOutlook,
  packageId: string,
  { whole }: { whole: boolean },
): Promise<VolleyError | null> {
  const applier = outlook.services?.imageApplier;
  // A step before it may set the variable that names the image.
  if (applier === undefined || packageId === "" || packageId.includes("%")) return null;
  try {
    return await judge(outlook, packageId, { applier, whole });
  } catch (error) {
    const failure = toVolleyError(error);
    if (known.has(failure.code)) return failure;
    if (failure.code === "E_CANCELLED" || failure.code === "E_INTERNAL") throw failure;
    return null;
  }
}

async function judge(
  outlook: StepOutlook,
  packageId: string,
  { applier, whole }: { applier: ImageApplier; whole: boolean },
): Promise<VolleyError | null> {
  const format = await applier.formatOf(packageId);
  if (format === "wim") return null;
  if (format === "disk" && !whole) return forNoVolume(packageId);
  const demand = await applier.diskDemand(packageId);
  const disks = (await numberedDisks(outlook)).filter((disk) => mayBeMeant(disk, demand));
  return refusalByAll(disks, demand);
}

/** What a sequence may do with a disk before the step runs is not known: only what no step changes counts. */
function mayBeMeant(
  { readOnly, removable, systemUses }: Pick<DiskFacts, "readOnly" | "removable" | "systemUses">,
  { rule }: DiskDemand,
): boolean {
  return !readOnly && systemUses.length === 0 && (rule.removable || !removable);
}

export function forNoVolume(packageId: string): VolleyError {
  const text = `Image ${packageId} is a whole disk's, with partitions of its own, and goes onto no volume`;
  return new VolleyError("E_IMAGE_KIND", text);
}
