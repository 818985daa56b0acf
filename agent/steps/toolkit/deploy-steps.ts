/** Steps of the toolkit that do what a step of Configuration Manager does: image, drivers, scripts, settings, capture. */
import { applyNetworkSettings } from "../apply-network-settings.ts";
import { applyOperatingSystemImage } from "../apply-operating-system-image.ts";
import { applyWindowsSettings } from "../apply-windows-settings.ts";
import { autoApplyDrivers } from "../auto-apply-drivers.ts";
import { captureNetworkSettings } from "../capture-network-settings.ts";
import { captureOperatingSystemImage, captureWindowsVolume } from "../capture-operating-system-image.ts";
import { disableBitLocker } from "../disable-bitlocker.ts";
import { prepareWindowsForCapture } from "../prepare-windows-for-capture.ts";
import { foreseeImage } from "../images/foresee.ts";
import { runPowerShellScript } from "../run-powershell-script.ts";
import { handOverDueVariable } from "../setup-windows.ts";
import { setOutput, stepKind, succeeded } from "../step-kind.ts";
import type { StepContext, StepKind } from "../step.ts";
import { appliedLinux } from "../applied/system.ts";
import { setSetting } from "../unattend/answer-file.ts";
import { changeAnswerFile } from "../unattend/place.ts";
import { upgradeOperatingSystem } from "../upgrade-operating-system.ts";
import { backupFile, backupFolder } from "./backup-place.ts";
import { afterInstall, isBeforeInstall, performKept } from "./before-install.ts";
import { delegate, toolkitValue } from "./delegate.ts";
import { listOf } from "./lists.ts";
import { installLanguagePacksOffline, installUpdatesOffline } from "./servicing-steps.ts";

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

/** "The disk to which the image will be deployed", and the like: a step that says nothing of it goes by the properties. */
const places = ["DestinationDisk", "DestinationPartition", "DestinationLogicalDrive"];

/** By this the restart that follows hands the machine over to the new system. */
export const installOs = stepKind({
  type: "BDD_InstallOS",
  title: "Install Operating System",
  support: applyOperatingSystemImage.support,
  foresee: (outlook) => foreseeImage(outlook, toolkitValue(outlook, "OSGUID"), { whole: true }),
  async perform(context) {
    const outcome = await delegate(context, applyOperatingSystemImage, {
      ImagePackageID: toolkitValue(context, "OSGUID"),
      ImageIndex: context.variables.get("ImageIndex") || "1",
      ...Object.fromEntries(places.map((name) => [name, toolkitValue(context, name)])),
    });
    if (outcome.exitCode !== 0) return outcome;
    setOutput(context, handOverDueVariable, "true");
    const kept = await performKept(context, [
      configure,
      injectDrivers,
      installUpdatesOffline,
      installLanguagePacksOffline,
    ]);
    if (kept.exitCode !== 0 || kept.text === "") return kept.exitCode === 0 ? outcome : kept;
    return { ...kept, text: `${outcome.text}. ${kept.text}` };
  },
});

export const upgradeOs = like(
  "BDD_UpgradeOS",
  "Upgrade Operating System",
  upgradeOperatingSystem,
  (context) => ({
    InstallPackageID: toolkitValue(context, "OSGUID"),
  }),
);

/**
 * The selection profile is a category of drivers, and so is each group of DriverGroup001, …; "All Drivers" takes them all,
 * "Nothing" none but the groups' own.
 */
export const injectDrivers = afterInstall(
  stepKind({
    type: "BDD_InjectDrivers",
    title: "Inject Drivers",
    support: autoApplyDrivers.support,
    check: ({ variables }) =>
      variables.some(({ property, value }) => property === "DriverInjectionMode" && /^all$/i.test(value))
        ? [
            "DriverInjectionMode All adds every driver that fits a device of the machine, and none that fits no device",
          ]
        : [],
    perform(context) {
      const profile = toolkitValue(context, "DriverSelectionProfile");
      const groups = listOf(context, "DriverGroup");
      const isAll = /^(all drivers|all drivers and packages|everything|)$/i.test(profile);
      const isNothing = /^nothing$/i.test(profile);
      if (isNothing && groups.length === 0) {
        return Promise.resolve(
          succeeded("The selection profile is Nothing, and no group of drivers is named"),
        );
      }
      const categories = isAll || isNothing ? groups : [profile, ...groups];
      return delegate(context, autoApplyDrivers, {
        BestMatch: String(!/^all$/i.test(toolkitValue(context, "DriverInjectionMode"))),
        CategoryList: isAll ? "" : categories.join(","),
      });
    },
  }),
);

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

