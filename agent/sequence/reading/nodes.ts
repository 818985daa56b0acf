/** Groups, steps and child sequences: `<group>`, `<step>`, `<subtasksequence>`. */
import { recognizeStep } from "../step-types.ts";
import type {
  ChildSequence,
  Condition,
  SequenceGroup,
  SequenceNode,
  SequenceStep,
  StepVariable,
} from "../tree.ts";
import { conditionContent } from "./conditions.ts";
import type { Content, Element } from "./document.ts";
import { readingLimits } from "./limits.ts";
import { type Problems, quoted, tooLarge } from "./problems.ts";
import { Attributes, readCodes, textContent, variableListContent } from "./values.ts";

/** What a sequence's elements share while they are read. */
export interface Reading {
  problems: Problems;
  nodes: number;
  /** What only MDT, and what only Configuration Manager writes: how often it was seen. */
  toolkitSigns: number;
  managerSigns: number;
}

const common = ["name", "description", "continueOnError", "disable"];
const ofGroup = [...common, "expand"];
const ofStep = common.concat("type runIn successCodeList retryCount runFromNet timeout startIn".split(" "));

/** Contents of a node, or null for an element that is none. */
export function nodeContent(element: Element, reading: Reading, siblings: SequenceNode[]): Content | null {
  switch (element.name) {
    case "group":
      return counted(element, reading, () => groupContent(element, reading, siblings));
    case "step":
      return counted(element, reading, () => stepContent(element, reading, siblings));
    case "subtasksequence":
      return counted(element, reading, () => stepContent(element, reading, siblings));
    default:
      return null;
  }
}

function counted(element: Element, reading: Reading, make: () => Content): Content {
  reading.nodes += 1;
  if (reading.nodes > readingLimits.nodes) {
    throw tooLarge(
      `Line ${element.line}: the sequence has more than ${readingLimits.nodes} steps and groups`,
    );
  }
  return make();
}

function groupContent(element: Element, reading: Reading, siblings: SequenceNode[]): Content {
  const { problems } = reading;
  const attributes = new Attributes(element, problems, ofGroup);
  if (attributes.has("expand")) reading.toolkitSigns += 1;
  const group: SequenceGroup = { kind: "group", ...facts(element, attributes, problems), nodes: [] };
  // In its place before its contents, so that a deep nest needs no second pass.
  siblings.push(group);
  const takeCondition = conditionTaker(element, problems, (condition) => {
    group.condition = condition;
  });
  return {
    child: (child) => {
      if (child.name === "condition") return conditionContent(child, problems, takeCondition);
      if (child.name === "action") return emptyAction(child, problems);
      return nodeContent(child, reading, group.nodes);
    },
    end: () => {},
  };
}

/** MDT's editor leaves an `<action />` in groups; a group has nothing to run. */
export function emptyAction(element: Element, problems: Problems): Content {
  return textContent(element, problems, (text) => {
    if (text.trim() !== "") {
      problems.error(element.line, `A group cannot run the action ${quoted(text.trim())}`);
    }
  });
}

function stepContent(element: Element, reading: Reading, siblings: SequenceNode[]): Content {
  const { problems } = reading;
  const attributes = new Attributes(element, problems, ofStep);
  if (attributes.has("startIn") || attributes.text("type") === "") reading.toolkitSigns += 1;
  if (attributes.has("runFromNet") || attributes.has("retryCount")) reading.managerSigns += 1;
  let action: string | null = null;
  let condition: Condition | null = null;
  let hasVariables = false;
  const variables: StepVariable[] = [];
  const takeCondition = conditionTaker(element, problems, (taken) => {
    condition = taken;
  });
  const takeAction = (text: string): void => {
    if (action !== null) problems.error(element.line, "A step has two actions; the last is taken");
    action = text.trim();
  };
  return {
    child: (child) => {
      switch (child.name) {
        case "condition":
          return conditionContent(child, problems, takeCondition);
        case "action":
          return textContent(child, problems, takeAction);
        case "defaultVarList":
          if (hasVariables) problems.warning(child.line, "A step has two lists of variables; both are taken");
          hasVariables = true;
          return variableListContent(child, problems, variables);
        default:
          return null;
      }
    },
    end: () => {
      const made = { ...facts(element, attributes, problems), condition };
      const step = makeStep({ element, attributes, problems, made, action: action ?? "", variables });
      siblings.push(step.type === "SubTasksequence" ? makeChild(step, problems) : step);
    },
  };
}

