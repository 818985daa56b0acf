/** Packages and other content that a sequence needs. */
import type { Sequence, SequenceNode } from "../tree.ts";
import { walkNodes } from "../walk.ts";

export interface PackageUse {
  id: string;
  program: string;
  /** Of the list of references, or of the first step that names it. */
  line: number;
  /** False: only for what Volley's agent is in the place of, the client of Configuration Manager or the files of Sysprep. */
  needed: boolean;
}

/** Properties that hold one identifier, or several with commas. */
const holdsPackage =
  /^(PackageID|ImagePackageID|InstallPackageID|ConfigFilePackage|DriverPackageID|UsmtPackageID|UsmtRestorePackageID|ClientPackageID|ClientPreProductionPackageID|SysprepPackageID|DownloadPackages|PackageInfo\d+PackageId|TsPackageID|TsReferencePackages|OSGUID|ApplicationGUID|SubTaskSequenceID|SubTaskSequenceGUID)$/i;
const holdsUnneeded = /^(ClientPackageID|ClientPreProductionPackageID|SysprepPackageID)$/i;
const packageId = /^[A-Z0-9]{3}[0-9A-F]{5}$/i;
const contentGuid = /^\{[0-9a-f-]{36}\}$/i;
const inAction = /\/(?:run|pkg|install|image|data|config):([A-Z0-9]{3}[0-9A-F]{5})\b/gi;
/** What the console writes for no package. */
const none = "00000000";

/** In the order the step names them, each once. */
export function packagesOf(node: SequenceNode, isWanted = (_property: string): boolean => true): string[] {
  if (node.kind === "group") return [];
  const found = new Set<string>();
  const add = (id: string): void => {
    if (id !== none) found.add(id.toUpperCase());
  };
  if (node.kind === "step") for (const [, id = ""] of node.action.matchAll(inAction)) add(id);
  for (const { property, value } of node.variables) {
    if (!holdsPackage.test(property) || !isWanted(property)) continue;
    for (const word of value.split(",")) {
      const id = word.trim();
      if (packageId.test(id) || contentGuid.test(id)) add(id);
    }
  }
  return [...found];
}

/** All of a sequence: what its list of references names, then what only steps name. */
export function packagesOfSequence(
  sequence: Sequence,
  steps: readonly { line: number; packages: readonly string[] }[],
): PackageUse[] {
  const uses = new Map<string, PackageUse>();
  const unneeded = unneededIn(sequence);
  for (const reference of sequence.references) {
    const key = `${reference.packageId.toUpperCase()} ${reference.program}`;
    uses.set(key, {
      id: reference.packageId,
      program: reference.program,
      line: reference.line,
      needed: !unneeded.has(reference.packageId.toUpperCase()),
    });
  }
  const listed = new Set([...uses.values()].map(({ id }) => id.toUpperCase()));
  for (const { line, packages } of steps) {
    for (const id of packages) {
      if (listed.has(id)) continue;
      listed.add(id);
      uses.set(id, { id, program: "", line, needed: !unneeded.has(id) });
    }
  }
  return [...uses.values()];
}

function unneededIn(sequence: Sequence): ReadonlySet<string> {
  const [wanted, unneeded] = [new Set<string>(), new Set<string>()];
  for (const { node, leaving } of walkNodes(sequence.nodes)) {
    if (leaving) continue;
    for (const id of packagesOf(node, (property) => !holdsUnneeded.test(property))) wanted.add(id);
    for (const id of packagesOf(node)) unneeded.add(id);
  }
  for (const id of wanted) unneeded.delete(id);
  return unneeded;
}
