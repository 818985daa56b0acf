/** Install Application: applications that are listed, or that variables list as names; and again when one fails. */
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import { codes } from "./codes.ts";
import { baseVariableList, installAll, type Installation } from "./install-list.ts";
import type { Program } from "./services.ts";
import {
  adapted,
  flag,
  real,
  service,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  wholeNumber,
} from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const installApplication = stepKind({
  type: "InstallApplication",
  title: "Install Application",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: adapted("the application's command line is run by /bin/sh"),
  },
  async perform(context) {
    const names = applicationNames(context);
    const goOn = flag(context.property("ContinueOnInstallError"), false);
    const outcome = await installApplications(context, names, goOn);
    const isFine = outcome.exitCode === codes.success || outcome.exitCode === codes.rebootRequired;
    setOutput(context, "_TSAppInstallStatus", names.length === 0 ? "" : isFine ? "Success" : "Error");
    return outcome;
  },
});

/** "Install the following applications" by number, or a base variable whose numbers have two digits. */
function applicationNames(context: StepContext): string[] {
  const base = context.property("BaseVariableName");
  if (base !== "") return baseVariableList(context, base, 2);
  const bounds = { least: 0, most: 999, fallback: 0 };
  const count = wholeNumber(setting(context, "NumApps", "OSDAppCount"), "The number of applications", bounds);
  const listed = Array.from({ length: count }, (_none, index) =>
    setting(context, `AppInfo${index}Name`, `OSDApp${index}Name`),
  ).filter((name) => name !== "");
  const single = context.property("ApplicationName");
  const names = listed.length > 0 ? listed : single.split(",").filter((name) => name !== "");
  if (names.length === 0) throw new StepFailure(codes.invalidSetting, "No application is named");
  return names;
}

const retriesMost = 100;
const pauseMsMost = 86_400_000;

/**
 * "OSDAppInstallRetries": how often one that fails is tried again, 0 by itself; "OSDAppInstallRetryTimeout": the milliseconds
 * before, 30000 by themselves. "Attempted ONLY when 'Install Next Application on Failure' option is not selected".
 */
function readRetries({ variables }: StepContext, goOn: boolean): { count: number; pauseMs: number } {
  const read = (name: string, most: number, fallback: number): number =>
    wholeNumber(variables.get(name), name, { least: 0, most, fallback });
  const count = read("OSDAppInstallRetries", retriesMost, 0);
  const pauseMs = read("OSDAppInstallRetryTimeout", pauseMsMost, 30_000);
  return { count: goOn ? 0 : count, pauseMs };
}

async function installApplications(
  context: StepContext,
  names: readonly string[],
  goOn: boolean,
): Promise<StepOutcome> {
  if (names.length === 0) return succeeded("No application is listed, so that nothing is installed");
  const retries = readRetries(context, goOn);
  let installed = 0;
  let restart = false;
  let failure: StepOutcome | null = null;
  for (const name of names) {
    const program = await findApplication(context, name);
    if (program === null) continue;
    const outcome = await installOne(context, { name, ...program }, retries);
    restart ||= outcome.exitCode === codes.rebootRequired;
    if (isSuccess(outcome)) {
      installed += 1;
      continue;
    }
    failure ??= outcome;
    if (!goOn) break;
  }
  if (failure !== null) return failure;
  const exitCode = restart ? codes.rebootRequired : codes.success;
  return { exitCode, text: `${installed} of ${names.length} applications are installed`, output: "" };
}

/**
 * "If the value of a variable contains any information other than the name of the application. The task sequence doesn't
 * install the application, and the task sequence continues": null for a name of a dynamic list that nothing has.
 */
async function findApplication(
  context: StepContext,
  name: string,
): Promise<{ packageId: string; program: Program } | null> {
  const programs = service(context, "programs", "list of applications");
  try {
    const { packageId, ...program } = await programs.application(name);
    const codesGiven = context.property("ApplicationSuccessCodes");
    const own = codesGiven === "" ? program.successCodes : readCodes(codesGiven);
    return { packageId, program: { ...program, successCodes: own } };
  } catch (error) {
    const isListed = context.property("BaseVariableName") !== "";
    if (!isListed || !(error instanceof VolleyError) || error.code !== "E_NOT_FOUND") throw error;
    context.log.warning(`"${name}" is left out: ${error.detail}`);
    return null;
  }
}

/** "A space-delimited list of error codes … that determine the successful installation of applications" (MDT). */
function readCodes(text: string): number[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.map((word) =>
    wholeNumber(word, "A success code", { least: 0, most: 0xffffffff, fallback: 0 }),
  );
}

async function installOne(
  context: StepContext,
  installation: Installation,
  { count, pauseMs }: { count: number; pauseMs: number },
): Promise<StepOutcome> {
  for (let left = count; ; left -= 1) {
    const outcome = await installAll(context, [installation], false);
    const again = !isSuccess(outcome) && left > 0;
    setOutput(context, "_SMSTSAppInstallNeedsRetry", String(again));
    if (!again) return outcome;
    context.log.warning(`${outcome.text}; trying again`);
    await delay(pauseMs, undefined, { signal: context.signal });
  }
}

const isSuccess = ({ exitCode }: StepOutcome): boolean =>
  exitCode === codes.success || exitCode === codes.rebootRequired;
