/** Run Command Line: a program of the system or of a package, its output and its status. */
import { isAbsolute, join } from "node:path";
import type { SequenceStep } from "../sequence/tree.ts";
import { codes } from "./codes.ts";
import { splitProgram } from "./command-words.ts";
import { adapted, flag, real, setting, StepFailure, stepKind } from "./step-kind.ts";
import { runAsOnLinux, runAsOnWindows } from "./run-as.ts";
import type { StepContext, StepOutcome, ToolRun } from "./step.ts";
import { hostPath } from "./volumes.ts";

/** "Run Command Line", Command line. */
const commandLineCharactersMost = 32_000;
/** "Output to task sequence variable": the last 1,000 characters. */
const outputVariableCharacters = 1000;

const shell = adapted("the command line is run by /bin/sh; what only Windows has is not there");

export const runCommandLine = stepKind({
  type: "RunCommandLine",
  title: "Run Command Line",
  support: { winpe: real, linuxpe: shell, windows: real, linux: shell },
  check(step) {
    const line = writtenCommandLine(step);
    if (line === "") return ["There is no command line"];
    return line.length > commandLineCharactersMost
      ? [`The command line has ${line.length} characters, more than ${commandLineCharactersMost}`]
      : [];
  },
  async perform(context) {
    const line =
      context.property("CommandLine") || context.variables.expand(writtenCommandLine(context.step));
    if (line.trim() === "") throw new StepFailure(codes.invalidSetting, "There is no command line");
    if (!flag(context.variables.get("OSDDoNotLogCommand"), false)) context.log.info(`Command line: ${line}`);
    const workingFolder = await workingFolderOf(context, "WorkingDirectory", "WorkingDirectory");
    const run: ToolRun = withUser(context, {
      ...commandRun(context, line),
      ...(workingFolder !== undefined && { workingFolder }),
    });
    return finish(
      context,
      run,
      setting(context, "OutputVariableName", "SMSTSRunCommandLineOutputVariableName"),
    );
  },
});

/** The property, or the engine's command line without smsswd and its package. */
function writtenCommandLine(step: SequenceStep): string {
  const written =
    step.variables.find(({ property }) => property.toLowerCase() === "commandline")?.value ?? "";
  return written || step.action.replace(/^\s*smsswd\.exe\s+\/run:\S*\s*/i, "").trim();
}

/** Built into cmd.exe, so that there is no program of the name. */
const commandShellWords =
  /^(assoc|call|cd|chdir|copy|date|del|dir|echo|erase|exit|for|ftype|if|md|mkdir|mklink|move|path|pushd|popd|rd|rem|ren|rename|rmdir|set|start|time|title|type|ver|vol)$/i;

/**
 * On Windows the program is started as written, and what is no program (a word of the command shell, a batch file) by
 * cmd.exe. On Linux the line goes to the shell through its environment, since the list of processes is for everybody.
 */
export function commandRun(context: StepContext, line: string): ToolRun {
  if (context.system === "linux" || context.system === "linuxpe") return shellRun(line);
  const { program, rest } = splitProgram(line);
  if (commandShellWords.test(program) || /\.(cmd|bat)$/i.test(program)) {
    return { command: ["cmd.exe", "/d", "/s", "/c", `"${line}"`], verbatim: true };
  }
  return { command: rest === "" ? [program] : [program, rest], verbatim: true };
}

function shellRun(line: string): ToolRun {
  const script = 'line=$VOLLEY_COMMAND_LINE; unset VOLLEY_COMMAND_LINE; eval "$line"';
  return { command: ["/bin/sh", "-c", script], environment: { VOLLEY_COMMAND_LINE: line } };
}

/** The folder a program starts in: the step's, below the package's when it is not absolute. */
export async function workingFolderOf(
  context: StepContext,
  property: string,
  variable: string,
): Promise<string | undefined> {
  const packageId = context.property("PackageID");
  const hasPackage = packageId !== "" && packageId !== "00000000";
  const wanted = setting(context, property, variable) || context.variables.expand(context.step.startIn);
  const packageFolder = hasPackage ? await context.content.folderOf(packageId) : undefined;
  if (wanted === "") return packageFolder;
  const folder = await hostPath(context, wanted);
  return isAbsolute(folder) || /^[A-Za-z]:/.test(folder) || packageFolder === undefined
    ? folder
    : join(packageFolder, folder);
}

/** "Run this step as the following account": not in Windows PE, where there are no accounts. */
export function withUser(
  context: StepContext,
  run: ToolRun,
  kind: "RunCommandLine" | "RunPowerShell" = "RunCommandLine",
): ToolRun {
  // The console writes the name with an underscore, which only a step's own variables may have; a sequence sets the other.
  const asUser =
    context.variables.get(`SMSTS${kind}AsUser`) || setting(context, "RunAsUser", `_SMSTS${kind}AsUser`);
  if (!flag(asUser, false)) return run;
  const name = setting(context, "UserName", `SMSTS${kind}UserName`);
  const password = setting(context, "UserPassword", `SMSTS${kind}UserPassword`);
  if (context.system === "winpe" || context.system === "linuxpe") {
    throw new StepFailure(
      codes.notSupported,
      "A program runs as another account only in the full operating system",
    );
  }
  if (name === "") throw new StepFailure(codes.invalidSetting, "The account to run as is not named");
  return context.system === "windows" ? runAsOnWindows(run, name, password) : runAsOnLinux(run, name);
}

/** Runs it under the step's time limit; the last of the output goes to the variable that is named, if one is. */
export async function finish(
  context: StepContext,
  run: ToolRun,
  outputVariable: string,
): Promise<StepOutcome> {
  const seconds = context.step.timeoutSeconds;
  const result = await context.tools.run(seconds === null ? run : { ...run, timeoutMs: seconds * 1000 });
  if (outputVariable !== "") {
    context.variables.set(outputVariable, result.output.trimEnd().slice(-outputVariableCharacters));
  }
  if (result.timedOut) {
    return {
      exitCode: codes.timedOut,
      text: `The program ran longer than ${seconds} seconds and was ended with all it had started`,
      output: result.output,
    };
  }
  const isMissing = run.command[0] === "/bin/sh" && result.exitCode === 127;
  return {
    exitCode: isMissing ? codes.fileNotFound : result.exitCode >>> 0,
    text: isMissing
      ? "The shell does not find the program"
      : `The program ended with ${result.exitCode >>> 0}`,
    output: result.output,
  };
}
