/** Every kind of step there is, by its type: Configuration Manager's in the order of its menu, then the toolkit's. */
import { applyDataImage } from "./apply-data-image.ts";
import { applyDriverPackage } from "./apply-driver-package.ts";
import { applyNetworkSettings } from "./apply-network-settings.ts";
import { applyOperatingSystemImage } from "./apply-operating-system-image.ts";
import { applyWindowsSettings } from "./apply-windows-settings.ts";
import { autoApplyDrivers } from "./auto-apply-drivers.ts";
import { captureNetworkSettings } from "./capture-network-settings.ts";
import { captureOperatingSystemImage } from "./capture-operating-system-image.ts";
import { captureUserState } from "./capture-user-state.ts";
import { captureWindowsSettings } from "./capture-windows-settings.ts";
import { checkReadiness } from "./check-readiness.ts";
import { connectNetworkFolder } from "./connect-network-folder.ts";
import { convertDiskToDynamic } from "./convert-disk-to-dynamic.ts";
import { disableBitLocker } from "./disable-bitlocker.ts";
import { downloadPackageContent } from "./download-package-content.ts";
import { enableBitLocker } from "./enable-bitlocker.ts";
import { formatAndPartitionDisk } from "./format-and-partition-disk.ts";
import { installApplication } from "./install-application.ts";
import { installDeploymentTools } from "./install-deployment-tools.ts";
import { installPackage } from "./install-package.ts";
import { installSoftwareUpdates } from "./install-software-updates.ts";
import { joinDomainOrWorkgroup } from "./join-domain-or-workgroup.ts";
import { prepareClientForCapture } from "./prepare-client-for-capture.ts";
import { prepareWindowsForCapture } from "./prepare-windows-for-capture.ts";
import { preProvisionBitLocker } from "./pre-provision-bitlocker.ts";
import { restartComputer } from "./restart-computer.ts";
import { restoreUserState } from "./restore-user-state.ts";
import { runCommandLine } from "./run-command-line.ts";
import { runPowerShellScript } from "./run-powershell-script.ts";
import { setDynamicVariables } from "./set-dynamic-variables.ts";
import { setVariable } from "./set-variable.ts";
import { setupWindows } from "./setup-windows.ts";
import { releaseStateStore, requestStateStore } from "./state-store.ts";
import type { StepKind } from "./step.ts";
import { installToolkitApplication, recoverDomainJoin, tattoo } from "./toolkit/application-steps.ts";
import { toolkitBitLocker } from "./toolkit/bitlocker.ts";
import * as deploySteps from "./toolkit/deploy-steps.ts";
import { applyWindowsPe, copyLogs, copyScripts, nextPhase, usePackage } from "./toolkit/file-steps.ts";
import { gather } from "./toolkit/gather.ts";
import { groups } from "./toolkit/groups.ts";
import { coalesce } from "./toolkit/coalesce.ts";
import { connect } from "./toolkit/connect.ts";
import { moveStateStore } from "./toolkit/move-state-store.ts";
import { oemPreload } from "./toolkit/oem-preload.ts";
import { optIn } from "./toolkit/opt-in.ts";
import { toolkitScriptSteps } from "./toolkit/script-steps.ts";
import * as servicingSteps from "./toolkit/servicing-steps.ts";
import { suspend } from "./toolkit/suspend.ts";
import { userState } from "./toolkit/user-state.ts";
import { validate } from "./toolkit/validate.ts";
import { createVirtualDisk } from "./toolkit/virtual-disk.ts";
import { windowsUpdate } from "./toolkit/windows-update.ts";
import { wipeDisk } from "./toolkit/wipe-disk.ts";
import { upgradeOperatingSystem } from "./upgrade-operating-system.ts";

const configurationManagerSteps: readonly StepKind[] = [
  runCommandLine,
  runPowerShellScript,
  installPackage,
  installApplication,
  installSoftwareUpdates,
  downloadPackageContent,
  connectNetworkFolder,
  restartComputer,
  setVariable,
  setDynamicVariables,
  checkReadiness,
  joinDomainOrWorkgroup,
  formatAndPartitionDisk,
  convertDiskToDynamic,
  enableBitLocker,
  disableBitLocker,
  preProvisionBitLocker,
  requestStateStore,
  captureUserState,
  restoreUserState,
  releaseStateStore,
  captureNetworkSettings,
  captureWindowsSettings,
  applyOperatingSystemImage,
  applyDataImage,
  applyWindowsSettings,
  applyNetworkSettings,
  applyDriverPackage,
  autoApplyDrivers,
  setupWindows,
  upgradeOperatingSystem,
  installDeploymentTools,
  prepareClientForCapture,
  prepareWindowsForCapture,
  captureOperatingSystemImage,
];

const toolkitSteps: readonly StepKind[] = [
  gather,
  validate,
  usePackage,
  nextPhase,
  copyScripts,
  copyLogs,
  applyWindowsPe,
  ...Object.values(deploySteps),
  userState,
  windowsUpdate,
  groups,
  toolkitBitLocker,
  ...Object.values(servicingSteps),
  installToolkitApplication,
  recoverDomainJoin,
  tattoo,
  wipeDisk,
  createVirtualDisk,
  connect,
  coalesce,
  moveStateStore,
  optIn,
  suspend,
  oemPreload,
  ...toolkitScriptSteps,
];

export const stepKinds: readonly StepKind[] = [...configurationManagerSteps, ...toolkitSteps];

const byType = new Map(stepKinds.map((kind) => [kind.type.toLowerCase(), kind]));

/** Types are compared without regard to case. */
export function findStepKind(type: string): StepKind | null {
  return byType.get(type.toLowerCase()) ?? null;
}
