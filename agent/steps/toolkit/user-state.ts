/** Capture or Restore User State (MDT): where it is kept, and whether there is any, by the toolkit's properties. */
import { captureUserState } from "../capture-user-state.ts";
import { splitWords } from "../command-words.ts";
import { restoreUserState } from "../restore-user-state.ts";
import { stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { isLinux } from "../volumes.ts";
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
    const isPlaced = variables.get("OSDStateStorePath") !== "" || variables.get("StatePath") !== "";
    if (isNew && /^(auto|)$/i.test(location) && !isPlaced) {
      return Promise.resolve(succeeded("A new computer has no user state, and none is named for it"));
    }
    placeStore(context, location);
    addOptions(context, "OSDMigrateAdditionalCaptureOptions", "ScanStateArgs", onlyProfiles(context));
    addOptions(context, "OSDMigrateAdditionalRestoreOptions", "LoadStateArgs");
    const packageId = variables.get("USMTPackageID");
    const files = listOf(context, "USMTMigFiles");
    return delegate(context, isRestore ? restoreUserState : captureUserState, {
      UsmtPackageID: packageId,
      UsmtRestorePackageID: packageId,
      USMTConfigFile: variables.get("USMTConfigFile"),
      ...(files.length > 0 && { Mode: "Advanced", ConfigFiles: files.join(",") }),
    });
  },
});

/**
 * "StatePath" is what OSDStateStorePath was called. "UserDataLocation": AUTO is where the run keeps users' files, NETWORK
 * the share of UDShare and UDDir, else a path.
 */
function placeStore({ variables }: StepContext, location: string): void {
  if (variables.get("OSDStateStorePath") !== "") return;
  const share = variables.get("UDShare");
  const onShare =
    share === "" ? "" : `${share}\\${variables.get("UDDir") || variables.get("OSDComputerName")}`;
  const named = /^network$/i.test(location)
    ? onShare
    : /^(auto|)$/i.test(location)
      ? variables.get("_SMSTSUserStatePath")
      : location;
  const path = variables.get("StatePath") || named;
  if (path !== "") variables.set("OSDStateStorePath", path);
}

/** Of the toolkit's own defaults ("/v:5 /c /o", "/v:5 /c /lac") the step has what it needs by itself. */
function addOptions(
  { variables }: StepContext,
  to: string,
  from: string,
  more: readonly string[] = [],
): void {
  if (variables.get(to) !== "") return;
  const words = splitWords(variables.get(from)).filter((word) => !/^\/(c|o|lac|v:\d+)$/i.test(word));
  variables.set(to, [...words, ...more].join(" "));
}

/** "UDProfiles": "a comma-delimited list of user profiles that need to be saved by Scanstate.exe", by /ue and /ui of it. */
function onlyProfiles(context: StepContext): string[] {
  const names = context.variables
    .get("UDProfiles")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 0) return [];
  if (isLinux(context)) {
    context.log.warning("UDProfiles is for the User State Migration Tool: every profile is kept here");
    return [];
  }
  const quoted = (name: string): string => (name.includes(" ") ? `"/ui:${name}"` : `/ui:${name}`);
  return ["/ue:*\\*", ...names.map((name) => quoted(name.includes("\\") ? name : `*\\${name}`))];
}
