/** A task sequence from the bytes of a file: a sequence alone, the console's object.xml, or the archive around it. */
import type { Sequence } from "../tree.ts";
import { walkNodes } from "../walk.ts";
import { isArchive, readArchive } from "./archive.ts";
import { type Content, type Element, readDocument } from "./document.ts";
import { readingLimits } from "./limits.ts";
import { objectContent, type PackageFacts } from "./object.ts";
import { Problems, tooLarge, unreadable } from "./problems.ts";
import { sequenceContent } from "./sequence.ts";
import { decodeXml } from "./text.ts";

export interface ReadSequence {
  /** Of the console's package; empty when the file has none. */
  packageId: string;
  /** Name in the archive; empty for a file that is no archive. Lines are lines of this entry. */
  entry: string;
  sequence: Sequence;
}

/**
 * The sequences of a file, the main one first; never none. Children that are in the same archive follow.
 *
 * Rejects with E_SEQUENCE_UNREADABLE for what is no task sequence, with E_SEQUENCE_TOO_LARGE beyond the bounds.
 */
export async function readSequences(bytes: Uint8Array): Promise<ReadSequence[]> {
  if (bytes.length > readingLimits.fileBytes) {
    throw tooLarge(`The file has ${bytes.length} bytes; ${readingLimits.fileBytes} are read`);
  }
  if (!isArchive(bytes)) return mainFirst(readXml(bytes, ""));
  const sequences: ReadSequence[] = [];
  for (const { bytes: object, entry, packageId } of await readArchive(bytes)) {
    const found = readXml(object, entry);
    sequences.push(...found.map((read) => ({ ...read, packageId: read.packageId || packageId })));
  }
  return mainFirst(sequences);
}

function readXml(bytes: Uint8Array, entry: string): ReadSequence[] {
  if (bytes.length === 0) throw unreadable(entry === "" ? "The file is empty" : `${entry} is empty`);
  const { remark, text } = decodeXml(bytes);
  const found: ReadSequence[] = [];
  const take = (sequence: Sequence, problems: Problems, facts?: PackageFacts): void => {
    if (remark !== null) problems.warning(1, remark);
    sequence.problems = problems.list();
    found.push({ packageId: facts?.packageId ?? "", entry, sequence });
  };
  const problems = new Problems();
  const count = { elements: 0 };
  const root: Content = {
    child: (element: Element) => {
      if (element.name === "sequence") return sequenceContent(element, problems, take);
      return objectContent(element, { problems, count, take });
    },
    end: () => {},
  };
  readDocument(text, root, { problems, firstLine: 1, count });
  if (found.length > 0) return found;
  const where = entry === "" ? "The file" : entry;
  throw unreadable(`${where} has no <sequence>: it is no task sequence of Configuration Manager or MDT`);
}

/** The main sequence is the one that no other one runs as its child. */
function mainFirst(sequences: ReadSequence[]): ReadSequence[] {
  const children = new Set<string>();
  for (const { sequence } of sequences) {
    for (const { node } of walkNodes(sequence.nodes)) {
      if (node.kind === "child") children.add(node.sequencePackageId.toUpperCase());
    }
  }
  const isChild = ({ packageId }: ReadSequence): boolean => children.has(packageId.toUpperCase());
  return [...sequences.filter((read) => !isChild(read)), ...sequences.filter(isChild)];
}
