/**
 * CustomSettings.ini: rules that fill variables. Source: "Toolkit reference" and "Identifying customization settings"
 * (Microsoft Deployment Toolkit): sections in the order of Priority, and of several values for a property the first.
 */
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";

/** Keys as written, in the file's order; sections by name in lower case. */
export type RuleSections = Map<string, [key: string, value: string][]>;

export interface RuleVariables {
  get(name: string): string;
  set(name: string, value: string): void;
  expand(text: string): string;
}

const sectionsMost = 1000;

export function parseRules(text: string): RuleSections {
  const sections: RuleSections = new Map();
  let current: [string, string][] | null = null;
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith(";")) continue;
    const heading = /^\[(.*)\]$/.exec(line)?.[1];
    if (heading !== undefined) {
      current = sections.get(heading.trim().toLowerCase()) ?? [];
      sections.set(heading.trim().toLowerCase(), current);
      if (sections.size > sectionsMost) {
        throw new StepFailure(codes.invalidData, "The rules have too many sections");
      }
      continue;
    }
    const equals = line.indexOf("=");
    if (equals > 0) current?.push([line.slice(0, equals).trim(), line.slice(equals + 1).trim()]);
  }
  return sections;
}

const valueOf = (section: readonly [string, string][] | undefined, key: string): string =>
  section?.find(([name]) => name.toLowerCase() === key)?.[1] ?? "";
const list = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** Returns the names of the sections that were used, in order. */
export function applyRules(sections: RuleSections, variables: RuleVariables): string[] {
  const settings = sections.get("settings");
  const priority = list(valueOf(settings, "priority"));
  if (priority.length === 0) {
    throw new StepFailure(codes.invalidData, "The rules name no Priority in [Settings]");
  }
  const used: string[] = [];
  for (const name of priority) processName(name, { sections, variables, used });
  return used;
}

interface Work {
  sections: RuleSections;
  variables: RuleVariables;
  used: string[];
}

/** A name of Priority is a section, or a property whose values name sections: Model, SerialNumber, MACAddress, … */
function processName(written: string, work: Work): void {
  const name = work.variables.expand(written);
  if (name.toLowerCase() === "defaultgateway") return processGateway(work);
  if (work.sections.has(name.toLowerCase())) return processSection(name, work);
  for (const value of valuesOf(name, work.variables)) {
    if (work.sections.has(value.toLowerCase())) processSection(value, work);
  }
}

/** A property's value, or those of a list: MACAddress001, MACAddress002, … */
function valuesOf(name: string, variables: RuleVariables): string[] {
  const values = [variables.get(name)];
  for (let index = 1; index < 100; index += 1) {
    const value = variables.get(`${name}${String(index).padStart(3, "0")}`);
    if (value === "") break;
    values.push(value);
  }
  return values.filter((value) => value !== "");
}

/** [DefaultGateway] says which section a gateway stands for. */
function processGateway(work: Work): void {
  const map = work.sections.get("defaultgateway");
  for (const gateway of valuesOf("DefaultGateway", work.variables)) {
    const section = valueOf(map, gateway.toLowerCase());
    if (section !== "" && work.sections.has(section.toLowerCase())) return processSection(section, work);
  }
}

/** What a section may ask for that only Microsoft's scripts and servers can do. */
const foreign = new Set([
  "sqlserver",
  "webservice",
  "userexit",
  "order",
  "parametercondition",
  "storedprocedure",
]);

function processSection(name: string, work: Work): void {
  // A section is used once, which also ends circles of Subsection.
  if (work.used.includes(name.toLowerCase())) return;
  work.used.push(name.toLowerCase());
  let subsection = "";
  for (const [key, written] of work.sections.get(name.toLowerCase()) ?? []) {
    const lower = key.toLowerCase();
    if (foreign.has(lower)) {
      throw new StepFailure(
        codes.notSupported,
        `Section [${name}] has ${key}, which needs a server or a script of Microsoft's toolkit`,
      );
    }
    if (/#.*#/.test(written)) {
      throw new StepFailure(codes.notSupported, `${key} of section [${name}] is an expression of VBScript`);
    }
    if (lower === "subsection") subsection = written;
    else setProperty(key, written, work.variables);
  }
  if (subsection !== "") processName(subsection, work);
}

/** The first value counts; items of lists are added to those that are there. */
function setProperty(key: string, written: string, variables: RuleVariables): void {
  const item = /^([A-Za-z_-]+)(\d{3})$/.exec(key);
  const value = variables.expand(written);
  if (value === "") return;
  if (item?.[1] === undefined) {
    if (variables.get(key) === "") variables.set(key, value);
    return;
  }
  const there = valuesOf(item[1], variables);
  if (there.includes(value)) return;
  let index = 1;
  while (variables.get(`${item[1]}${String(index).padStart(3, "0")}`) !== "") index += 1;
  variables.set(`${item[1]}${String(index).padStart(3, "0")}`, value);
}
