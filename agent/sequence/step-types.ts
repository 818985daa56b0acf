/** What is known of every step type, whichever product wrote it: one table, looked up by written type or by action. */
import type { RunIn } from "./tree.ts";
import { configurationManagerSteps } from "./step-types/configmgr.ts";
import { toolkitScripts, toolkitSteps, toolkitVariables } from "./step-types/mdt.ts";

export interface StepType {
  /** Name in the step catalogue: "RunCommandLine", "BDD_Gather", "ZTINextPhase". */
  type: string;
  /** As the console's menu calls it: "Run Command Line". */
  title: string;
  /** Where the documentation says it runs. */
  runsIn: RunIn;
  /** When the file names none. Source: "Task sequence steps", Success codes. */
  successCodes: readonly number[];
  /** Whether a `<variable>` with this name, or for this property of the class, is one the step is documented to have. */
  knows(variable: { name: string; property: string }): boolean;
  /** Documented input variables, an index as `#`. */
  variables: readonly string[];
}

const success = [0];
const successOrRestart = [0, 3010];
const restartsBySuccessCode = new Set(["RunCommandLine", "RunPowerShellScript", "InstallSoftware"]);

const types = new Map<string, StepType>();
for (const { type, title, runsIn, variables } of configurationManagerSteps) {
  const words = `${variables} ${toolkitVariables.get(type) ?? ""}`;
  const successCodes = restartsBySuccessCode.has(type) ? successOrRestart : success;
  types.set(type, stepType({ type, title, runsIn, successCodes }, words));
}
for (const { type, title, runsIn, variables } of toolkitSteps) {
  types.set(type, stepType({ type, title, runsIn, successCodes: successOrRestart }, variables));
}

/** Every step type in the order of the tables. */
export const stepTypes: readonly StepType[] = [...types.values()];

const byClass = new Map<string, StepType>();
for (const facts of stepTypes) {
  const isToolkit = /^(BDD_|ZTI|LTI)/.test(facts.type);
  const suffix = facts.type === "SubTasksequence" ? "" : "Action";
  const className = isToolkit ? facts.type : `SMS_TaskSequence_${facts.type}${suffix}`;
  byClass.set(className.toLowerCase(), facts);
}

const scriptCall = /(?:^|["\\/\s])((?:zti|lti)[a-z]+)\.wsf\b/i;

/**
 * The type of a step as its file has it; null when neither its written type nor its action tells. MDT's steps without
 * a type, and those its editor made a command of, are known by the script of the toolkit that they run.
 */
export function recognizeStep(writtenType: string, action: string): StepType | null {
  const written = byClass.get(writtenType.trim().toLowerCase());
  if (written !== undefined && written.type !== "RunCommandLine") return written;
  if (written === undefined && writtenType !== "" && !/^BDD_/i.test(writtenType)) return null;
  const byScript = /%(scriptroot|_smstsmdatapath)%/i.test(action) ? typeOfScript(action) : undefined;
  if (byScript !== undefined) return byScript;
  if (written !== undefined) return written;
  // MDT runs the action of a step without a type as a command.
  return writtenType === "" && action.trim() !== "" ? (types.get("RunCommandLine") ?? null) : null;
}

function typeOfScript(action: string): StepType | undefined {
  const script = scriptCall.exec(action)?.[1]?.toLowerCase();
  if (script === undefined) return undefined;
  if (script === "ltiapply" && /\s\/pe\b/i.test(action)) return types.get("LTIApplyPE");
  if (script === "ltiapply" && /\s\/post\b/i.test(action)) return types.get("LTIApplyPost");
  if (script === "ztiosrole" && /\s\/uninstall\b/i.test(action)) return types.get("BDD_UninstallRoles");
  return types.get(toolkitScripts.get(script) ?? "");
}

type Facts = Pick<StepType, "type" | "title" | "runsIn" | "successCodes">;

function stepType(facts: Facts, words: string | null): StepType {
  if (words === null) return { ...facts, variables: [], knows: () => true };
  const variables: string[] = [];
  const names = new Set<string>();
  const properties = new Set<string>();
  for (const word of words.split(/\s+/)) {
    if (word === "") continue;
    const [variable = "", property = variable] = word.split("=");
    variables.push(variable);
    names.add(variable.toLowerCase());
    properties.add(property.toLowerCase());
  }
  const has = (known: ReadonlySet<string>, name: string): boolean => {
    const lower = name.toLowerCase();
    return known.has(lower) || known.has(lower.replace(/\d+/, "#"));
  };
  return {
    ...facts,
    variables,
    knows: ({ name, property }) => has(names, name) || (property !== "" && has(properties, property)),
  };
}
