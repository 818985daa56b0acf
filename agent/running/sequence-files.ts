/** A task sequence and the children it refers to, from files. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { flatten, type Program } from "../sequence/instructions.ts";
import type { Sequence, SequenceProblem } from "../sequence/tree.ts";
import { readSequenceFile } from "../sequence/reading/file.ts";

export interface LoadedProgram {
  program: Program;
  sequence: Sequence;
  /** What the reader does not understand, of the sequence and its children. */
  problems: SequenceProblem[];
}

/** A child as the sequence refers to it. */
export interface ChildReference {
  packageId: string;
  name: string;
}
/** The file of a child that is not in the sequence's own; null when there is none. */
export type ChildFinder = (reference: ChildReference) => Promise<string | null>;

/**
 * Children come from the same file, or from where `find` says. Rejects with what the reader says, with E_NOT_FOUND for a
 * child that is nowhere, E_CONFLICT for one inside itself.
 */
export async function loadProgram(path: string, find: ChildFinder = beside(path)): Promise<LoadedProgram> {
  const [main, ...others] = await readSequenceFile(path);
  if (main === undefined) throw new Error("the reader answered no sequence");
  const children = new Map<string, Sequence>();
  for (const { packageId, sequence } of others) children.set(packageId.toLowerCase(), sequence);
  const problems = [...main.sequence.problems];
  const open = [main.sequence, ...children.values()];
  for (let sequence = open.pop(); sequence !== undefined; sequence = open.pop()) {
    for (const reference of childrenOf(sequence)) {
      const key = reference.packageId.toLowerCase();
      const file = children.has(key) ? null : await find(reference);
      const [found] = file === null ? [] : await readSequenceFile(file);
      if (found === undefined) continue;
      children.set(key, found.sequence);
      problems.push(...found.sequence.problems);
      open.push(found.sequence);
    }
  }
  // Configuration Manager's bare <sequence> has no name of its own.
  const sequence = { ...main.sequence, name: main.sequence.name || basename(path) };
  const program = flatten(sequence, (child) => children.get(child.sequencePackageId.toLowerCase()) ?? null);
  return { program, sequence, problems };
}

/** What is disabled is not looked for. */
function childrenOf(sequence: Sequence): ChildReference[] {
  const found: ChildReference[] = [];
  const open = [...sequence.nodes];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.disabled) continue;
    if (node.kind === "child") {
      found.push({ packageId: node.sequencePackageId, name: node.sequenceName });
    } else if (node.kind === "group") {
      for (const inner of node.nodes) open.push(inner);
    }
  }
  return found;
}

/** A file beside the sequence's that is named for the package: ABC00001.xml or ABC00001.zip. */
function beside(main: string): ChildFinder {
  return async ({ packageId }) => {
    // A package's identifier is no path.
    if (!/^[A-Za-z0-9_-]+$/.test(packageId)) return null;
    const paths = [".xml", ".zip"].map((end) => join(dirname(main), packageId + end));
    return paths.find((path) => existsSync(path)) ?? null;
  };
}
