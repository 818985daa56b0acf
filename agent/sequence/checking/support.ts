/** Where this build can run a step, and why not elsewhere. */
import type { RunIn, SequenceNode, SystemName } from "../tree.ts";

export type SupportWord = "real" | "adapted" | "unsupported" | "unknown";

/** What a step does on one system, as the step catalogue says it. */
export type StepSupport = { kind: "real" } | { kind: "adapted" | "unsupported"; reason: string };

/** Undefined: this build has no such step. */
export type SupportOf = (type: string) => Readonly<Record<SystemName, StepSupport>> | undefined;

export interface SupportSummary {
  support: Record<SystemName, SupportWord>;
  /** For every system whose word is not "real". */
  reasons: Partial<Record<SystemName, string>>;
}

export const systemNames: readonly SystemName[] = ["winpe", "linuxpe", "windows", "linux"];

const environmentOf: Record<SystemName, Exclude<RunIn, "WinPEandFullOS">> = {
  winpe: "WinPE",
  linuxpe: "WinPE",
  windows: "FullOS",
  linux: "FullOS",
};

export function supportOfNode(
  node: Exclude<SequenceNode, { kind: "group" }>,
  supportOf: SupportOf,
): SupportSummary {
  const summary: SupportSummary = {
    support: { winpe: "unknown", linuxpe: "unknown", windows: "unknown", linux: "unknown" },
    reasons: {},
  };
  // No step of the catalogue: the engine runs a child itself, wherever it runs.
  const isChild = node.kind === "child";
  const known = isChild || node.type === null ? undefined : supportOf(node.type);
  for (const system of systemNames) {
    const judged = isChild
      ? ({ kind: "real" } as const)
      : judge(system, { type: node.type, runIn: node.runIn, known });
    summary.support[system] = judged.kind;
    if (judged.kind !== "real") summary.reasons[system] = judged.reason;
  }
  return summary;
}

interface Judging {
  type: string | null;
  runIn: RunIn;
  known: ReturnType<SupportOf>;
}

function judge(
  system: SystemName,
  { known, runIn, type }: Judging,
): StepSupport | { kind: "unknown"; reason: string } {
  if (type === null) return { kind: "unknown", reason: "the type of the step is not known" };
  if (runIn !== "WinPEandFullOS" && runIn !== environmentOf[system]) {
    const where = runIn === "WinPE" ? "in Windows PE or a Linux PE" : "in the full operating system";
    return {
      kind: "unsupported",
      reason: `the file says that the step runs only ${where} (runIn is ${runIn})`,
    };
  }
  return known?.[system] ?? { kind: "unsupported", reason: "this build has no such step" };
}