const configureApplied = stepKind({
  type: "ZTIConfigure",
  title: "Configure",
  support: applyWindowsSettings.support,
  async perform(context) {
    const { variables } = context;
    const settings = await delegate(context, applyWindowsSettings, {
      ComputerName: variables.get("OSDComputerName"),
      ProductKey: variables.get("ProductKey"),
      RegisteredUserName: variables.get("FullName"),
      RegisteredOrgName: variables.get("OrgName"),
      AdminPassword: variables.get("AdminPassword"),
      TimeZone: variables.get("TimeZoneName"),
      UILanguage: variables.get("UILanguage"),
      UserLocale: variables.get("UserLocale"),
      SystemLocale: variables.get("SystemLocale"),
      InputLocale: variables.get("KeyboardLocale") || variables.get("InputLocale"),
    });
    if (settings.exitCode !== 0) return settings;
    if ((await appliedLinux(context)) === null) await setDisplay(context);
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

/** "Inserted into the appropriate configuration settings in Unattend.xml", which are those of the screen. */
const display: readonly [property: string, path: string][] = [
  ["BitsPerPel", "Display/ColorDepth"],
  ["XResolution", "Display/HorizontalResolution"],
  ["YResolution", "Display/VerticalResolution"],
  ["VRefresh", "Display/RefreshRate"],
];

async function setDisplay(context: StepContext): Promise<void> {
  const wanted = display.filter(([property]) => context.variables.get(property) !== "");
  if (wanted.length === 0) return;
  await changeAnswerFile(context, (root, architecture) => {
    for (const [property, path] of wanted) {
      const place = { pass: "oobeSystem", component: "Microsoft-Windows-Shell-Setup", path } as const;
      setSetting(root, architecture, place, context.variables.get(property));
    }
  });
}

export const configure = afterInstall(configureApplied);

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
    if (isBeforeInstall(context)) {
      return Promise.resolve(succeeded("A computer that starts in a PE has no settings of its own to keep"));
    }
    const membership = {
      NetworkJoinType: variables.get("JoinDomain") === "" ? "1" : "",
      WorkgroupName: variables.get("JoinWorkgroup"),
    };
    return delegate(context, inPe ? applyNetworkSettings : captureNetworkSettings, inPe ? membership : {});
  },
});

export const backUp = stepKind({
  type: "ZTIBackup",
  title: "Back Up to an Image",
  support: captureOperatingSystemImage.support,
  repeatable: false,
  perform(context) {
    const { variables } = context;
    const isNone = /^none$/i.test(variables.get("ComputerBackupLocation"));
    const wanted = isYes(variables.get("DoCapture")) || isYes(variables.get("ComputerBackup"));
    if (isNone) return Promise.resolve(succeeded("ComputerBackupLocation is NONE: no backup is made"));
    if (!wanted) return Promise.resolve(succeeded("DoCapture does not ask for an image"));
    const folder = backupFolder(context);
    const [domain, user] = [variables.get("UserDomain"), variables.get("UserID")];
    return delegate(context, captureWindowsVolume, {
      CaptureDestination: folder === "" ? "" : `${folder}\\${backupFile(context)}`,
      CaptureUsername: user === "" || domain === "" ? user : `${domain}\\${user}`,
      CapturePassword: variables.get("UserPassword"),
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

export const disableProtectors = like(
  "ZTIDisableBDEProtectors",
  "Disable BDE Protectors",
  disableBitLocker,
  () => ({ RebootCount: "15" }),
);
