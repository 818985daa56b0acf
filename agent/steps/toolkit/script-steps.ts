/**
 * Steps of the toolkit that are a script of it and nothing else. What Volley does itself it does itself on every
 * system, whether or not ScriptRoot names the toolkit: one behaviour, which is shown before it overwrites and tested.
 * A script here runs as the toolkit runs it, by Windows Script Host, and sees the sequence's variables where its own
 * library looks for them: in VARIABLES.DAT.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { splitProgram } from "../command-words.ts";
import { adapted, StepFailure, stepKind, succeeded, unsupported } from "../step-kind.ts";
import type { StepContext, StepKind } from "../step.ts";
import { hostPath, isLinux } from "../volumes.ts";
import { elementsOf, makeElement, parseXml, textOf, writeXml } from "../xml/document.ts";

const whoseScript = "the toolkit's own script does it, from the package or share that ScriptRoot names";
const fullSystemOnly = unsupported("it runs in the full operating system alone");
const noServer = "it sets up a role of Windows Server, and no Windows runs here";

interface ScriptStep {
  type: string;
  title: string;
  where?: "windows";
  /** What it works on is the toolkit's own: without the toolkit this is why there is nothing to do. */
  without?: string;
  /** Beside whose script it is: what the script alone knows or reaches. */
  note?: string;
  /** Why there is no doing it on Linux. */
  notOnLinux: string;
}

const scripts: readonly ScriptStep[] = [
  { type: "BDD_ConfigureADDS", title: "Configure ADDS", where: "windows", notOnLinux: noServer },
  { type: "BDD_ConfigureDNS", title: "Configure DNS", where: "windows", notOnLinux: noServer },
  { type: "BDD_ConfigureDHCP", title: "Configure DHCP", where: "windows", notOnLinux: noServer },
  { type: "BDD_AuthorizeDHCP", title: "Authorize DHCP", where: "windows", notOnLinux: noServer },
  {
    type: "BDD_InstallLanguagePacksOnline",
    title: "Install Language Packs Online",
    where: "windows",
    notOnLinux: "it changes a Windows that runs, and none runs here",
  },
  {
    type: "BDD_ExecuteRunbook",
    title: "Execute Runbook",
    note: "runbooks are a server's of System Center Orchestrator, which has to be there",
    notOnLinux:
      "runbooks are a server's of System Center Orchestrator, a service of Microsoft that Volley has not",
  },
  {
    type: "ZTIBIOSCheck",
    title: "Check BIOS",
    without: "the toolkit's list of BIOSes is not here",
    notOnLinux: "how that list is written is documented nowhere, so that its script alone reads it",
  },
  {
    type: "ZTIApplyGPOPack",
    title: "Apply Local GPO Package",
    where: "windows",
    without: "the toolkit's packs of policies are not here",
    notOnLinux: "policies are Windows' own, and no Windows runs here",
  },
  {
    type: "ZTIModifyVars",
    title: "Modify Variables",
    note: "what it changes is documented nowhere",
    notOnLinux:
      "what it changes is documented nowhere, so that its script for Windows Script Host alone knows",
  },
  {
    type: "LTIApplyPost",
    title: "Post-Apply Cleanup",
    without: "the toolkit has left nothing to clean up",
    notOnLinux: "what the toolkit leaves is documented nowhere, so that its script alone finds it",
  },
  {
    type: "LTICleanup",
    title: "Lite Touch Cleanup",
    without: "the toolkit has left nothing to clean up",
    notOnLinux: "what the toolkit leaves is documented nowhere, so that its script alone finds it",
  },
];

const notNeeded = adapted(
  "nothing is generated: the User State Migration Tool needs no such file since version 4",
);

/** "ZTIAppXmlGen" is for the User State Migration Tool 3, of Windows XP: its script ends at once with any later one. */
const applicationMigrationFile = stepKind({
  type: "ZTIAppXmlGen",
  title: "Generate Application Migration File",
  support: { winpe: notNeeded, linuxpe: notNeeded, windows: notNeeded, linux: notNeeded },
  perform: () =>
    Promise.resolve(succeeded("The User State Migration Tool needs no such file since version 4")),
});

export const toolkitScriptSteps: readonly StepKind[] = [
  ...scripts.map(({ title, type, where, without, note, notOnLinux }) => {
    const more = [note, without && `without it ${without}`].filter((text) => text !== undefined);
    const byToolkit = adapted([whoseScript, ...more].join("; "));
    const onLinux =
      without === undefined
        ? unsupported(notOnLinux)
        : adapted(`${without}; where the toolkit is, the step fails: ${notOnLinux}`);
    return stepKind({
      type,
      title,
      support: {
        winpe: where === "windows" ? fullSystemOnly : byToolkit,
        linuxpe: where === "windows" ? fullSystemOnly : onLinux,
        windows: byToolkit,
        linux: onLinux,
      },
      perform: (context) => {
        if (without !== undefined && context.variables.get("ScriptRoot") === "") {
          return Promise.resolve(succeeded(`Nothing to do: ${without}`));
        }
        if (!isLinux(context)) return runScript(context);
        throw new StepFailure(codes.notSupported, `${title} does not run here: ${notOnLinux}`);
      },
    });
  }),
  applicationMigrationFile,
];

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
