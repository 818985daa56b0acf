/** Which variables a sequence reads that nothing sets. */
import type {
  Condition,
  Sequence,
  SequenceNode,
  SequenceProblem,
  SequenceStep,
  StepVariable,
} from "../tree.ts";
import { walkConditions, walkNodes } from "../walk.ts";
import { isKnownVariable, whyEmpty } from "./known-variables.ts";
import { listSetBy, namesSetBy } from "./named-variables.ts";
import { scriptOf } from "./scripts.ts";

interface Read {
  name: string;
  line: number;
  times: number;
}

const reference = /%([A-Za-z_][\w()-]{0,255})%/g;
/** In WQL, % stands for any characters; so what a LIKE compares with is no variable. */
const wqlPattern = /\blike\s+(["'])[^"']{0,4000}\1/gi;
const scriptValue = /\.Value\(\s*["']([\w-]{1,256})["']\s*\)\s*(=(?!=))?/gi;
const commandSet = /\btsenv\w{0,8}(?:\.exe)?"?\s+(?:set\s+)?"?([\w-]{1,256})=/gi;
const ruleRead = /<variable name="Variable">([^<]{1,256})</g;

/**
 * Where a deployment share is: MDT's wizard sets these before a sequence, and here nobody does but a step that uses the
 * toolkit's package. The toolkit's own steps do not need them; what a command line does with them does.
 */
const ofShare = new Set(["scriptroot", "deployroot", "resourceroot", "toolroot", "deploydrive"]);
const runsItsAction = new Set(["RunCommandLine", "RunPowerShellScript", "BDD_RunPowerShellAction"]);

export function variablesNeverSet(sequence: Sequence): SequenceProblem[] {
  const use = new VariableUse();
  for (const variable of sequence.globalVariables) use.set(variable.name, true);
  const disabledDepths: number[] = [];
  for (const { node, groups, leaving } of walkNodes(sequence.nodes)) {
    if (leaving) {
      if (disabledDepths.at(-1) === groups.length) disabledDepths.pop();
      continue;
    }
    if (node.kind === "group" && node.disabled) disabledDepths.push(groups.length);
    use.node(node, !node.disabled && disabledDepths.length === 0);
  }
  return use.problems();
}

class VariableUse {
  /** Lower-case name to whether a step that is not disabled sets it. */
  readonly #sets = new Map<string, boolean>();
  readonly #setPrefixes = new Set<string>();
  readonly #reads = new Map<string, Read>();
  readonly #share = new Map<string, Read>();

  set(name: string, isEnabled: boolean): void {
    const key = name.trim().toLowerCase();
    this.#sets.set(key, isEnabled || this.#sets.get(key) === true);
  }

  node(node: SequenceNode, isEnabled: boolean): void {
    if (node.kind !== "group") for (const variable of node.variables) this.#setBy(variable, isEnabled);
    if (!isEnabled) return;
    for (const condition of walkConditions(node.condition)) this.#condition(condition);
    if (node.kind === "group") return;
    // What a step has as its own variables is there while it runs.
    const own = new Set(node.variables.map(({ name }) => name.toLowerCase()));
    if (node.kind === "step") {
      if (/^BDD_UsePackage$/i.test(node.type ?? "")) for (const name of ofShare) this.set(name, isEnabled);
      if (runsItsAction.has(node.type ?? "")) this.#places(node);
      this.#text(node.action, node.line, own);
      this.#text(node.startIn, node.line, own);
    }
    for (const variable of node.variables) this.#value(variable, own);
  }

  #places({ action, line, variables }: SequenceStep): void {
    for (const text of [action, ...variables.map(({ value }) => value)]) {
      for (const [, name = ""] of text.matchAll(reference)) {
        if (ofShare.has(name.toLowerCase())) countRead(this.#share, name, line);
      }
    }
  }

  problems(): SequenceProblem[] {
    const problems: SequenceProblem[] = [];
    for (const [key, { line, name, times }] of this.#share) {
      if (this.#sets.get(key) === true) continue;
      const often = times > 1 ? ` (${times} times)` : "";
      const text = `The variable ${name} is read${often}, but there is no deployment share here: a step Use Toolkit Package or the deployment has to set it`;
      problems.push({ line, severity: "warning", text });
    }
    for (const [key, { line, name, times }] of this.#reads) {
      const isSet = this.#sets.get(key);
      if (isSet === true || isKnownVariable(key) || this.#hasPrefix(key)) continue;
      const often = times > 1 ? ` (${times} times)` : "";
      const why = whyEmpty(key);
      const who =
        isSet === false
          ? "only disabled steps set it"
          : why !== null
            ? `${name.startsWith("_") ? "it is empty here:" : "nothing in this sequence sets it, and"} ${why}`
            : "nothing in this sequence sets it; a collection, a device, a rules file or a script has to";
      problems.push({ line, severity: "warning", text: `The variable ${name} is read${often}, but ${who}` });
    }
    return problems;
  }

  #hasPrefix(key: string): boolean {
    const stem = key.replace(/\d+$/, "");
    return stem !== key && this.#setPrefixes.has(stem);
  }

  #read(name: string, line: number, own?: ReadonlySet<string>): void {
    if (own?.has(name.toLowerCase()) !== true) countRead(this.#reads, name, line);
  }

  #text(text: string, line: number, own?: ReadonlySet<string>): void {
    for (const [, name = ""] of text.matchAll(reference)) this.#read(name, line, own);
  }

  #condition(condition: Condition): void {
    const { line } = condition;
    switch (condition.kind) {
      case "variable":
        if (/^[\w()-]+$/.test(condition.variable)) this.#read(condition.variable, line);
        this.#text(condition.value, line);
        return;
      case "file":
      case "folder":
        this.#text(condition.path, line);
        return;
      case "registry":
        for (const text of [condition.keyPath, condition.value, condition.data]) this.#text(text, line);
        return;
      case "wmi":
        this.#text(condition.query.replaceAll(wqlPattern, " "), line);
        return;
      default:
    }
  }

  #value({ line, name, property, value }: StepVariable, own: ReadonlySet<string>): void {
    if (/^SourceScript$/i.test(property)) {
      for (const [, read = "", isSet] of scriptOf(value).matchAll(scriptValue)) {
        if (isSet === undefined) this.#read(read, line, own);
      }
      return;
    }
    this.#text(value, line, own);
    for (const [, read = "", isSet] of value.matchAll(scriptValue)) {
      if (isSet === undefined) this.#read(read, line, own);
    }
    if (/^Rules$/i.test(property)) {
      for (const [, read = ""] of value.matchAll(ruleRead)) this.#read(read, line);
    }
    if (/^BaseVariableName$/i.test(name) && /^[\w-]+$/.test(value.trim())) this.#base(value.trim(), line);
  }

  /** Source: "Install Application", "Install Package": a list in BASE01, BASE02 or BASE001, BASE002 and so on. */
  #base(base: string, line: number): void {
    const first = ["01", "001", "1"].map((index) => `${base.toLowerCase()}${index}`);
    const isSet =
      first.some((name) => this.#sets.get(name) === true) || this.#setPrefixes.has(base.toLowerCase());
    if (!isSet) this.#read(`${base}01`, line);
  }

  #setBy(variable: StepVariable, isEnabled: boolean): void {
    const { name, property, value } = variable;
    for (const set of namesSetBy(variable)) this.set(set, isEnabled);
    const list = listSetBy(variable);
    if (list !== null) this.#setPrefixes.add(list.toLowerCase());
    if (/^CommandLine$/i.test(name)) {
      for (const [, set = ""] of value.matchAll(commandSet)) this.set(set, isEnabled);
    }
    const script = /^SourceScript$/i.test(property) ? scriptOf(value) : value;
    for (const [, set = "", isSet] of script.matchAll(scriptValue)) {
      if (isSet !== undefined) this.set(set, isEnabled);
    }
  }
}

function countRead(reads: Map<string, Read>, name: string, line: number): void {
  const key = name.toLowerCase();
  const read = reads.get(key);
  if (read === undefined) reads.set(key, { name, line, times: 1 });
  else read.times += 1;
}
