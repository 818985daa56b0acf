/** What the steps of a sequence may change while it runs: what was known of that before a step is not known after it. */
import type { ChildSequence, SequenceStep } from "../tree.ts";
import { variableKey } from "./constraints.ts";
import { listSetBy, namesSetBy } from "./named-variables.ts";

/** Whose programs are the sequence's own, and may set whatever they like. The toolkit's steps count as scripts, too. */
const runsPrograms = new Set([
  "RunCommandLine",
  "RunPowerShellScript",
  "InstallSoftware",
  "InstallApplication",
]);
const onlySetsVariables = new Set(["SetVariable", "SetDynamicVariables"]);
const restarts = new Set([
  "Reboot",
  "SetupWindowsAndSMS",
  "UpgradeOperatingSystem",
  "JoinDomainWorkgroup",
  "InstallUpdate",
  "PrepareOS",
]);
const restartCode = 3010;

/** What the engine sets with every step. */
const ofEveryStep =
  /^variable (_smsts(lastaction|currentaction|nextinstruction)|smsts(reboot|retry)requested$)/;
/** Documented outputs of steps; what else begins with "_" is of the machine, and changes by restarts alone. */
const ofSteps =
  /^variable (osd|smsts|_osd|_ts|_volley|_smsts(lastcontent|osupgrade|setuprollback|userstate))/;
const ofRestarts = /^variable _/;
const ofVariables = /^variable /;

export class Changes {
  #now = 0;
  #byStep = 0;
  #byWork = 0;
  #byRestart = 0;
  #byProgram = 0;
  readonly #byName = new Map<string, number>();

  /** A moment: how many steps were passed. */
  get now(): number {
    return this.#now;
  }

  /** The step may have run. */
  pass(node: SequenceStep | ChildSequence): void {
    this.#now += 1;
    this.#byStep = this.#now;
    if (node.kind === "child" || mayChangeAnything(node)) {
      this.#byProgram = this.#now;
      return;
    }
    for (const key of keysSetBy(node)) this.#byName.set(key, this.#now);
    if (onlySetsVariables.has(node.type ?? "")) return;
    this.#byWork = this.#now;
    if (restarts.has(node.type ?? "") || node.successCodes.includes(restartCode)) this.#byRestart = this.#now;
  }

  /** The moment after which nothing can have changed what a constraint of this key is about. */
  last(key: string): number {
    const numbered = key.replace(/\d+$/, "#");
    return Math.max(
      this.#byProgram,
      this.#byName.get(key) ?? 0,
      this.#byName.get(numbered) ?? 0,
      ofEveryStep.test(key) ? this.#byStep : 0,
      ofSteps.test(key) || !ofVariables.test(key) ? this.#byWork : 0,
      ofRestarts.test(key) ? this.#byRestart : 0,
    );
  }
}

function mayChangeAnything(node: SequenceStep): boolean {
  if (node.type === null) return true;
  if (runsPrograms.has(node.type) || /^(BDD_|ZTI|LTI)/.test(node.type)) return true;
  // Which variable such a name means is known only when it runs.
  return [...keysSetBy(node)].some((key) => key.includes("%"));
}

function* keysSetBy({ variables }: SequenceStep): Generator<string> {
  for (const variable of variables) {
    for (const name of namesSetBy(variable)) yield variableKey(name);
    const list = listSetBy(variable);
    if (list !== null) yield `${variableKey(list)}#`;
  }
}
