/** Convert Disk to Dynamic. */
import { codes } from "./codes.ts";
import { real, setting, StepFailure, stepKind, succeeded, unsupported, wholeNumber } from "./step-kind.ts";
import { runDiskpart } from "./windows/volumes.ts";

const windowsOnly = unsupported("dynamic disks are Windows' own, and Linux does not make them");

export const convertDiskToDynamic = stepKind({
  type: "ConvertDisk",
  title: "Convert Disk to Dynamic",
  support: { winpe: real, linuxpe: windowsOnly, windows: real, linux: windowsOnly },
  async perform(context) {
    const text = setting(context, "DiskIndex", "OSDConvertDiskIndex");
    if (text === "") throw new StepFailure(codes.invalidSetting, "The disk is not named");
    const index = wholeNumber(text, "The disk's index", { least: 0, most: 10_000, fallback: 0 });
    await runDiskpart(context, `convert disk ${index}`, [`select disk ${index}`, "convert dynamic"]);
    return succeeded(`Disk ${index} is dynamic`);
  },
});