interface StepParts {
  element: Element;
  attributes: Attributes;
  problems: Problems;
  made: ReturnType<typeof facts>;
  action: string;
  variables: StepVariable[];
}

function makeStep({ element, attributes, problems, made, action, variables }: StepParts): SequenceStep {
  const writtenType = attributes.text("type");
  const isChild = element.name === "subtasksequence";
  const known = recognizeStep(isChild ? "SMS_TaskSequence_SubTasksequence" : writtenType, action);
  if (known === null) {
    const what =
      writtenType === "" ? "has no type and no action" : `is of the unknown type ${quoted(writtenType)}`;
    problems.error(element.line, `The step ${quoted(made.name)} ${what}`);
  } else if (isChild && writtenType !== "" && recognizeStep(writtenType, action) !== known) {
    problems.error(
      element.line,
      `A <subtasksequence> is of the type ${quoted(writtenType)}: read as a child sequence`,
    );
  }
  for (const variable of known === null ? [] : variables) {
    if (variable.name === "" || known?.knows(variable) === true) continue;
    problems.warning(
      variable.line,
      `The variable ${quoted(variable.name)} is not one of the step type ${known?.title ?? ""}`,
    );
  }
  const timeout = attributes.number("timeout");
  return {
    kind: "step",
    ...made,
    writtenType,
    type: known?.type ?? null,
    runIn: attributes.runIn("runIn"),
    successCodes: attributes.codes("successCodeList") ??
      codesOf(variables) ?? [...(known?.successCodes ?? [0])],
    retryCount: attributes.number("retryCount") ?? retriesOf(variables),
    timeoutSeconds: timeout === 0 ? null : timeout,
    runFromNet: attributes.boolean("runFromNet"),
    startIn: attributes.text("startIn"),
    action,
    variables,
  };
}

/** The class's property, for a step without the attribute that the console makes of it. */
function codesOf(variables: readonly StepVariable[]): number[] | null {
  const written = variables.find(({ property }) => /^SuccessCodes$/i.test(property))?.value ?? "";
  const { codes, wrong } = readCodes(written);
  return codes.length === 0 || wrong !== null ? null : codes;
}

/** As codesOf, of RetryCount. */
function retriesOf(variables: readonly StepVariable[]): number {
  const written = variables.find(({ property }) => /^RetryCount$/i.test(property))?.value.trim() ?? "";
  return /^\d{1,3}$/.test(written) ? Number(written) : 0;
}

/** Source: "Run Task Sequence" step: the child's own steps decide what succeeds and is repeated. */
function makeChild(step: SequenceStep, problems: Problems): ChildSequence {
  const value = (...names: string[]): string => {
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    const found = step.variables.find(({ property }) => wanted.has(property.toLowerCase()));
    return found?.value.trim() ?? "";
  };
  const { name, description, line, disabled, continueOnError, condition, variables } = step;
  const sequencePackageId = value("TsPackageID", "SubTaskSequenceID") || value("SubTaskSequenceGUID");
  if (sequencePackageId === "") {
    problems.error(line, `The child sequence ${quoted(name)} does not say which task sequence it runs`);
  }
  if (
    step.runIn !== "WinPEandFullOS" ||
    step.timeoutSeconds !== null ||
    step.retryCount > 0 ||
    step.startIn !== ""
  ) {
    problems.warning(line, `${quoted(name)} limits where or how long a child sequence runs, which it cannot`);
  }
  return {
    kind: "child",
    name,
    description,
    line,
    disabled,
    continueOnError,
    condition,
    variables,
    sequenceName: value("TsName"),
    sequencePackageId,
  };
}

function facts(element: Element, attributes: Attributes, problems: Problems) {
  const name = attributes.text("name");
  if (name === "") problems.warning(element.line, `A <${element.name}> has no name`);
  return {
    name,
    description: attributes.text("description"),
    line: element.line,
    disabled: attributes.boolean("disable"),
    continueOnError: attributes.boolean("continueOnError"),
    condition: null as Condition | null,
  };
}

/** Two conditions of one node hold together. */
function conditionTaker(
  element: Element,
  problems: Problems,
  set: (condition: Condition | null) => void,
): (condition: Condition | null) => void {
  let before: Condition | null = null;
  let count = 0;
  return (condition) => {
    count += 1;
    if (count === 2) problems.warning(element.line, "There are two conditions here; both have to hold");
    if (before !== null && condition !== null) {
      before = { kind: "and", conditions: [before, condition], line: element.line };
    } else {
      before ??= condition;
    }
    set(before);
  };
}
