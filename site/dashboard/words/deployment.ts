/** Deployments, devices and collections in words. */
import type {
  DeploymentCounts,
  DeploymentMachine,
  DeploymentRecord,
} from "../../../contract/administration.ts";
import type { CollectionRule, DeviceRecord, RuleCondition } from "../../../contract/devices.ts";
import type { DeploymentWake } from "../../../contract/wake.ts";
import { countIsText, minuteText, namesText } from "../../quantities.ts";

/** When machines begin, in UTC to the minute. */
export function whenText({ expires, starts }: DeploymentRecord): string {
  const from = starts ? `from ${minuteText(starts)}` : "";
  const until = expires ? `until ${minuteText(expires)}` : "";
  return `${from} ${until}`.trim();
}

/** Whether it switches its machines on, and who has not been seen since it did. */
export function wokenText({ wake, woken }: DeploymentRecord, unseen: DeploymentWake["unseen"]): string {
  if (!woken) return wake ? "wakes its machines" : "";
  const names = unseen.map((one) => one.name);
  const since = names.length > 0 ? `, not seen since: ${names.length}: ${namesText(names)}` : "";
  return `woken ${minuteText(woken)}${since}`;
}

/** "12 done, 1 failed": of what there is. */
export function countsText({ done, failed, running, waiting }: DeploymentCounts): string {
  const told: [number, string][] = [
    [done, "done"],
    [failed, "failed"],
    [running, "running"],
    [waiting, "waiting"],
  ];
  const some = told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return some.join(", ") || "none";
}

export function countsOf(machines: readonly Pick<DeploymentMachine, "state">[]): DeploymentCounts {
  const count = (...states: DeploymentMachine["state"][]): number =>
    machines.filter(({ state }) => states.includes(state)).length;
  return {
    done: count("succeeded"),
    failed: count("failed"),
    running: count("planned", "working"),
    waiting: count("enrolled"),
  };
}

/** Before a deployment ends: the names of who is in the middle of it. */
export function atWorkText(names: readonly string[]): string {
  if (names.length === 0) return "No machine is at work on it.";
  return `${countIsText(names.length, "machine")} at work on it and may be left with a disk that does not start: ${namesText(names)}.`;
}

export const operators: Record<RuleCondition["operator"], string> = {
  like: "is like (* and ?)",
  notLike: "is not like",
  equals: "is",
  notEquals: "is not",
  atLeast: "is at least",
  atMost: "is at most",
};

export const ruleFacts: Record<RuleCondition["fact"], string> = {
  name: "name",
  model: "model",
  manufacturer: "manufacturer",
  serial: "serial number",
  uuid: "UUID",
  mac: "MAC",
  firmware: "firmware",
  operatingSystem: "operating system",
  agentVersion: "agent's version",
  memoryBytes: "memory in bytes",
};

export function ruleText(rule: CollectionRule | null): string {
  const conditions = rule?.conditions ?? [];
  return conditions
    .map(({ fact, operator, value }) => `${ruleFacts[fact]} ${operators[operator]} ${value}`)
    .join(rule?.match === "any" ? " or " : " and ");
}

/** As its agent calls it, else as the site was told. */
export function deviceName({ facts, name }: DeviceRecord): string {
  return facts?.name ?? name;
}

export function deviceState({ machineId, state }: DeviceRecord): string {
  if (machineId === null) return state;
  return state === "approved" ? "enrolled" : `enrolled, ${state}`;
}
