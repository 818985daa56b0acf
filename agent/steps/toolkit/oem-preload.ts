/** Prepare OEM Preload (MDT). Source: LTIOEM.wsf in the "Toolkit reference". */
import { existsSync } from "node:fs";
import { codes } from "../codes.ts";
import { preProvisionBitLocker } from "../pre-provision-bitlocker.ts";
import { adapted, real, setOutput, StepFailure, stepKind, succeeded, unsupported } from "../step-kind.ts";
import { hostPath } from "../volumes.ts";
import { delegate } from "./delegate.ts";
import { scriptArgument } from "./script-arguments.ts";
import { copyPath } from "./trees.ts";

/** "Copies the contents of a media deployment share to the target computer's hard disk to prepare it for duplication". */
export const oemPreload = stepKind({
  type: "LTIOEM",
  title: "Prepare OEM Preload",
  support: {
    winpe: real,
    linuxpe: adapted("as documented, but that /BITLOCKER and /BDE fail: BitLocker is Windows' own"),
    windows: adapted("as documented, but that /BITLOCKER and /BDE fail: they are for Windows PE"),
    linux: unsupported("a drive's letter says where the share goes, and a Linux that runs has none"),
  },
  async perform(context) {
    const { variables } = context;
    const [share, drive] = [variables.get("DeployRoot"), variables.get("OSDisk")];
    if (share === "" || drive === "") {
      const text = `${share === "" ? "DeployRoot" : "OSDisk"} is not set: a share on media goes onto a disk`;
      throw new StepFailure(codes.notFound, text);
    }
    const source = await hostPath(context, share);
    if (!existsSync(source)) throw new StepFailure(codes.fileNotFound, `${share} is not there`);
    const encrypts = ["BITLOCKER", "BDE"].some((name) => scriptArgument(context, name) !== null);
    if (encrypts && context.system !== "winpe") {
      throw new StepFailure(
        codes.notSupported,
        "/BITLOCKER and /BDE enable BitLocker, from Windows PE alone",
      );
    }
    context.progress(0, `Copying ${share}`);
    const place = `${drive.slice(0, 1)}:\\Deploy`;
    const files = await copyPath(context, source, await hostPath(context, place));
    setOutput(context, "_DoNotCleanLiteTouch", "TRUE");
    if (encrypts) {
      const outcome = await delegate(context, preProvisionBitLocker, { TargetDrive: drive });
      if (outcome.exitCode !== 0) return outcome;
    }
    return succeeded(`${files} files of ${share} are in ${place}`);
  },
});
