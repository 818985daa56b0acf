/** A check as a person reads it and as a program does, piece by piece: a large sequence makes more than one text holds. */
import type { CheckedStep, SequenceCheck } from "../check.ts";
import { systemNames, type SupportWord } from "./support.ts";

const nameWidth = 48;
const typeWidth = 24;
const systemWidth = 13;

/**
 * `{ "format", "version", "steps": […], "groups": […], "packages": […], "problems": […] }` of the main sequence, and of the others of an archive under
 * "children".
 */
export function* checksAsJson(checks: readonly SequenceCheck[]): Generator<string> {
  const [main, ...children] = checks;
  if (main === undefined) return;
  yield* checkAsJson(main, "");
  if (children.length > 0) {
    yield ',\n  "children": [\n';
    for (const [index, child] of children.entries()) {
      yield index === 0 ? "    " : ",\n    ";
      yield* checkAsJson(child, "    ");
      yield "\n    }";
    }
    yield "\n  ]";
  }
  yield "\n}\n";
}

/** Without the closing brace. */
function* checkAsJson(check: SequenceCheck, indent: string): Generator<string> {
  const { groups, packages, problems, steps, ...head } = check;
  const heads = Object.entries(head).map(([key, value]) => `${indent}  "${key}": ${JSON.stringify(value)}`);
  yield `{\n${heads.join(",\n")}`;
  for (const [key, list] of Object.entries({ steps, groups, packages, problems })) {
    yield `,\n${indent}  "${key}": [`;
    for (const [index, item] of list.entries()) {
      yield `${index === 0 ? "" : ","}\n${indent}    ${JSON.stringify(item)}`;
    }
    yield list.length === 0 ? "]" : `\n${indent}  ]`;
  }
}

export function* checksAsText(checks: readonly SequenceCheck[]): Generator<string> {
  for (const [index, check] of checks.entries()) {
    if (index > 0) yield "\n";
    yield* checkAsText(check);
  }
}

function* checkAsText(check: SequenceCheck): Generator<string> {
  const { entry, format, name, packages, problems, steps, version } = check;
  const product = format === "mdt" ? "MDT" : "Configuration Manager";
  yield `Task sequence ${name === "" ? "without a name" : clip(name, 100)} (${product} ${clip(version, 20)}), ${plural(steps.length, "step")}\n`;
  if (entry !== "") yield `in ${clip(entry, 200)}\n`;
  yield* stepTable(steps);
  yield* reasonList(steps);
  const idsOf = (needed: boolean): string =>
    packages
      .filter((one) => one.needed === needed)
      .map(({ id }) => clip(id, 40))
      .join(" ");
  if (idsOf(true) !== "") yield `\nContent that is needed: ${idsOf(true)}\n`;
  if (idsOf(false) !== "") {
    yield `\nContent that is not needed, since Volley's agent is the client here: ${idsOf(false)}\n`;
  }
  const errors = problems.filter(({ severity }) => severity === "error").length;
  yield problems.length === 0
    ? "\nNo problems\n"
    : `\n${plural(problems.length, "problem")}, ${plural(errors, "error")}\n`;
  for (const { line, severity, text } of problems) yield `  line ${line}: ${severity}: ${clip(text, 400)}\n`;
}

function* stepTable(steps: readonly CheckedStep[]): Generator<string> {
  const systems = systemNames
    .map((system) => system.padEnd(systemWidth))
    .join("")
    .trimEnd();
  yield `\n${"line".padStart(6)}  ${"step".padEnd(nameWidth)}  ${"type".padEnd(typeWidth)}  ${systems}\n`;
  let path: string | null = null;
  for (const step of steps) {
    if (step.path !== path && step.path !== "") yield `        [${clip(step.path, 100)}]\n`;
    path = step.path;
    const notes = step.disabled ? " (disabled)" : "";
    const name = `${clip(step.name, nameWidth - notes.length)}${notes}`;
    const words = systemNames
      .map((system) => step.support[system].padEnd(systemWidth))
      .join("")
      .trimEnd();
    const type = clip(step.kind ?? (step.type || "unknown"), typeWidth);
    yield `${String(step.line).padStart(6)}  ${name.padEnd(nameWidth)}  ${type.padEnd(typeWidth)}  ${words}\n`;
  }
}

/** Each reason once, with how many steps it is of. */
function* reasonList(steps: readonly CheckedStep[]): Generator<string> {
  const counts = new Map<
    string,
    { word: SupportWord; kind: string; reason: string; systems: Map<string, number> }
  >();
  for (const step of steps) {
    for (const system of systemNames) {
      const reason = step.reasons[system];
      if (reason === undefined) continue;
      const word = step.support[system];
      const kind = step.kind ?? (step.type || "a step without a type");
      const key = JSON.stringify([kind, word, reason]);
      const entry = counts.get(key) ?? { word, kind, reason, systems: new Map() };
      entry.systems.set(system, (entry.systems.get(system) ?? 0) + 1);
      counts.set(key, entry);
    }
  }
  if (counts.size > 0) yield "\nWhy not, or how\n";
  for (const { kind, reason, systems, word } of counts.values()) {
    const where = [...systems]
      .map(([system, count]) => (count > 1 ? `${system} ×${count}` : system))
      .join(", ");
    yield `  ${clip(kind, typeWidth)} ${word} on ${where}: ${clip(reason, 300)}\n`;
  }
}

/** On one line, and no longer than the place it has. */
function clip(text: string, width: number): string {
  const start = text.slice(0, width + 1);
  // oxlint-disable-next-line no-control-regex -- a file's control characters are not for a terminal
  const line = start.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ");
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
