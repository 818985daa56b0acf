/** An answer file: read, given settings, checked, and written so that nobody else reads it. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import {
  elementsOf,
  localName,
  makeElement,
  parseXml,
  textOf,
  writeXml,
  type XmlElement,
} from "../xml/document.ts";
import { findSetting, isTabulated, passes, type Pass } from "./settings.ts";

const namespace = "urn:schemas-microsoft-com:unattend";
const configurationNamespace = "http://schemas.microsoft.com/WMIConfig/2002/State";

export type Architecture = "amd64" | "x86" | "arm64";

/** Where a setting belongs. A name of `path` may have a key in brackets for elements of a list: "Route[1]". */
export interface SettingPlace {
  pass: Pass;
  component: string;
  path: string;
}

export function emptyAnswerFile(): XmlElement {
  return makeElement("unattend", [["xmlns", namespace]]);
}

/** Throws StepFailure when it is no answer file, and rejects when it cannot be read. */
export async function readAnswerFile(path: string): Promise<XmlElement> {
  const bytes = await readFile(path);
  let root: XmlElement;
  try {
    root = parseXml(decode(bytes));
  } catch (error) {
    throw new StepFailure(codes.invalidData, `${path} is no answer file: ${(error as Error).message}`);
  }
  if (localName(root) !== "unattend" || ![...root.attributes.values()].includes(namespace)) {
    throw new StepFailure(codes.invalidData, `${path} is no answer file: its root is <${root.name}>`);
  }
  return root;
}

function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return Buffer.from(bytes.subarray(2)).swap16().toString("utf16le");
  }
  return bytes.toString("utf8");
}

