/** Disable BitLocker: protection is suspended for some restarts; nothing is decrypted. */
import { manageBde, targetDrive, windowsOnly } from "./bitlocker/volume.ts";
import { real, setting, stepKind, succeeded, unsupported, wholeNumber } from "./step-kind.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const disableBitLocker = stepKind({
  type: "DisableBitLocker",
  title: "Disable BitLocker",
  support: { winpe: fullSystemOnly, linuxpe: fullSystemOnly, windows: real, linux: unsupported(windowsOnly) },
  async perform(context) {
    const drive = targetDrive(context, "OSDBitLockerTargetDrive");
    // "OSDBitLockerRebootCountOverride": takes precedence, and may be 0 for until it is resumed.
    const override = context.variables.get("OSDBitLockerRebootCountOverride");
    const count =
      override === ""
        ? wholeNumber(setting(context, "RebootCount", "OSDBitLockerRebootCount"), "The number of restarts", {
            least: 1,
            most: 15,
            fallback: 1,
          })
        : wholeNumber(override, "The number of restarts", { least: 0, most: 15, fallback: 0 });
    await manageBde(context, `suspend the protection of ${drive}`, [
      "-protectors",
      "-disable",
      drive,
      "-rebootcount",
      String(count),
    ]);
    return succeeded(`The protection of ${drive} is suspended for ${count} restarts`);
  },
});
