/** Steps of the toolkit that do what a step of Configuration Manager does: image, drivers, scripts, settings, capture. */
import { applyNetworkSettings } from "../apply-network-settings.ts";
import { applyOperatingSystemImage } from "../apply-operating-system-image.ts";
import { applyWindowsSettings } from "../apply-windows-settings.ts";
import { autoApplyDrivers } from "../auto-apply-drivers.ts";
import { captureNetworkSettings } from "../capture-network-settings.ts";
import { captureOperatingSystemImage } from "../capture-operating-system-image.ts";
import { captureUserState } from "../capture-user-state.ts";
import { disableBitLocker } from "../disable-bitlocker.ts";
import { installSoftwareUpdates } from "../install-software-updates.ts";
import { prepareWindowsForCapture } from "../prepare-windows-for-capture.ts";
import { restoreUserState } from "../restore-user-state.ts";
import { runPowerShellScript } from "../run-powershell-script.ts";
import { stepKind, succeeded } from "../step-kind.ts";
import type { StepContext, StepKind } from "../step.ts";
import { upgradeOperatingSystem } from "../upgrade-operating-system.ts";
import { delegate, toolkitValue } from "./delegate.ts";

const like = (
  type: string,
  title: string,
  kind: StepKind,
  properties: (context: StepContext) => Record<string, string> = () => ({}),
): StepKind =>
  stepKind({
    type,
    title,
    support: kind.support,
    repeatable: kind.repeatable,
    perform: (context) => delegate(context, kind, properties(context)),
  });

const isYes = (text: string): boolean => /^(yes|true)$/i.test(text);

export const installOs = like(
  "BDD_InstallOS",
  "Install Operating System",
  applyOperatingSystemImage,
  (context) => ({
    ImagePackageID: toolkitValue(context, "OSGUID"),
    ImageIndex: context.variables.get("ImageIndex") || "1",
  }),
);

export const upgradeOs = like(
  "BDD_UpgradeOS",
  "Upgrade Operating System",
  upgradeOperatingSystem,
  (context) => ({
    InstallPackageID: toolkitValue(context, "OSGUID"),
  }),
);

/** The selection profile is a category of drivers; "All" takes them all, "Auto" what the devices need. */
export const injectDrivers = like("BDD_InjectDrivers", "Inject Drivers", autoApplyDrivers, (context) => {
  const profile = toolkitValue(context, "DriverSelectionProfile");
  const mode = toolkitValue(context, "DriverInjectionMode");
  return {
    BestMatch: String(!/^all$/i.test(mode)),
    CategoryList: /^(all drivers|everything|)$/i.test(profile) ? "" : profile,
  };
});

export const runPowerShellAction = like(
  "BDD_RunPowerShellAction",
  "Run PowerShell Script",
  runPowerShellScript,
  (context) => ({
    ScriptName: scriptPath(context),
    ExecutionPolicy: "Bypass",
  }),
);

/** A bare name is one of the toolkit's scripts. */
function scriptPath(context: StepContext): string {
  const name = context.property("ScriptName");
  const isBare = !/[\\/]/.test(name) && context.property("PackageID") === "";
  const root = context.variables.get("ScriptRoot");
  return isBare && root !== "" ? `${root}\\${name}` : name;
}

export const configure = stepKind({
  type: "ZTIConfigure",
  title: "Configure",
  support: applyWindowsSettings.support,
  async perform(context) {
    const { variables } = context;
    const windows = await delegate(context, applyWindowsSettings, {
      ComputerName: variables.get("OSDComputerName"),
      ProductKey: variables.get("ProductKey"),
      RegisteredUserName: variables.get("FullName"),
      RegisteredOrgName: variables.get("OrgName"),
      AdminPassword: variables.get("AdminPassword"),
      TimeZone: variables.get("TimeZoneName"),
      UILanguage: variables.get("UILanguage"),
      UserLocale: variables.get("UserLocale"),
      InputLocale: variables.get("KeyboardLocale"),
    });
    if (windows.exitCode !== 0) return windows;
    const domain = variables.get("JoinDomain");
    return delegate(context, applyNetworkSettings, {
      NetworkJoinType: domain === "" ? "1" : "0",
      DomainName: domain,
      DomainOUName: variables.get("MachineObjectOU"),
      DomainUsername: `${variables.get("DomainAdminDomain") || domain}\\${variables.get("DomainAdmin")}`,
      DomainPassword: variables.get("DomainAdminPassword"),
      WorkgroupName: variables.get("JoinWorkgroup") || "WORKGROUP",
    });
  },
});

