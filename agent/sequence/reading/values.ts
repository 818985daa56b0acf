/** Attributes of elements as values: what is not of its type, and what is not known, is reported by line. */
import type { RunIn, StepVariable } from "../tree.ts";
import type { Content, Element } from "./document.ts";
import { type Problems, quoted } from "./problems.ts";

const int32Most = 2 ** 31 - 1;

export class Attributes {
  readonly #element: Element;
  readonly #problems: Problems;

  /** `known`: what the element may have. */
  constructor(element: Element, problems: Problems, known: readonly string[]) {
    this.#element = element;
    this.#problems = problems;
    reportUnknown(element, problems, known);
  }

  text(name: string): string {
    return this.#element.attributes[name] ?? "";
  }

  has(name: string): boolean {
    return this.#element.attributes[name] !== undefined;
  }

  boolean(name: string): boolean {
    const value = this.text(name).trim().toLowerCase();
    if (value === "" || value === "false") return false;
    if (value === "true") return true;
    this.#wrong(name, "true or false", "false");
    return false;
  }

  /** A whole number from 0; null when there is none. */
  number(name: string): number | null {
    const value = this.text(name).trim();
    if (value === "") return null;
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
    if (number <= int32Most) return number;
    this.#wrong(name, `a whole number from 0 to ${int32Most}`, "nothing");
    return null;
  }

  /** Exit codes as 32 bits without sign; null when there are none. */
  codes(name: string): number[] | null {
    const { codes, wrong } = readCodes(this.text(name));
    if (wrong !== null) this.#wrong(name, "exit codes, separated by spaces", `without ${quoted(wrong)}`);
    return codes.length === 0 ? null : codes;
  }

  runIn(name: string): RunIn {
    const value = this.text(name).trim().toLowerCase();
    switch (value) {
      case "winpe":
        return "WinPE";
      case "fullos":
        return "FullOS";
      case "":
      case "winpeandfullos":
        return "WinPEandFullOS";
      default:
        this.#wrong(name, "WinPE, FullOS or WinPEandFullOS", "WinPEandFullOS");
        return "WinPEandFullOS";
    }
  }

  #wrong(name: string, expected: string, taken: string): void {
    const { line, name: element } = this.#element;
    const value = quoted(this.text(name));
    this.#problems.error(
      line,
      `The attribute ${name} of <${element}> is to be ${expected}, not ${value}: read as ${taken}`,
    );
  }
}

/** Exit codes as 32 bits without sign, each once; `wrong` is the first word that is none. */
export function readCodes(text: string): { codes: number[]; wrong: string | null } {
  const codes = new Set<number>();
  let wrong: string | null = null;
  for (const [word] of text.matchAll(/[^\s,;]+/g)) {
    const code = /^(-?\d{1,10}|0x[0-9a-f]{1,8})$/i.test(word) ? Number(word) : Number.NaN;
    if (code >= -(2 ** 31) && code < 2 ** 32) codes.add(code >>> 0);
    else wrong ??= word;
  }
  return { codes: [...codes], wrong };
}

export function expectNoAttributes(element: Element, problems: Problems): void {
  reportUnknown(element, problems, []);
}

function reportUnknown(element: Element, problems: Problems, known: readonly string[]): void {
  for (const [name, value] of Object.entries(element.attributes)) {
    // Namespaces say nothing about what is done.
    if (known.includes(name) || name === "xmlns" || name.startsWith("xmlns:")) continue;
    problems.warning(
      element.line,
      `The attribute ${quoted(name)} of <${element.name}> is not known (its value is ${quoted(value)})`,
    );
  }
}

/** `<variable name="…" property="…" hidden="true">value</variable>` into a list. */
function variableContent(element: Element, problems: Problems, list: StepVariable[]): Content {
  const attributes = new Attributes(element, problems, ["name", "property", "hidden"]);
  const variable: StepVariable = {
    name: attributes.text("name"),
    property: attributes.text("property"),
    value: "",
    hidden: attributes.boolean("hidden"),
    line: element.line,
  };
  if (variable.name === "") problems.error(element.line, "A <variable> has no name");
  return {
    takesText: true,
    child: () => null,
    end: (text) => {
      list.push({ ...variable, value: text });
    },
  };
}

/** `<defaultVarList>` and `<globalVarList>`. */
export function variableListContent(element: Element, problems: Problems, list: StepVariable[]): Content {
  expectNoAttributes(element, problems);
  return {
    child: (child) => (child.name === "variable" ? variableContent(child, problems, list) : null),
    end: () => {},
  };
}

/** An element of text alone. */
export function textContent(element: Element, problems: Problems, take: (text: string) => void): Content {
  expectNoAttributes(element, problems);
  return { takesText: true, child: () => null, end: take };
}
