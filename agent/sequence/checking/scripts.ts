/** What scripts that are written in steps ask for and do not find here. */
import type { SequenceNode, SequenceStep } from "../tree.ts";
import { walkNodes } from "../walk.ts";

const scriptCharactersMost = 4_000_000;
const environmentObject = /\bMicrosoft\.SMS\.TSEnvironment\b/i;

/** Source: "Run PowerShell Script": a script in the step is UTF-16 in Base64. */
export function scriptOf(value: string): string {
  if (value.length > scriptCharactersMost || !/^[A-Za-z0-9+/=\s]+$/.test(value)) return value;
  return Buffer.from(value, "base64").toString("utf16le");
}

/** Each step once, by the line of what uses the object. Disabled steps count: they may be enabled. */
export function scriptsWithoutEnvironment(nodes: readonly SequenceNode[]): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  for (const { node, leaving } of walkNodes(nodes)) {
    const line = leaving || node.kind !== "step" ? undefined : lineOfUse(node);
    if (line === undefined) continue;
    const text = `The step "${node.name.slice(0, 80)}" uses Microsoft.SMS.TSEnvironment, an object that is not here: "volley-agent env get NAME", "env set NAME VALUE" and "env list" take its place`;
    found.push({ line, text });
  }
  return found;
}

function lineOfUse({ action, line, variables }: SequenceStep): number | undefined {
  const uses = ({ property, value }: { property: string; value: string }): boolean =>
    environmentObject.test(/^SourceScript$/i.test(property) ? scriptOf(value) : value);
  return variables.find(uses)?.line ?? (environmentObject.test(action) ? line : undefined);
}
