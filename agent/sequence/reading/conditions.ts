/**
 * `<condition>` and what may stand in it. Source: "SMS_TaskSequence_Condition server WMI class" (its operands are one
 * and), "…_ConditionOperator", "…_OSConditionGroup" (or) of "…_OSExpressionGroup" (and), and the classes of the
 * expressions.
 */
import type { Comparison, Condition } from "../tree.ts";
import type { Content, Element } from "./document.ts";
import { type Problems, quoted } from "./problems.ts";
import { Attributes, expectNoAttributes } from "./values.ts";

const comparisons = ["equals", "notEquals", "less", "lessEqual", "greater", "greaterEqual"];
const existence = ["exists", "notExists"];
const variableOperators = operatorTable([...existence, ...comparisons, "like", "notLike"]);
const registryOperators = operatorTable([...existence, ...comparisons, "like", "notLike"]);
const propertyOperators = operatorTable(comparisons);
const softwareOperators = operatorTable(["AnyVersion", "ThisVersion"]);

const kinds: Readonly<Record<string, "and" | "or" | "not">> = { and: "and", or: "or", not: "not" };
const groupAttributes: Readonly<Record<string, readonly string[]>> = {
  operator: ["type"],
  osConditionGroup: ["type"],
  osExpressionGroup: ["type", "name", "archKey", "maxVerKey", "minVerKey", "typeKey"].concat(
    ["ArchKey", "MaxVerKey", "MinVerKey", "TypeKey"].flatMap((key) => [
      `platform${key}`,
      `Platform${key}`,
      key,
    ]),
    ["Name"],
  ),
};

/** `take` gets null for a condition that holds always. */
export function conditionContent(
  element: Element,
  problems: Problems,
  take: (condition: Condition | null) => void,
): Content {
  expectNoAttributes(element, problems);
  const conditions: Condition[] = [];
  return {
    child: (child) => operandContent(child, problems, conditions),
    end: () => {
      const [only = null] = conditions;
      take(conditions.length < 2 ? only : { kind: "and", conditions, line: element.line });
    },
  };
}

function operandContent(element: Element, problems: Problems, siblings: Condition[]): Content | null {
  if (element.name === "expression") return expressionContent(element, problems, siblings);
  const known = groupAttributes[element.name];
  if (known === undefined) return null;
  const attributes = new Attributes(element, problems, known);
  const written = attributes.text("type").trim().toLowerCase();
  const implied = element.name === "osConditionGroup" ? "or" : "and";
  const kind = kinds[written === "" && element.name !== "operator" ? implied : written];
  const conditions: Condition[] = [];
  const { line } = element;
  if (kind === undefined) {
    problems.error(line, `The operator ${quoted(attributes.text("type"))} of a condition is not known`);
    siblings.push({ kind: "unknown", type: `operator ${attributes.text("type")}`, line });
  } else {
    siblings.push({ kind, conditions, line });
  }
  return {
    child: (child) => operandContent(child, problems, conditions),
    end: () => {},
  };
}

function expressionContent(element: Element, problems: Problems, siblings: Condition[]): Content {
  const type = new Attributes(element, problems, ["type"]).text("type").trim();
  const values = new ExpressionValues(type, element.line, problems);
  return {
    child: (child) => {
      if (child.name !== "variable") return null;
      const name = new Attributes(child, problems, ["name"]).text("name");
      return {
        takesText: true,
        child: () => null,
        end: (text) => values.add(name, text, child.line),
      };
    },
    end: () => {
      siblings.push(values.condition());
    },
  };
}

/** The `<variable>`s of one expression, and the condition they make. */
class ExpressionValues {
  readonly #type: string;
  readonly #line: number;
  readonly #problems: Problems;
  readonly #values = new Map<string, { name: string; text: string; line: number }>();

  constructor(type: string, line: number, problems: Problems) {
    this.#type = type;
    this.#line = line;
    this.#problems = problems;
  }

