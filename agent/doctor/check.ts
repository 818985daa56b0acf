/** What the doctor finds, a check at a time. */
export type Verdict = "ok" | "warning" | "fault";

/** In the order in which they are told. */
export const checkNames = [
  "route",
  "link",
  "connection",
  "enrolment",
  "examination",
  "unicast",
  "multicast",
  "firewall",
  "interface",
  "packet-size",
  "loss",
  "rate",
  "querier",
  "membership",
] as const;
export type CheckName = (typeof checkNames)[number];

export interface Check {
  name: CheckName;
  verdict: Verdict;
  /** What was measured, a sentence without a full stop. */
  detail: string;
  /** What to do, a sentence; empty when there is nothing to do. */
  remedy: string;
}

export function ok(name: CheckName, detail: string): Check {
  return { name, verdict: "ok", detail, remedy: "" };
}
export function warning(name: CheckName, detail: string, remedy: string): Check {
  return { name, verdict: "warning", detail, remedy };
}
export function fault(name: CheckName, detail: string, remedy: string): Check {
  return { name, verdict: "fault", detail, remedy };
}

export function worst(checks: readonly Check[]): Verdict {
  for (const verdict of ["fault", "warning"] as const) {
    if (checks.some((check) => check.verdict === verdict)) return verdict;
  }
  return "ok";
}

const marks: Record<Verdict, string> = { ok: "ok", warning: "WARNING", fault: "FAULT" };
const nameColumns = Math.max(...checkNames.map((name) => name.length)) + 2;

/** A line, and below it the remedy. */
export function checkLines({ detail, name, remedy, verdict }: Check): string {
  const line = `${marks[verdict].padEnd(9)}${name.padEnd(nameColumns)}${detail}\n`;
  return remedy === "" ? line : `${line}${" ".repeat(9)}${"do:".padEnd(nameColumns)}${remedy}\n`;
}

export function reportJson(checks: readonly Check[]): string {
  return `${JSON.stringify({ verdict: worst(checks), checks }, null, 2)}\n`;
}