/** In place of the old one, whole or not at all; passwords stand in it. */
export async function writeAnswerFile(path: string, root: XmlElement): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomUUID()}`;
  try {
    await writeFile(beside, writeXml(root), { mode: 0o600, flush: true });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/**
 * Gives a setting its value, over the one it has. Throws StepFailure when the value is not of the documented form, and an
 * Error when Volley itself would write a setting that is not documented there.
 */
export function setSetting(
  root: XmlElement,
  architecture: Architecture,
  place: SettingPlace,
  value: string,
): void {
  const steps = place.path.split("/").map(parseStep);
  const documented = findSetting(
    place.component,
    steps.map(({ name }) => name),
  );
  if (documented === null || !documented.passes.includes(place.pass)) {
    throw new Error(`${place.component} has no setting ${place.path} in ${place.pass}`);
  }
  if (documented.form !== null && !documented.form.test(value)) {
    // The value may be a secret; only its name is said.
    const name = steps.at(-1)?.name ?? "";
    throw new StepFailure(codes.invalidSetting, `${name} has not the form that Windows Setup takes`);
  }
  if (/[\p{Cc}\uFFFE\uFFFF]/u.test(value)) {
    throw new StepFailure(
      codes.invalidSetting,
      `${place.path} holds a character that an answer file cannot hold`,
    );
  }
  let element = componentOf(root, architecture, place);
  for (const step of steps) element = childOf(element, step);
  element.children = [value];
}

interface PathStep {
  name: string;
  key: string | null;
}

function parseStep(text: string): PathStep {
  const match = /^([A-Za-z0-9]+)(?:\[(.+)\])?$/.exec(text);
  if (match?.[1] === undefined) throw new Error(`"${text}" is no step of a path`);
  return { name: match[1], key: match[2] ?? null };
}

/** Elements of lists that are told apart by an element in them; all others by wcm:keyValue. */
const keyElements: Record<string, string> = {
  Interface: "Identifier",
  Route: "Identifier",
  RunSynchronousCommand: "Order",
};

function childOf(parent: XmlElement, { key, name }: PathStep): XmlElement {
  const keyElement = keyElements[name];
  const isWanted = (child: XmlElement): boolean => {
    if (key === null) return true;
    if (keyElement === undefined) return child.attributes.get("wcm:keyValue") === key;
    return elementsOf(child, keyElement).some((element) => textOf(element) === key);
  };
  const found = elementsOf(parent, name).find(isWanted);
  if (found !== undefined) return found;
  const made = makeElement(name);
  if (key !== null) made.attributes.set("wcm:action", "add");
  if (key !== null && keyElement === undefined) made.attributes.set("wcm:keyValue", key);
  if (key !== null && keyElement !== undefined) made.children.push(makeElement(keyElement, [], [key]));
  parent.children.push(made);
  return made;
}

function componentOf(root: XmlElement, architecture: Architecture, place: SettingPlace): XmlElement {
  let pass = elementsOf(root, "settings").find((element) => element.attributes.get("pass") === place.pass);
  if (pass === undefined) {
    pass = makeElement("settings", [["pass", place.pass]]);
    insertPass(root, pass, place.pass);
  }
  const found = elementsOf(pass, "component").find(
    ({ attributes }) =>
      attributes.get("name") === place.component && attributes.get("processorArchitecture") === architecture,
  );
  if (found !== undefined) {
    if (!found.attributes.has("xmlns:wcm") && !root.attributes.has("xmlns:wcm")) {
      found.attributes.set("xmlns:wcm", configurationNamespace);
    }
    return found;
  }
  const made = makeElement("component", [
    ["name", place.component],
    ["processorArchitecture", architecture],
    ["publicKeyToken", "31bf3856ad364e35"],
    ["language", "neutral"],
    ["versionScope", "nonSxS"],
    ["xmlns:wcm", configurationNamespace],
  ]);
  pass.children.push(made);
  return made;
}

/** Passes stand in the order they run in. */
function insertPass(root: XmlElement, made: XmlElement, pass: Pass): void {
  const rank = (element: XmlElement): number => passes.indexOf(element.attributes.get("pass") as Pass);
  const next = elementsOf(root, "settings").find((element) => rank(element) > passes.indexOf(pass));
  const at = next === undefined ? root.children.length : root.children.indexOf(next);
  root.children.splice(at, 0, made);
}

/** What in an answer file is not as documented, sentences without values. Components that are not tabulated pass. */
export function checkAnswerFile(root: XmlElement): string[] {
  const problems: string[] = [];
  for (const settings of elementsOf(root, "settings")) {
    const pass = settings.attributes.get("pass") ?? "";
    if (!(passes as readonly string[]).includes(pass)) {
      problems.push(`There is no configuration pass "${pass}"`);
    }
    for (const component of elementsOf(settings, "component")) {
      const name = component.attributes.get("name") ?? "";
      if (component.attributes.get("publicKeyToken") !== "31bf3856ad364e35") {
        problems.push(`Component ${name} has not Windows' public key token`);
      }
      if (!/^(amd64|x86|arm64|wow64)$/.test(component.attributes.get("processorArchitecture") ?? "")) {
        problems.push(`Component ${name} names no processor architecture`);
      }
      if (isTabulated(name)) checkSettings(name, pass, component, [], problems);
    }
  }
  return problems;
}

function checkSettings(
  component: string,
  pass: string,
  element: XmlElement,
  path: readonly string[],
  problems: string[],
): void {
  for (const child of elementsOf(element)) {
    const deeper = [...path, localName(child)];
    if (elementsOf(child).length > 0) {
      checkSettings(component, pass, child, deeper, problems);
      continue;
    }
    const documented = findSetting(component, deeper);
    if (documented === null) continue;
    if (!(documented.passes as readonly string[]).includes(pass)) {
      problems.push(`${component} has no setting ${deeper.join("/")} in ${pass}`);
    } else if (
      documented.form !== null &&
      !textOf(child).includes("%") &&
      !documented.form.test(textOf(child))
    ) {
      problems.push(`${deeper.join("/")} of ${component} has not the form that Windows Setup takes`);
    }
  }
}
