/** Pre-provision BitLocker: a volume is encrypted with a clear key before Windows is on it. */
import { manageBde, methodArguments, targetDrive, windowsOnly, withoutTpm } from "./bitlocker/volume.ts";
import { flag, real, setting, stepKind, succeeded, unsupported } from "./step-kind.ts";
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
    const full = flag(setting(context, "EncryptFullDisk", "OSDOfflineBitLockerEncryptFullDisk"), false);
    const method = methodArguments(setting(context, "EncryptMethod", "OSDOfflineBitLockerEncryptMethod"));
    const skipped = await withoutTpm(context, "OSDOfflineBitLockerSkipWhenNoValidTPM");
    if (skipped !== null) return skipped;
    await manageBde(context, `encrypt ${drive}`, [
      "-on",
      drive,
      ...method,
      ...(full ? [] : ["-usedspaceonly"]),
    ]);
    return succeeded(`${drive} is being encrypted`);
  },
});
