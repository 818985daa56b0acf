/**
 * Enable BitLocker by the toolkit's script as a command: in the PE "Enable BitLocker (Offline)", in Windows as the step of the
 * same name.
 */
import { codes } from "../codes.ts";
import { notWanted, wantsBitLocker } from "../bitlocker/toolkit.ts";
import { windowsOnly } from "../bitlocker/volume.ts";
import { enableBitLocker } from "../enable-bitlocker.ts";
import { preProvisionBitLocker } from "../pre-provision-bitlocker.ts";
import { adapted, real, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import { delegate } from "./delegate.ts";

const onLinux = adapted(`nothing is done unless BDEInstallSuppress is NO; then it fails: ${windowsOnly}`);

export const toolkitBitLocker = stepKind({
  type: "ZTIBde",
  title: "Enable BitLocker (toolkit)",
  support: { winpe: real, linuxpe: onLinux, windows: real, linux: onLinux },
  perform(context) {
    if (!wantsBitLocker(context)) return Promise.resolve(succeeded(notWanted));
    if (context.system === "winpe") {
      // "TPM not validated, offline BitLocker is not possible" is no failure of it: Windows encrypts later.
      return delegate(context, preProvisionBitLocker, { SkipWhenTPMInvalid: "true" });
    }
    if (context.system === "windows") return delegate(context, enableBitLocker);
    throw new StepFailure(codes.notSupported, windowsOnly);
  },
});
