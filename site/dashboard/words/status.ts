/** Which status messages are wanted, as the address of the site's answer says it. */
import type { Severity } from "../../../contract/status-messages.ts";

/** As the fields of the filter hold it; empty: any. */
export interface StatusFilter {
  machineId: string;
  deploymentId: string;
  severity: string;
  messageId: string;
  /** As `datetime-local` has them: the reader's own time. */
  from: string;
  to: string;
}

export const anyStatus: StatusFilter = {
  machineId: "",
  deploymentId: "",
  severity: "",
  messageId: "",
  from: "",
  to: "",
};

export const severityTexts: Record<Severity, string> = {
  information: "information",
  warning: "warning",
  error: "error",
};

/** "severity=error&limit=200"; `more` is put behind. */
export function statusQuery(filter: StatusFilter, more: Record<string, string>): string {
  const { from, to, ...same } = filter;
  const iso = (time: string): string => (time === "" ? "" : new Date(time).toISOString());
  const all = { ...same, from: iso(from), to: iso(to), ...more };
  const told = Object.entries(all).filter(([, value]) => value !== "");
  return new URLSearchParams(told.map(([name, value]) => [name, value])).toString();
}
