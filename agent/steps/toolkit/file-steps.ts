/** Steps of the toolkit that copy files and set variables. */
import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { adapted, everywhere, setOutput, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase, hostPath } from "../volumes.ts";
import { toolkitValue } from "./delegate.ts";

/** "Next Phase": the phases of a deployment follow each other as the toolkit lists them. */
const phases = [
  "INITIALIZATION",
  "VALIDATION",
  "STATECAPTURE",
  "PREINSTALL",
  "INSTALL",
  "POSTINSTALL",
  "STATERESTORE",
];

export const nextPhase = stepKind({
  type: "ZTINextPhase",
  title: "Next Phase",
  support: everywhere,
  // Run again after a kill it would skip a phase.
  repeatable: false,
  perform(context) {
    const present = context.variables.get("PHASE").toUpperCase() || "INITIALIZATION";
    const at = phases.indexOf(present);
    if (at === -1) throw new StepFailure(codes.invalidSetting, `PHASE is "${present}", which is no phase`);
    const next = phases[at + 1] ?? present;
    context.variables.set("PHASE", next);
    return Promise.resolve(succeeded(`PHASE is ${next}`));
  },
});

/** Sets DeployRoot and ScriptRoot, as ZTISCCM does, to the folder of the toolkit's package. */
export const usePackage = stepKind({
  type: "BDD_UsePackage",
  title: "Use Toolkit Package",
  support: everywhere,
  async perform(context) {
    const packageId = toolkitValue(context, "PackageID") || context.variables.get("BDDPackageID");
    if (packageId === "") throw new StepFailure(codes.invalidSetting, "The toolkit's package is not named");
    const folder = await context.content.folderOf(packageId);
    const scripts = await findInAnyCase(folder, ["Scripts"]);
    if (!existsSync(scripts)) {
      throw new StepFailure(
        codes.invalidData,
        `Package ${packageId} has no folder Scripts: it is not the toolkit`,
      );
    }
    context.variables.set("DeployRoot", folder);
    context.variables.set("ScriptRoot", scripts);
    setOutput(context, "_DeployRoot", folder);
    return succeeded(`The toolkit is in ${folder}`);
  },
});

export const copyScripts = stepKind({
  type: "LTICopyScripts",
  title: "Copy Scripts",
  support: everywhere,
  async perform(context) {
    const scripts = context.variables.get("ScriptRoot");
    const drive = context.variables.get("OSDTargetSystemDrive") || context.variables.get("OSDisk");
    if (scripts === "") return succeeded("The toolkit is not used, so that there is no script to copy");
    if (drive === "") {
      throw new StepFailure(codes.notFound, "OSDisk has to be set before scripts can be copied");
    }
    const target = await hostPath(context, `${drive}\\MININT\\Scripts`);
    await mkdir(target, { recursive: true });
    await cp(await hostPath(context, scripts), target, { recursive: true });
    return succeeded(`The scripts are in ${drive}\\MININT\\Scripts`);
  },
});

/** To the share of SLShare, below the computer's name. */
export const copyLogs = stepKind({
  type: "ZTICopyLogs",
  title: "Copy Logs",
  support: everywhere,
  async perform(context) {
    const share = context.variables.get("SLShare");
    const logs = context.variables.get("_SMSTSLogPath");
    if (share === "") return succeeded("SLShare is not set, so that no log is copied");
    const name =
      context.variables.get("OSDComputerName") || context.variables.get("_SMSTSMachineName") || "computer";
    const target = join(await hostPath(context, share), name.replaceAll(/[^A-Za-z0-9._-]/g, "_"));
    await mkdir(target, { recursive: true });
    await cp(await hostPath(context, logs), target, { recursive: true });
    return succeeded(`The logs are in ${target}`);
  },
});

const staged = adapted(
  "the boot image is put in place when a step asks for a restart into it, so that nothing is done before",
);

export const applyWindowsPe = stepKind({
  type: "LTIApplyPE",
  title: "Apply Windows PE",
  support: { winpe: staged, linuxpe: staged, windows: staged, linux: staged },
  perform: (context: StepContext) => {
    context.log.info("The boot image is put in place by the restart that needs it");
    return Promise.resolve(succeeded("Left to the restart"));
  },
});
