/** Run PowerShell Script: of a package, or written in the step. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "./codes.ts";
import { finish, withUser, workingFolderOf } from "./run-command-line.ts";
import { adapted, flag, real, setting, StepFailure, stepKind, workFolder } from "./step-kind.ts";
import type { StepContext, ToolRun } from "./step.ts";

const powerShellCore = adapted("it is run by pwsh, PowerShell for Linux, when that is installed");
const policies = new Map([
  ["allsigned", "AllSigned"],
  ["undefined", "Undefined"],
  ["bypass", "Bypass"],
]);

export const runPowerShellScript = stepKind({
  type: "RunPowerShellScript",
  title: "Run PowerShell Script",
  support: { winpe: real, linuxpe: powerShellCore, windows: real, linux: powerShellCore },
  check(step) {
    const has = (name: string): boolean =>
      step.variables.some(({ property, value }) => property.toLowerCase() === name && value !== "");
    return has("scriptname") || has("sourcescript") ? [] : ["There is neither a script's name nor a script"];
  },
  async perform(context) {
    const folder = await workFolder(context);
    const files: string[] = [];
    try {
      const run = await scriptRun(context, folder, files);
      return await finish(
        context,
        run,
        setting(context, "OutputVariableName", "OSDRunPowerShellScriptOutputVariableName"),
      );
    } finally {
      for (const file of files) await rm(file, { force: true });
    }
  },
});

/** Files that it makes are added to `files`. */
async function scriptRun(context: StepContext, folder: string, files: string[]): Promise<ToolRun> {
  await mkdir(folder, { recursive: true });
  const addFile = async (text: string): Promise<string> => {
    const path = join(folder, `${randomUUID()}.ps1`);
    // The mark makes Windows PowerShell read UTF-8.
    await writeFile(path, `\uFEFF${text}`, { mode: 0o600 });
    files.push(path);
    return path;
  };
  const workingFolder = await workingFolderOf(
    context,
    "WorkingDirectory",
    "SMSTSRunPowerShellWorkingDirectory",
  );
  const source = setting(context, "SourceScript", "OSDRunPowerShellScriptSourceScript");
  const name = setting(context, "ScriptName", "OSDRunPowerShellScriptScriptName").replace(/^\.[\\/]/, "");
  if (source === "" && name === "") throw new StepFailure(codes.invalidSetting, "There is no script");
  const script = name === "" ? await addFile(decodeScript(source)) : await scriptOfPackage(context, name);
  const parameters = setting(context, "Parameters", "OSDRunPowerShellScriptParameters");
  if (flag(context.variables.get("OSDLogPowerShellParameters"), false)) {
    context.log.info(`Parameters: ${parameters}`);
  }
  // Parameters may hold a secret, and the list of processes is for everybody: a script of ours has them instead.
  const caller = await addFile(callerScript(script, parameters));
  const run: ToolRun = {
    command: [...(await shellCommand(context)), "-File", caller],
    ...(workingFolder !== undefined && { workingFolder }),
  };
  return withUser(context, run, "RunPowerShell");
}

async function scriptOfPackage(context: StepContext, name: string): Promise<string> {
  const packageId = context.property("PackageID");
  const isWindows = context.system === "windows" || context.system === "winpe";
  const path = isWindows ? name : name.replaceAll("\\", "/");
  if (packageId === "" || packageId === "00000000") return path;
  return join(await context.content.folderOf(packageId), path);
}

async function shellCommand(context: StepContext): Promise<string[]> {
  const written = setting(context, "ExecutionPolicy", "OSDRunPowerShellScriptExecutionPolicy");
  const policy = policies.get((written || "AllSigned").toLowerCase());
  if (policy === undefined) {
    throw new StepFailure(codes.invalidSetting, `"${written}" is no execution policy that the step knows`);
  }
  const plain = ["-NoLogo", "-NoProfile", "-NonInteractive"];
  const isWindows = context.system === "windows" || context.system === "winpe";
  return isWindows ? ["powershell.exe", ...plain, "-ExecutionPolicy", policy] : ["pwsh", ...plain];
}

function callerScript(script: string, parameters: string): string {
  const quoted = `'${script.replaceAll("'", "''")}'`;
  return [
    `& ${quoted} ${parameters}`.trimEnd(),
    "$succeeded = $?",
    "if ($null -ne $LASTEXITCODE) { exit $LASTEXITCODE }",
    "if (-not $succeeded) { exit 1 }",
    "exit 0",
    "",
  ].join("\r\n");
}

/** Base64 of UTF-16 with its mark, as the console writes it; UTF-8 without one. */
export function decodeScript(source: string): string {
  const compact = source.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) {
    throw new StepFailure(codes.invalidData, "The script in the step is not Base64");
  }
  const bytes = Buffer.from(compact, "base64");
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return bytes.subarray(3).toString("utf8");
  return bytes.toString("utf8");
}