  add(name: string, text: string, line: number): void {
    const key = name.toLowerCase();
    if (this.#values.has(key)) {
      this.#problems.error(line, `${quoted(name)} stands twice in one condition; the first is taken`);
      return;
    }
    this.#values.set(key, { name, text, line });
  }

  condition(): Condition {
    const condition = this.#make();
    for (const { name, line } of this.#values.values()) {
      if (condition.kind === "unknown") break;
      this.#problems.warning(
        line,
        `${quoted(name)} is not known in a condition of type ${quoted(this.#type)}`,
      );
    }
    return condition;
  }

  #make(): Condition {
    const line = this.#line;
    switch (this.#type.toLowerCase()) {
      case "sms_tasksequence_variableconditionexpression": {
        const variable = this.#required("Variable");
        const operator = this.#operator("Operator", variableOperators);
        return { kind: "variable", variable, operator, value: this.#take("Value"), line };
      }
      case "sms_tasksequence_fileconditionexpression": {
        const path = this.#required("Path");
        const version = this.#comparison("Version");
        return { kind: "file", path, version, dateTime: this.#comparison("DateTime"), line };
      }
      case "sms_tasksequence_folderconditionexpression":
        return { kind: "folder", path: this.#required("Path"), dateTime: this.#comparison("DateTime"), line };
      case "sms_tasksequence_registryconditionexpression": {
        const keyPath = this.#required("KeyPath");
        const operator = this.#operator("Operator", registryOperators);
        const [value, type, data] = [this.#take("Value"), this.#take("Type"), this.#take("Data")];
        return { kind: "registry", keyPath, value, type, operator, data, line };
      }
      case "sms_tasksequence_wmiconditionexpression": {
        const namespace = this.#take("Namespace");
        return { kind: "wmi", namespace, query: this.#required("Query"), line };
      }
      case "sms_tasksequence_softwareconditionexpression": {
        const operator = this.#operator("Operator", softwareOperators);
        const [productCode, productName] = [this.#take("ProductCode"), this.#take("ProductName")];
        const [upgradeCode, version] = [this.#take("UpgradeCode"), this.#take("Version")];
        return { kind: "software", productCode, productName, upgradeCode, version, operator, line };
      }
      default:
        this.#problems.error(line, `The condition type ${quoted(this.#type)} is not known`);
        return { kind: "unknown", type: this.#type, line };
    }
  }

  #take(name: string): string {
    const key = name.toLowerCase();
    const text = this.#values.get(key)?.text ?? "";
    this.#values.delete(key);
    return text;
  }

  #required(name: string): string {
    const text = this.#take(name);
    if (text.trim() === "") {
      this.#problems.error(this.#line, `A condition of type ${quoted(this.#type)} has no ${name}`);
    }
    return text;
  }

  /** In the documentation's spelling when it is known. */
  #operator(name: string, known: ReadonlyMap<string, string>): string {
    const line = this.#values.get(name.toLowerCase())?.line ?? this.#line;
    const written = this.#take(name).trim();
    const operator = known.get(written.toLowerCase());
    if (operator === undefined) {
      const what = written === "" ? `has no ${name}` : `has the unknown operator ${quoted(written)}`;
      this.#problems.error(line, `A condition of type ${quoted(this.#type)} ${what}`);
    }
    return operator ?? written;
  }

  /** Of a file's or folder's property: null when it is not compared. */
  #comparison(name: string): Comparison | null {
    const isThere = this.#values.has(`${name.toLowerCase()}operator`);
    const value = this.#take(name);
    if (!isThere && value === "") return null;
    return { operator: this.#operator(`${name}Operator`, propertyOperators), value };
  }
}

/** Lower case to the documentation's spelling, which is "nonExists" in one place and "notExists" in files. */
function operatorTable(operators: readonly string[]): ReadonlyMap<string, string> {
  const table = new Map(operators.map((operator) => [operator.toLowerCase(), operator]));
  if (table.has("notexists")) table.set("nonexists", "notExists");
  return table;
}
