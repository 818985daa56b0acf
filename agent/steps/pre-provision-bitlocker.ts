/** Pre-provision BitLocker: a volume is encrypted with a clear key before Windows is on it. */
import { chooseMethod, manageBde, targetDrive, windowsOnly, withoutTpm } from "./bitlocker/volume.ts";
import { flag, real, setting, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { findDestination } from "./images/destination.ts";

export const preProvisionBitLocker = stepKind({
  type: "OfflineEnableBitLocker",
  title: "Pre-provision BitLocker",
  support: {
    winpe: real,
    linuxpe: unsupported(windowsOnly),
    windows: unsupported("it runs in Windows PE alone"),
    linux: unsupported(windowsOnly),
  },
  async perform(context) {
    const named = ["DestinationVariable", "DestinationLogicalDrive", "DestinationPartition"].some(
      (property) => context.property(property) !== "",
    );
    const drive = named
      ? `${(await findDestination(context)).letter}:`
      : targetDrive(context, "OSDOfflineBitLockerTargetDrive");
    const full = flag(written(context, "EncryptFullDisk"), false);
    const method = await chooseMethod(context, written(context, "EncryptMethod"));
    const skip = written(context, "SkipWhenTPMInvalid") || written(context, "SkipWhenNoValidTPM");
    // "By default, this setting is enabled for the Pre-provision BitLocker step."
    const skipped = await withoutTpm(context, flag(skip, true));
    if (skipped !== null) return skipped;
    await manageBde(context, `encrypt ${drive}`, [
      "-on",
      drive,
      ...method.words,
      ...(full ? [] : ["-usedspaceonly"]),
    ]);
    return { ...succeeded(`${drive} is being encrypted`), ...method.told };
  },
});

/** The class has the prefix of Enable BitLocker's; exports of some versions have their own. */
function written(context: StepContext, property: string): string {
  const own = context.variables.get(`OSDOfflineBitLocker${property}`);
  return own || setting(context, property, `OSDBitLocker${property}`);
}
