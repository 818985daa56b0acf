/**
 * One XML document, element by element, to whoever knows what may stand where. No document type is taken, so nothing is
 * ever expanded; nesting costs a place on a list and no stack.
 */
import { SaxesParser } from "saxes";
import { readingLimits } from "./limits.ts";
import { type Problems, quoted, tooLarge, unreadable } from "./problems.ts";

export interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  /** Of the `<`, in the file. */
  line: number;
}

/** What takes an element's contents. */
export interface Content {
  /** Null: not known here. It is reported once, and what stands in it is passed over. */
  child(element: Element): Content | null;
  /** At the end tag: the element's own text, without that of elements in it. */
  end(text: string): void;
  /** Whether text may stand here; where not, what is no white space is reported. */
  takesText?: boolean;
  /** Told where the text starts: the line after the start tag's `>`. */
  textLine?(line: number): void;
}

export interface DocumentOptions {
  problems: Problems;
  /** Line of the file that the document's first character stands on. */
  firstLine: number;
  /** Elements read so far of the whole file, so that documents in documents share one bound. */
  count: { elements: number };
}

interface Open {
  name: string;
  line: number;
  content: Content | null;
  text: string[];
}

/** Throws E_SEQUENCE_UNREADABLE with the line, or E_SEQUENCE_TOO_LARGE. */
export function readDocument(text: string, root: Content, options: DocumentOptions): void {
  const { problems, firstLine, count } = options;
  const parser = new SaxesParser();
  const lineNow = (): number => parser.line + firstLine - 1;
  const open: Open[] = [{ name: "", line: firstLine, content: root, text: [] }];
  let startLine = firstLine;
  let attributeCount = 0;

  refuseWhatIsNone(parser, problems, lineNow);
  parser.on("opentagstart", () => {
    // The character after the name is read already; if it ended the line, the tag started on the line before.
    startLine = parser.columnIndex === 0 ? lineNow() - 1 : lineNow();
    attributeCount = 0;
  });
  parser.on("attribute", () => {
    attributeCount += 1;
    if (attributeCount > readingLimits.attributesPerElement) {
      throw tooLarge(
        `Line ${startLine}: an element has more than ${readingLimits.attributesPerElement} attributes`,
      );
    }
  });
  parser.on("opentag", ({ name, attributes }) => {
    count.elements += 1;
    if (count.elements > readingLimits.elements) {
      throw tooLarge(`Line ${startLine}: the file has more than ${readingLimits.elements} elements`);
    }
    const parent = open.at(-1);
    const element = { name, attributes, line: startLine };
    const content = parent?.content?.child(element) ?? null;
    if (content === null && parent !== undefined && parent.content !== null) {
      const where = parent.name === "" ? "" : ` in <${parent.name}>`;
      problems.error(
        startLine,
        `The element <${clip(name)}> is not known${where}; it was left out with all in it`,
      );
    }
    content?.textLine?.(lineNow());
    open.push({ name: clip(name), line: startLine, content, text: [] });
  });
  const takeText = (piece: string): void => {
    const here = open.at(-1);
    if (here === undefined || here.content === null) return;
    if (here.content.takesText === true) {
      here.text.push(piece);
    } else if (/\S/.test(piece)) {
      const start = lineNow() - newlines(piece.trimStart());
      problems.error(start, `Text stands in <${here.name}>, where none belongs: ${quoted(piece.trim())}`);
    }
  };
  parser.on("text", takeText);
  parser.on("cdata", takeText);
  parser.on("closetag", () => {
    const closed = open.pop();
    closed?.content?.end(closed.text.join(""));
  });

  for (let start = 0; start < text.length; start += readingLimits.chunkCharacters) {
    parser.write(text.slice(start, start + readingLimits.chunkCharacters));
  }
  parser.close();
}

/** What is not well-formed, and a document type, end the reading; a processing instruction is passed over. */
function refuseWhatIsNone(parser: SaxesParser, problems: Problems, lineNow: () => number): void {
  parser.on("error", (error) => {
    const message = error.message.replace(/^\d+:\d+: /, "").replace(/\.$/, "");
    throw unreadable(`Line ${lineNow()}, column ${parser.column}: ${message}`);
  });
  parser.on("doctype", (doctype) => {
    throw unreadable(
      `Line ${lineNow() - newlines(doctype)}: the file has a document type (DOCTYPE), which no task sequence has: nothing of it is expanded`,
    );
  });
  parser.on("processinginstruction", ({ target }) => {
    problems.warning(
      lineNow(),
      `The processing instruction ${quoted(target)} is not known and was passed over`,
    );
  });
}

export function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function clip(name: string): string {
  return name.length > readingLimits.quotedCharacters
    ? `${name.slice(0, readingLimits.quotedCharacters)}…`
    : name;
}
