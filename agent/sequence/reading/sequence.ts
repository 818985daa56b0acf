/** `<sequence>`: the whole of one task sequence, by whichever product. */
import { whyNotSet } from "../environment.ts";
import type { PackageReference, Sequence, StepVariable } from "../tree.ts";
import type { Content, Element } from "./document.ts";
import { emptyAction, nodeContent, type Reading } from "./nodes.ts";
import type { Problems } from "./problems.ts";
import { quoted } from "./problems.ts";
import { Attributes, expectNoAttributes, variableListContent } from "./values.ts";

const versions = ["3.00", "3.10"];

/** `finish` is called at the end tag, with what was read; its problems are in no list but the sequence's. */
export function sequenceContent(
  element: Element,
  problems: Problems,
  finish: (sequence: Sequence, problems: Problems) => void,
): Content {
  const attributes = new Attributes(element, problems, ["version", "name", "description"]);
  const reading: Reading = { problems, nodes: 0, toolkitSigns: 0, managerSigns: 0 };
  if (attributes.has("name") || attributes.has("description")) reading.toolkitSigns += 1;
  const version = attributes.text("version").trim();
  if (!versions.includes(version)) {
    problems.warning(
      element.line,
      `The sequence is of version ${quoted(version)}; ${versions.join(" and ")} are known`,
    );
  }
  const sequence: Sequence = {
    format: "configmgr",
    version,
    name: attributes.text("name"),
    description: attributes.text("description"),
    bootImageId: "",
    references: [],
    globalVariables: [],
    nodes: [],
    problems: [],
  };
  return {
    child: (child) => {
      switch (child.name) {
        case "referenceList":
          reading.managerSigns += 1;
          return referenceListContent(child, problems, sequence.references);
        case "globalVarList":
          return variableListContent(child, problems, sequence.globalVariables);
        case "action":
          return emptyAction(child, problems);
        default:
          return nodeContent(child, reading, sequence.nodes);
      }
    },
    end: () => {
      // Both products write 3.00, and tools mix what is theirs; only Configuration Manager writes 3.10.
      const isToolkit = version !== "3.10" && reading.toolkitSigns > reading.managerSigns;
      sequence.format = isToolkit ? "mdt" : "configmgr";
      sequence.globalVariables = sequence.globalVariables.filter((variable) =>
        isSettable(variable, problems),
      );
      finish(sequence, problems);
    },
  };
}

/** What cannot be a variable is left out, and the rest of the sequence runs without it. */
function isSettable({ line, name, value }: StepVariable, problems: Problems): boolean {
  // Of what has no name the list has said so.
  if (name === "") return false;
  const why = whyNotSet(name.trim(), value, true);
  if (why !== null) problems.error(line, `A variable of the sequence is left out: ${why}`);
  return why === null;
}

function referenceListContent(element: Element, problems: Problems, list: PackageReference[]): Content {
  expectNoAttributes(element, problems);
  return {
    child: (child) => {
      if (child.name !== "reference") return null;
      const attributes = new Attributes(child, problems, ["package", "program"]);
      const packageId = attributes.text("package").trim();
      if (packageId === "") problems.error(child.line, "A <reference> names no package");
      else list.push({ packageId, program: attributes.text("program"), line: child.line });
      return { child: () => null, end: () => {} };
    },
    end: () => {},
  };
}
