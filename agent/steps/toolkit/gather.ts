/** Gather (MDT): what the machine says of itself, and what the rules make of it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { codes } from "../codes.ts";
import { everywhere, flag, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath } from "../volumes.ts";
import { gatherMachine } from "./machine-properties.ts";
import { applyRules, parseRules } from "./rules.ts";

export const gather = stepKind({
  type: "BDD_Gather",
  title: "Gather",
  support: everywhere,
  async perform(context) {
    await gatherMachine(context);
    if (flag(context.property("GatherLocalOnly"), true)) return succeeded("The machine's facts are gathered");
    const path = await findRules(context, context.property("RulesFile") || "CustomSettings.ini");
    const bytes = await readFile(path);
    const isWide = bytes[0] === 0xff && bytes[1] === 0xfe;
    const sections = parseRules(bytes.toString(isWide ? "utf16le" : "utf8"));
    const used = applyRules(sections, {
      get: (name) => context.variables.get(name),
      set: (name, value) => {
        const readOnly = /^_smstsorgname$/i.test(name);
        if (name.startsWith("_") && !readOnly) {
          context.log.warning(`${name} is the engine's own: the rules cannot set it`);
          return;
        }
        const hidden = /password|productkey/i.test(name);
        context.variables.set(name, value, { hidden, readOnly });
        context.log.detail(hidden ? `${name} is set; its value is hidden` : `${name} = ${value}`);
      },
      expand: (text) => context.variables.expand(text),
    });
    return succeeded(`Rules of ${path}: ${used.join(", ") || "none held"}`);
  },
});

/** As given, or in the places the toolkit keeps its rules. */
async function findRules(context: StepContext, file: string): Promise<string> {
  const root = context.variables.get("DeployRoot");
  const scripts = context.variables.get("ScriptRoot");
  const candidates = [file, `${root}\\Control\\${file}`, `${root}\\${file}`, `${scripts}\\${file}`];
  for (const candidate of candidates) {
    const path = await hostPath(context, candidate);
    if (existsSync(path)) return path;
  }
  throw new StepFailure(codes.fileNotFound, `The rules ${file} are in none of: ${candidates.join(", ")}`);
}
