/** Install Application: applications that are listed, or that variables list as names; and again when one fails. */
import { setTimeout as delay } from "node:timers/promises";
import { codes } from "./codes.ts";
import { baseVariableList, installAll } from "./install-list.ts";
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

/** Each one "OSDAppInstallRetries" times more, "OSDAppInstallRetryTimeout" seconds apart; 0 and 300 by themselves. */
async function installApplications(
  context: StepContext,
  names: readonly string[],
  goOn: boolean,
): Promise<StepOutcome> {
  if (names.length === 0) return succeeded("No application is listed, so that nothing is installed");
  const read = (name: string, most: number, fallback: number): number =>
    wholeNumber(context.variables.get(name), name, { least: 0, most, fallback });
  const retries = read("OSDAppInstallRetries", 5, 0);
  const pauseMs = read("OSDAppInstallRetryTimeout", 3600, 300) * 1000;
  const programs = service(context, "programs", "list of applications");
  let restart = false;
  let failure: StepOutcome | null = null;
  for (const name of names) {
    const { packageId, ...program } = await programs.application(name);
    let outcome = await installAll(context, [{ name, packageId, program }], false);
    for (let again = 0; again < retries && !isSuccess(outcome); again += 1) {
      context.log.warning(`${outcome.text}; trying again`);
      await delay(pauseMs, undefined, { signal: context.signal });
      outcome = await installAll(context, [{ name, packageId, program }], false);
    }
    restart ||= outcome.exitCode === codes.rebootRequired;
    if (isSuccess(outcome)) continue;
    failure ??= outcome;
    if (!goOn) break;
  }
  if (failure !== null) return failure;
  const exitCode = restart ? codes.rebootRequired : codes.success;
  return { exitCode, text: `${names.length} applications are installed`, output: "" };
}

const isSuccess = ({ exitCode }: StepOutcome): boolean =>
  exitCode === codes.success || exitCode === codes.rebootRequired;
