/** Capture or Restore User State (MDT): where it is kept, and whether there is any, by the toolkit's properties. */
import { captureUserState } from "../capture-user-state.ts";
import { splitWords } from "../command-words.ts";
import { restoreUserState } from "../restore-user-state.ts";
import { stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { delegate } from "./delegate.ts";
import { listOf } from "./lists.ts";

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
    const isRestore = /\/restore\b/i.test(context.step.action);
    const location = variables.get("UserDataLocation");
    if (/^none$/i.test(location)) {
      return Promise.resolve(succeeded("UserDataLocation is NONE: no user state is kept"));
    }
    if (/^true$/i.test(variables.get("IsServerOS"))) {
      return Promise.resolve(succeeded("Servers have no user state that the toolkit would keep"));
    }
    const isNew = /^newcomputer$/i.test(variables.get("DeploymentType"));
    if (isNew && /^(auto|)$/i.test(location) && variables.get("OSDStateStorePath") === "") {
      return Promise.resolve(succeeded("A new computer has no user state, and none is named for it"));
    }
    placeStore(context, location);
    addOptions(context, "ScanStateArgs", "OSDMigrateAdditionalCaptureOptions");
    addOptions(context, "LoadStateArgs", "OSDMigrateAdditionalRestoreOptions");
    const packageId = variables.get("USMTPackageID");
    const files = listOf(context, "USMTMigFiles");
    return delegate(context, isRestore ? restoreUserState : captureUserState, {
      UsmtPackageID: packageId,
      UsmtRestorePackageID: packageId,
      ...(files.length > 0 && { Mode: "Advanced", ConfigFiles: files.join(",") }),
    });
  },
});

/** "UserDataLocation": AUTO is where the run keeps users' files, NETWORK the share of UDShare and UDDir, else a path. */
function placeStore({ variables }: StepContext, location: string): void {
  if (variables.get("OSDStateStorePath") !== "") return;
  const share = variables.get("UDShare");
  const onShare =
    share === "" ? "" : `${share}\\${variables.get("UDDir") || variables.get("OSDComputerName")}`;
  const path = /^network$/i.test(location)
    ? onShare
    : /^(auto|)$/i.test(location)
      ? variables.get("_SMSTSUserStatePath")
      : location;
  if (path !== "") variables.set("OSDStateStorePath", path);
}

/** Of the toolkit's own defaults ("/v:5 /c /o", "/v:5 /c /lac") the step has what it needs by itself. */
function addOptions({ variables }: StepContext, from: string, to: string): void {
  if (variables.get(to) !== "") return;
  const words = splitWords(variables.get(from)).filter((word) => !/^\/(c|o|lac|v:\d+)$/i.test(word));
  variables.set(to, words.join(" "));
}
