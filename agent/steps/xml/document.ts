/** Small XML documents as trees that can be changed and written again: answer files, rules of a step. */
import { SaxesParser } from "saxes";

export interface XmlElement {
  /** As written, with its prefix. */
  name: string;
  /** In the file's order, namespaces among them. */
  attributes: Map<string, string>;
  children: (XmlElement | string)[];
}

/** Bytes an answer file or a rule may have. */
const documentCharactersMost = 16 * 1024 * 1024;
const depthMost = 200;

/** Throws an Error with line and reason. Entities of a document type are not expanded: such a file is refused. */
export function parseXml(text: string): XmlElement {
  if (text.length > documentCharactersMost) throw new Error("the file is too long");
  const parser = new SaxesParser({ position: true });
  const open: XmlElement[] = [];
  let root: XmlElement | null = null;
  parser.on("doctype", () => {
    throw new Error("a document type is not allowed");
  });
  parser.on("opentag", (tag) => {
    if (open.length >= depthMost) throw new Error("elements are nested too deeply");
    const element = makeElement(tag.name, Object.entries(tag.attributes));
    const parent = open.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
    open.push(element);
  });
  parser.on("closetag", () => void open.pop());
  const addText = (piece: string): void => void open.at(-1)?.children.push(piece);
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(text.replace(/^\uFEFF/, "")).close();
  if (root === null) throw new Error("there is no element");
  return root;
}

export function makeElement(
  name: string,
  attributes: Iterable<readonly [string, string]> = [],
  children: (XmlElement | string)[] = [],
): XmlElement {
  return { name, attributes: new Map(attributes), children };
}

export function elementsOf(element: XmlElement, name?: string): XmlElement[] {
  const found: XmlElement[] = [];
  for (const child of element.children) {
    if (typeof child !== "string" && (name === undefined || child.name === name)) found.push(child);
  }
  return found;
}

/** Name without its prefix. */
export function localName({ name }: XmlElement): string {
  return name.slice(name.indexOf(":") + 1);
}

export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
}

/** With a declaration, two blanks for each level, and no white space added where there is text. */
export function writeXml(root: XmlElement): string {
  return `<?xml version="1.0" encoding="utf-8"?>\r\n${elementText(root, "")}\r\n`;
}

function elementText(element: XmlElement, indent: string): string {
  const attributes = [...element.attributes].map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
  const inner = elementsOf(element);
  if (inner.length === 0) {
    const text = textOf(element);
    return text === ""
      ? `${indent}<${element.name}${attributes} />`
      : `${indent}<${element.name}${attributes}>${escaped(text)}</${element.name}>`;
  }
  const deeper = `${indent}  `;
  const pieces = element.children.flatMap((child) => {
    if (typeof child !== "string") return [elementText(child, deeper)];
    return child.trim() === "" ? [] : [`${deeper}${escaped(child.trim())}`];
  });
  return `${indent}<${element.name}${attributes}>\r\n${pieces.join("\r\n")}\r\n${indent}</${element.name}>`;
}

const entityOf: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"\r]/g, (character) => entityOf[character] ?? character);
}
