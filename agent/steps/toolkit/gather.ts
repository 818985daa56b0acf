/** Gather (MDT): what the machine says of itself, and what the rules make of it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { codes } from "../codes.ts";
import { everywhere, flag, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath } from "../volumes.ts";
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
        const hidden = /password|productkey/i.test(name);
        context.variables.set(name, value, { hidden });
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

/** Properties of "Toolkit reference" that other steps and conditions read, from what the engine and the machine know. */
async function gatherMachine(context: StepContext): Promise<void> {
  const { variables } = context;
  const facts = await context.services?.readiness?.facts();
  const copy: [name: string, from: string][] = [
    ["Make", "_SMSTSMake"],
    ["Model", "_SMSTSModel"],
    ["SerialNumber", "_SMSTSSerialNumber"],
    ["AssetTag", "_SMSTSAssetTag"],
    ["UUID", "_SMSTSUUID"],
    ["HostName", "_SMSTSMachineName"],
  ];
  for (const [name, from] of copy) variables.set(name, variables.get(from));
  for (const [name, from] of [
    ["MACAddress", "_SMSTSMacAddresses"],
    ["IPAddress", "_SMSTSIPAddresses"],
    ["DefaultGateway", "_SMSTSDefaultGateways"],
  ] as const) {
    const values = variables
      .get(from)
      .split(/[,; ]+/)
      .filter((value) => value !== "");
    for (const [index, value] of values.entries()) {
      variables.set(`${name}${String(index + 1).padStart(3, "0")}`, value);
    }
  }
  const isUefi = facts?.uefi ?? flag(variables.get("_SMSTSBootUEFI"), false);
  variables.set("IsUEFI", isUefi ? "True" : "False");
  const inPe = context.system === "winpe" || context.system === "linuxpe";
  variables.set("OSVersion", inPe ? "WinPE" : "Other");
  variables.set("IsVM", /virtual|vmware|kvm|qemu|xen|bochs/i.test(variables.get("Model")) ? "True" : "False");
  if (facts?.memoryMegabytes) variables.set("Memory", String(facts.memoryMegabytes));
  if (facts?.processorMegahertz) variables.set("ProcessorSpeed", String(facts.processorMegahertz));
  if (facts?.architecture) variables.set("Architecture", facts.architecture === "64-bit" ? "X64" : "X86");
  if (facts?.onMainsPower !== null && facts?.onMainsPower !== undefined) {
    variables.set("IsOnBattery", facts.onMainsPower ? "False" : "True");
  }
}
