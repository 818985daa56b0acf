/** Apply Driver Package: every driver of a package, whatever the computer. */
import { stagedReason } from "./auto-apply-drivers.ts";
import { codes } from "./codes.ts";
import { collectDrivers } from "./drivers/collect.ts";
import { dismAddDriver, installDrivers } from "./drivers/install.ts";
import { fileProof } from "./drivers/proof.ts";
import { driverTarget } from "./drivers/target.ts";
import {
  adapted,
  flag,
  real,
  runOrFail,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
} from "./step-kind.ts";
import { isLinux } from "./volumes.ts";

const inPeOnly = unsupported("it runs in a PE alone, on a Windows that does not run yet");

export const applyDriverPackage = stepKind({
  type: "ApplyDriverPackage",
  title: "Apply Driver Package",
  support: { winpe: real, linuxpe: adapted(stagedReason), windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const packageId = setting(context, "DriverPackageID", "OSDApplyDriverDriverPackageID");
    if (packageId === "" || packageId === "00000000") {
      throw new StepFailure(codes.invalidSetting, "No driver package is named");
    }
    const allowUnsigned = flag(setting(context, "UnsignedDriver", "OSDAllowUnsignedDriver"), true);
    const recurse = flag(setting(context, "Recurse", "OSDRecurse"), false);
    const folder = await context.content.folderOf(packageId);
    if (recurse && !isLinux(context)) {
      // "Install driver package via running DISM with recurse option": one run of DISM over the folder.
      const command = dismAddDriver(context, { source: folder, recurse: true, allowUnsigned });
      await runOrFail(context, `add the drivers of package ${packageId}`, { command });
      return succeeded(`DISM added the drivers of package ${packageId}`);
    }
    const target = await driverTarget(context);
    const all = await collectDrivers(context, { packageId, folder, recurse: true, target });
    const files = all.filter(({ signed }) => signed || allowUnsigned);
    if (files.length === 0) {
      throw new StepFailure(codes.notFound, `Package ${packageId} holds no driver that can be added`);
    }
    await installDrivers(context, files, {
      allowUnsigned,
      proof: { packageId, drivers: files.map(fileProof) },
    });
    const output = files.map(fileProof).map(({ date, inf, version }) => `${inf}, ${date} ${version}`);
    const text = `${files.length} of the ${all.length} drivers of package ${packageId} are added`;
    return succeeded(text, output.join("\n"));
  },
});
