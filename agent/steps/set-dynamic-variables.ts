/** Set Dynamic Variables: rules by computer, place, make and model, or variable; all that hold apply, in order. */
import { codes } from "./codes.ts";
import { problemsOfName } from "./set-variable.ts";
import { everywhere, flag, setting, StepFailure, stepKind, succeeded } from "./step-kind.ts";
import type { StepContext, StepVariables } from "./step.ts";
import { compareValues } from "./values.ts";
import { elementsOf, localName, parseXml, textOf, type XmlElement } from "./xml/document.ts";

export const setDynamicVariables = stepKind({
  type: "SetDynamicVariables",
  title: "Set Dynamic Variables",
  support: everywhere,
  check(step) {
    const text = step.variables.find(({ property }) => property.toLowerCase() === "rules")?.value ?? "";
    if (text === "" || text.includes("%")) return [];
    try {
      for (const rule of readRules(text)) void rule;
      return [];
    } catch (error) {
      return [`The rules cannot be read: ${(error as Error).message}`];
    }
  },
  perform(context) {
    // Written values are replaced one by one when they are set, so that a rule sees what an earlier one has set.
    const written = context.step.variables.find(({ property }) => property.toLowerCase() === "rules")?.value;
    const text = written ?? setting(context, "Rules", "OSDSetDynamicVariablesRules");
    let rules: Rule[];
    try {
      rules = text === "" ? [] : readRules(text);
    } catch (error) {
      throw new StepFailure(codes.invalidData, `The rules cannot be read: ${(error as Error).message}`);
    }
    let applied = 0;
    for (const rule of rules) {
      if (rule.condition !== null && !holds(rule.condition, context.variables)) continue;
      applied += 1;
      for (const assignment of rule.assignments) assign(context, assignment);
    }
    return Promise.resolve(succeeded(`${applied} of ${rules.length} rules held`));
  },
});

interface Assignment {
  name: string;
  value: string;
  secret: boolean;
}
interface Rule {
  condition: XmlElement | null;
  assignments: Assignment[];
}

function assign(context: StepContext, { name, secret, value }: Assignment): void {
  const [problem] = problemsOfName(name);
  if (problem !== undefined) throw new StepFailure(codes.invalidSetting, problem);
  const text = context.variables.expand(value);
  context.variables.set(name, text, { hidden: secret });
  context.log.detail(secret ? `${name} is set; its value is hidden` : `${name} = ${text}`);
}

function readRules(text: string): Rule[] {
  const root = parseXml(text);
  if (localName(root).toLowerCase() !== "rules") throw new Error(`the root is <${root.name}>, not <Rules>`);
  return elementsOf(root).map((rule) => {
    if (localName(rule).toLowerCase() !== "rule") throw new Error(`<${rule.name}> is no rule`);
    let condition: XmlElement | null = null;
    const assignments: Assignment[] = [];
    for (const child of elementsOf(rule)) {
      const name = localName(child).toLowerCase();
      if (name === "condition") condition = child;
      else if (name === "variables") assignments.push(...elementsOf(child).map(readAssignment));
      else throw new Error(`<${child.name}> does not belong into a rule`);
    }
    if (condition !== null) checkCondition(condition);
    return { condition, assignments };
  });
}

function readAssignment(element: XmlElement): Assignment {
  const attribute = (wanted: string): string =>
    [...element.attributes].find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
  return { name: attribute("name"), value: textOf(element), secret: flag(attribute("issecret"), false) };
}

type Judge = (field: (name: string) => string, variables: StepVariables) => boolean;

const splitList = (text: string): string[] =>
  text
    .split(/[,;]/)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "");

/** A field that is not given asks for nothing. "*" and "?" stand for any characters and for one. */
const matchesAny = (pattern: string, values: readonly string[]): boolean =>
  pattern === "" || values.some((value) => wildcard(pattern).test(value));

/** Expressions by the class they are written with; each field is compared with the variable the step fills. */
const judges: Record<string, Judge> = {
  SMS_TaskSequence_ComputerConditionExpression: (field, variables) =>
    matchesAny(field("AssetTag"), [variables.get("_SMSTSAssetTag")]) &&
    matchesAny(field("MacAddress"), splitList(variables.get("_SMSTSMacAddresses"))) &&
    matchesAny(field("SerialNumber"), [variables.get("_SMSTSSerialNumber")]) &&
    matchesAny(field("UUID"), [variables.get("_SMSTSUUID")]),
  SMS_TaskSequence_LocationConditionExpression: (field, variables) =>
    matchesAny(field("DefaultGateway"), splitList(variables.get("_SMSTSDefaultGateways"))),
  SMS_TaskSequence_MakeModelConditionExpression: (field, variables) =>
    matchesAny(field("Make"), [variables.get("_SMSTSMake")]) &&
    matchesAny(field("Model"), [variables.get("_SMSTSModel")]),
  SMS_TaskSequence_VariableConditionExpression: (field, variables) =>
    compareValues(variables.get(field("Variable")), field("Operator"), variables.expand(field("Value"))),
};

function judgeOf(expression: XmlElement): Judge {
  const type = expression.attributes.get("type") ?? "";
  const judge = judges[type];
  if (judge === undefined) throw new Error(`an expression of the type "${type}" is not known`);
  return judge;
}

function checkCondition(element: XmlElement): void {
  for (const child of elementsOf(element)) {
    const name = localName(child).toLowerCase();
    if (name === "operator") checkCondition(child);
    else if (name === "expression") judgeOf(child);
    else throw new Error(`<${child.name}> does not belong into a condition`);
  }
}

function holds(element: XmlElement, variables: StepVariables): boolean {
  const results = elementsOf(element).map((child) => {
    if (localName(child).toLowerCase() === "operator") return holds(child, variables);
    const fields = new Map(
      elementsOf(child).map((field) => [field.attributes.get("name")?.toLowerCase() ?? "", textOf(field)]),
    );
    return judgeOf(child)((name) => fields.get(name.toLowerCase()) ?? "", variables);
  });
  const operator = element.attributes.get("type")?.toLowerCase() ?? "and";
  if (operator === "or") return results.some(Boolean);
  if (operator === "not") return !results.some(Boolean);
  return results.every(Boolean);
}

function wildcard(pattern: string): RegExp {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (character) => {
    if (character === "*") return ".*";
    return character === "?" ? "." : `\\${character}`;
  });
  return new RegExp(`^${source}$`, "is");
}
