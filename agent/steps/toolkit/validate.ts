/** Validate (MDT): memory, speed, disk and kind of system, before anything is done to the machine. */
import { codes } from "../codes.ts";
import { checkReadiness } from "../check-readiness.ts";
import { everywhere, flag, stepKind } from "../step-kind.ts";
import { delegate, toolkitValue } from "./delegate.ts";

export const validate = stepKind({
  type: "BDD_Validate",
  title: "Validate",
  support: everywhere,
  perform(context) {
    // "If OSInstall exists and is not equal to YES, the script exits"; the reference's own examples have Y as well.
    const allowed = context.variables.get("OSInstall");
    if (!/^(y|yes|true|)$/i.test(allowed)) {
      const text = `OSInstall is "${allowed}": no operating system is to be installed on this computer`;
      return Promise.resolve({ exitCode: codes.notReady, text, output: "" });
    }
    const memory = toolkitValue(context, "ImageMemory");
    const speed = toolkitValue(context, "ImageProcessorSpeed");
    const size = toolkitValue(context, "ImageSize");
    const wantsClient = toolkitValue(context, "VerifyOS");
    const wanted = (value: string): string => String(value !== "" && value !== "0");
    return delegate(context, checkReadiness, {
      CheckMemory: wanted(memory),
      Memory: memory,
      CheckProcessorSpeed: wanted(speed),
      ProcessorSpeed: speed,
      CheckFreeDiskSpace: wanted(size),
      FreeDiskSpace: size,
      // "Ensure current operating system is": CLIENT or SERVER, for a refresh; a PE is neither.
      CheckOSType: String(
        /^(client|server)$/i.test(wantsClient) && !flag(context.variables.get("_SMSTSInWinPE"), false),
      ),
      OSType: wantsClient,
    });
  },
});