/** In the old system the settings are captured, in the PE they are applied. */
export const nicConfig = stepKind({
  type: "ZTINICConfig",
  title: "Capture or Apply Network Settings",
  support: {
    ...applyNetworkSettings.support,
    windows: captureNetworkSettings.support.windows,
    linux: captureNetworkSettings.support.linux,
  },
  perform(context) {
    const inPe = context.system === "winpe" || context.system === "linuxpe";
    const { variables } = context;
    const membership = {
      NetworkJoinType: variables.get("JoinDomain") === "" ? "1" : "",
      WorkgroupName: variables.get("JoinWorkgroup"),
    };
    return delegate(context, inPe ? applyNetworkSettings : captureNetworkSettings, inPe ? membership : {});
  },
});

/** "/capture" and "/restore", when UserDataLocation and the like ask for it. */
export const userState = stepKind({
  type: "ZTIUserState",
  title: "Capture or Restore User State",
  support: {
    winpe: captureUserState.support.winpe,
    linuxpe: captureUserState.support.linuxpe,
    windows: restoreUserState.support.windows,
    linux: restoreUserState.support.linux,
  },
  perform(context) {
    const { variables } = context;
    if (/^none$/i.test(variables.get("UserDataLocation"))) {
      return Promise.resolve(succeeded("UserDataLocation is NONE: no user state is kept"));
    }
    const kind = /\/restore\b/i.test(context.step.action) ? restoreUserState : captureUserState;
    const packageId = variables.get("USMTPackageID");
    return delegate(context, kind, { UsmtPackageID: packageId, UsmtRestorePackageID: packageId });
  },
});

export const backUp = stepKind({
  type: "ZTIBackup",
  title: "Back Up to an Image",
  support: captureOperatingSystemImage.support,
  repeatable: false,
  perform(context) {
    const { variables } = context;
    const wanted = isYes(variables.get("DoCapture")) || isYes(variables.get("ComputerBackup"));
    if (!wanted) return Promise.resolve(succeeded("DoCapture does not ask for an image"));
    const folder = variables.get("BackupDir") || variables.get("ComputerBackupLocation");
    const file = variables.get("BackupFile") || `${variables.get("OSDComputerName") || "image"}.wim`;
    return delegate(context, captureOperatingSystemImage, {
      CaptureDestination: folder === "" ? "" : `${folder}\\${file}`,
    });
  },
});

export const toolkitSysprep = stepKind({
  type: "LTISysprep",
  title: "Sysprep",
  support: prepareWindowsForCapture.support,
  repeatable: false,
  perform(context) {
    // The toolkit calls the script first to copy the files of Windows XP's Sysprep, which later ones have.
    const isCopying = /copy/i.test(context.step.name);
    const wanted =
      isYes(context.variables.get("DoCapture")) || /^sysprep$/i.test(context.variables.get("DoCapture"));
    if (!wanted || isCopying) return Promise.resolve(succeeded("Nothing is to be prepared"));
    return delegate(context, prepareWindowsForCapture);
  },
});

export const windowsUpdate = like("ZTIWindowsUpdate", "Windows Update", installSoftwareUpdates, () => ({
  Target: "All",
}));

export const disableProtectors = like(
  "ZTIDisableBDEProtectors",
  "Disable BDE Protectors",
  disableBitLocker,
  () => ({ RebootCount: "15" }),
);
