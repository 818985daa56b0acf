/** Writes docs/STEPS.md from the catalogue: `node dist/scripts/steps-document.js > docs/STEPS.md`. */
import { pathToFileURL } from "node:url";
import type { SystemName } from "../agent/sequence/tree.ts";
import { stepKinds } from "../agent/steps/catalogue.ts";
import type { StepKind } from "../agent/steps/step.ts";

const systems: readonly SystemName[] = ["winpe", "linuxpe", "windows", "linux"];
const isToolkit = ({ type }: StepKind): boolean => /^(BDD_|ZTI|LTI)/.test(type);

export function stepsDocument(): string {
  return [
    "# Steps",
    "",
    "Every step of a task sequence and what it does in Windows PE, in a Linux PE, in Windows and in Linux. **real**: what",
    "the documentation of the step says. **adapted**: another way to the same end, which the notes name. **–**: it does not",
    "run there, for the reason in the notes; it fails with 0x80070032 when a sequence has it run there all the same. A",
    "child sequence (Run Task Sequence) is no step: the engine runs it as a part of the sequence, **real** on every system.",
    "*once*: the step is not run a second time when the agent was killed while it ran. This page is written from",
    "`agent/steps/catalogue.ts`; a test holds the two together.",
    "",
    "## Configuration Manager",
    "",
    ...table(stepKinds.filter((kind) => !isToolkit(kind))),
    "",
    "## Microsoft Deployment Toolkit",
    "",
    ...table(stepKinds.filter(isToolkit)),
    "",
  ].join("\n");
}

function table(kinds: readonly StepKind[]): string[] {
  return [
    "| step | type | Windows PE | Linux PE | Windows | Linux | notes |",
    "|---|---|---|---|---|---|---|",
    ...kinds.map((kind) => {
      const cells = systems.map((system) => {
        const support = kind.support[system];
        return support.kind === "unsupported" ? "–" : support.kind;
      });
      return `| ${kind.title} | \`${kind.type}\` | ${cells.join(" | ")} | ${notes(kind)} |`;
    }),
  ];
}

const systemNames: Record<SystemName, string> = {
  winpe: "Windows PE",
  linuxpe: "Linux PE",
  windows: "Windows",
  linux: "Linux",
};

/** Each reason once, with the systems it is for. */
function notes(kind: StepKind): string {
  const reasons = new Map<string, string[]>();
  for (const system of systems) {
    const support = kind.support[system];
    if (support.kind === "real") continue;
    reasons.set(support.reason, [...(reasons.get(support.reason) ?? []), systemNames[system]]);
  }
  const texts = [...reasons].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
  if (!kind.repeatable) texts.unshift("*once*");
  return texts.join(". ");
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(stepsDocument());
}
