/**
 * The toolkit's sequences set up a Windows before it is there: in the phase PREINSTALL their steps write into the answer
 * file and the folders that Install Operating System takes along. Here each is kept, and done when the image is applied.
 */
import { setOutput, succeeded } from "../step-kind.ts";
import type { StepContext, StepKind, StepOutcome } from "../step.ts";
import { delegate } from "./delegate.ts";

/** JSON of type and properties, in the order in which they were met. */
const keptVariable = "_VolleyAfterInstall";
const early = new Set(["VALIDATION", "STATECAPTURE", "PREINSTALL"]);

interface Kept {
  type: string;
  properties: Record<string, string>;
}

/** Nothing is applied yet, and a step of the toolkit will do that. */
export function isBeforeInstall({ system, variables }: StepContext): boolean {
  const applied = variables.get("OSDTargetSystemDrive") + variables.get("OSDTargetSystemRoot");
  return (
    (system === "winpe" || system === "linuxpe") &&
    applied === "" &&
    early.has(variables.get("PHASE").toUpperCase()) &&
    variables.get("DeploymentMethod").toUpperCase() !== "SCCM"
  );
}

/** The kind, which waits for the image where that is not there yet. */
export function afterInstall(kind: StepKind): StepKind {
  return {
    ...kind,
    perform(context) {
      if (!isBeforeInstall(context)) return kind.perform(context);
      const properties = context.step.variables.map(({ property }) => [property, context.property(property)]);
      const kept: Kept = {
        type: kind.type,
        properties: Object.fromEntries(properties) as Kept["properties"],
      };
      const all = keptOf(context).filter(({ type }) => type !== kind.type);
      setOutput(context, keptVariable, JSON.stringify([...all, kept]));
      return Promise.resolve(succeeded("It is done when the operating system is applied"));
    },
  };
}

function keptOf({ variables }: StepContext): Kept[] {
  const text = variables.get(keptVariable);
  return text === "" ? [] : (JSON.parse(text) as Kept[]);
}

/** What was kept, by the kinds that have it; the first failure ends it. */
export async function performKept(context: StepContext, kinds: readonly StepKind[]): Promise<StepOutcome> {
  const texts: string[] = [];
  const outputs: string[] = [];
  for (const { properties, type } of keptOf(context)) {
    const kind = kinds.find((one) => one.type === type);
    if (kind === undefined) continue;
    const outcome = await delegate(context, kind, properties);
    if (outcome.exitCode !== 0) return { ...outcome, text: `${kind.title}: ${outcome.text}` };
    texts.push(outcome.text);
    outputs.push(outcome.output);
  }
  setOutput(context, keptVariable, "");
  return succeeded(texts.join(". "), outputs.filter((output) => output !== "").join("\n"));
}
