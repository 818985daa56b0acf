/** What a person is told before a restart, and what is waited for after one. Source: "Task sequence variables". */
import { sequenceLimits } from "./limits.ts";

interface Variables {
  get(name: string): string;
  set(name: string, value: string, options?: { readOnly?: boolean }): void;
}

export interface RestartNotice {
  /** Zero: no notice. */
  seconds: number;
  /** Empty: none of the sequence's own. */
  message: string;
}

const valueMost = sequenceLimits.variableValueCharacters;

/** What they were before a step that sets them for itself. */
const aside = {
  SMSTSRebootDelay: "_VolleyRebootDelayBefore",
  SMSTSRebootMessage: "_VolleyRebootMessageBefore",
};

/** "SMSRebootMessage", "SMSRebootTimeout": Restart Computer has a notice of its own, which is for its restart alone. */
export function keepNotice(type: string | null, variables: Variables): void {
  if (type?.toLowerCase() !== "reboot") return;
  for (const name of ["SMSTSRebootDelay", "SMSTSRebootMessage"] as const) {
    // Something stands before it, since an empty value would not be kept.
    variables.set(aside[name], `=${variables.get(name)}`.slice(0, valueMost), { readOnly: true });
  }
}

/**
 * The notice of the restart that is due. "If you want any later reboots to happen with a different timeout than the first
 * one, set this new variable to a different value in seconds": so SMSTSRebootDelayNext counts from the next restart.
 */
export function takeNotice(variables: Variables): RestartNotice {
  const seconds = secondsOf(variables.get("SMSTSRebootDelay"));
  const message = variables.get("SMSTSRebootMessage");
  const isStepsOwn = variables.get(aside.SMSTSRebootDelay) !== "";
  const next = variables.get("SMSTSRebootDelayNext");
  if (!isStepsOwn && next !== "") variables.set("SMSTSRebootDelay", next);
  for (const name of ["SMSTSRebootDelay", "SMSTSRebootMessage"] as const) {
    if (!isStepsOwn) continue;
    variables.set(name, variables.get(aside[name]).slice(1));
    variables.set(aside[name], "", { readOnly: true });
  }
  return { seconds, message };
}

/** Steps whose restart may be followed by another one of Windows' own, and the variables that say how long to let it. */
const pauses = new Map([
  ["installupdate", "SMSTSWaitForSecondReboot"],
  ["upgradeoperatingsystem", "SetupCompletePause"],
]);

/** Seconds that the sequence rests when the machine has come back from the restart of a step of this type. */
export function pauseAfter(type: string | null, variables: Pick<Variables, "get">): number {
  const name = pauses.get(type?.toLowerCase() ?? "");
  return name === undefined ? 0 : secondsOf(variables.get(name));
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0;
  return Math.min(seconds, sequenceLimits.restartSecondsMost);
}
