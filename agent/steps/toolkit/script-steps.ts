/**
 * Steps of the toolkit that are a script of it and nothing else. The script runs as the toolkit runs it, by Windows Script
 * Host, and sees the sequence's variables where its own library looks for them: in VARIABLES.DAT.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { splitProgram } from "../command-words.ts";
import { adapted, StepFailure, stepKind, unsupported } from "../step-kind.ts";
import type { StepContext, StepKind } from "../step.ts";
import { hostPath } from "../volumes.ts";
import { elementsOf, makeElement, parseXml, textOf, writeXml } from "../xml/document.ts";

const byScript = adapted("the toolkit's own script does it, from the package or share that ScriptRoot names");
const windowsScript = unsupported("it is a script for Windows Script Host, which Linux has not");
const fullSystemOnly = unsupported("it runs in the full operating system alone");
const peOnly = unsupported("it runs in Windows PE alone");

const scripts: [type: string, title: string, where?: "windows" | "winpe"][] = [
  ["BDD_ConfigureADDS", "Configure ADDS", "windows"],
  ["BDD_ConfigureDNS", "Configure DNS", "windows"],
  ["BDD_ConfigureDHCP", "Configure DHCP", "windows"],
  ["BDD_AuthorizeDHCP", "Authorize DHCP", "windows"],
  ["BDD_InstallLanguagePacksOnline", "Install Language Packs Online", "windows"],
  ["BDD_ExecuteRunbook", "Execute Runbook"],
  ["ZTIBIOSCheck", "Check BIOS"],
  ["ZTIOptIn", "Opt In to CEIP and WER"],
  ["ZTIGroups", "Capture or Restore Groups", "windows"],
  ["ZTIApplyGPOPack", "Apply Local GPO Package", "windows"],
  ["ZTIMoveStateStore", "Move State Store"],
  ["ZTIConnect", "Connect to Deployment Share"],
  ["ZTICoalesce", "Coalesce Variables"],
  ["ZTIModifyVars", "Modify Variables"],
  ["ZTIAppXmlGen", "Generate Application Migration File", "windows"],
  ["ZTIVHDCreate", "Create Virtual Hard Disk"],
  ["ZTIWipeDisk", "Wipe Disk", "winpe"],
  ["LTIApplyPost", "Post-Apply Cleanup"],
  ["LTISuspend", "Lite Touch Suspend", "windows"],
  ["LTICleanup", "Lite Touch Cleanup"],
  ["LTIOEM", "Prepare OEM Preload"],
];

export const toolkitScriptSteps: readonly StepKind[] = scripts.map(([type, title, where]) =>
  stepKind({
    type,
    title,
    support: {
      winpe: where === "windows" ? fullSystemOnly : byScript,
      linuxpe: windowsScript,
      windows: where === "winpe" ? peOnly : byScript,
      linux: windowsScript,
    },
    perform: (context) => runScript(context),
  }),
);

async function runScript(context: StepContext) {
  if (context.variables.get("ScriptRoot") === "") {
    throw new StepFailure(
      codes.notFound,
      "ScriptRoot is not set: a step that uses the toolkit's package, or the rules, have to say where its scripts are",
    );
  }
  const { program, rest } = splitProgram(context.variables.expand(context.step.action));
  if (!/^cscript(\.exe)?$/i.test(program)) {
    throw new StepFailure(codes.invalidSetting, `The step runs "${program}", and no script of the toolkit`);
  }
  const file = await writeVariables(context);
  try {
    const seconds = context.step.timeoutSeconds;
    const result = await context.tools.run({
      command: ["cscript.exe", `//nologo ${rest}`],
      verbatim: true,
      ...(seconds !== null && { timeoutMs: seconds * 1000 }),
    });
    await readVariables(context, file);
    return {
      exitCode: result.timedOut ? codes.timedOut : result.exitCode >>> 0,
      text: result.timedOut
        ? "The script took too long and was ended"
        : `The script ended with ${result.exitCode >>> 0}`,
      output: result.output,
    };
  } finally {
    await rm(file, { force: true });
  }
}

/** ZTIUtility.vbs: <local root>\SMSOSD\OSDLOGS\VARIABLES.DAT, on the drive where a folder MININT is. */
async function writeVariables(context: StepContext): Promise<string> {
  const drive = context.system === "winpe" ? "X:" : context.variables.get("SystemDrive") || "C:";
  const folder = await hostPath(context, `${drive}\\MININT\\SMSOSD\\OSDLOGS`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, "VARIABLES.DAT");
  const elements = context.variables
    .names()
    .map((name) => makeElement("var", [["name", name.toUpperCase()]], [context.variables.get(name)]));
  // Made with its mode first: variables may hold passwords.
  await writeFile(path, "", { mode: 0o600 });
  await writeFile(path, writeXml(makeElement("MediaVarList", [["Version", "4.00.5345.0000"]], elements)));
  return path;
}

async function readVariables(context: StepContext, path: string): Promise<void> {
  const root = parseXml(await readFile(path, "utf8"));
  for (const element of elementsOf(root, "var")) {
    const name = element.attributes.get("name") ?? "";
    const value = textOf(element);
    if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name) || context.variables.get(name) === value) continue;
    context.variables.set(name, value);
  }
}
