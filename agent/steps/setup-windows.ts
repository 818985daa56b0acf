/**
 * Setup Windows and ConfigMgr: hands over from the PE to the Windows that was applied, whose setup runs at the restart and
 * starts the agent, which goes on with the sequence. A Linux that was applied starts the agent by itself.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { handOverToLinux } from "./applied/hand-over.ts";
import { appliedLinux } from "./applied/system.ts";
import { adapted, real, runOrFail, service, setting, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext, StepVariables } from "./step.ts";
import { checkAnswerFile } from "./unattend/answer-file.ts";
import { changeAnswerFile, targetSystemRoot } from "./unattend/place.ts";
import { hostPath, isLinux } from "./volumes.ts";
import type { XmlElement } from "./xml/document.ts";

const inPeOnly = unsupported("it hands over from a PE; what runs already needs no setup");
const windowsOrLinux = adapted(
  "as documented for Windows; an applied Linux gets the agent and a unit of systemd that starts it, and goes on with the sequence after the restart",
);
/** "Add a Custom Script to Windows Setup": run as the system account when setup has ended. */
const scriptName = "SetupComplete.cmd";
const ownScript = "SetupComplete.image.cmd";

/** A system was applied by a step of the toolkit, whose sequences have no Setup Windows: the restart into it does that. */
export const handOverDueVariable = "_VolleyHandOverDue";

export const setupWindows = stepKind({
  type: "SetupWindowsAndSMS",
  title: "Setup Windows and ConfigMgr",
  support: { winpe: real, linuxpe: windowsOrLinux, windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const linux = await appliedLinux(context);
    if (linux !== null) return succeeded(await handOverToLinux(context, linux));
    const windows = targetSystemRoot(context);
    const drive = windows.slice(0, 2);
    await changeAnswerFile(context, (root) => {
      substitute(root, context.variables);
      for (const problem of checkAnswerFile(root)) context.log.warning(`Answer file: ${problem}`);
    });
    const agent = await service(context, "agentFiles", "agent for Windows to stage").windows();
    const target = await hostPath(context, `${windows}\\${agent.place}`);
    await mkdir(target, { recursive: true, mode: 0o700 });
    await cp(agent.folder, target, { recursive: true });
    // The volume may have another letter in the Windows on it than it has here.
    await writeScript(context, `call %SystemRoot%\\${agent.place}\\${agent.command}`);
    const properties = setting(context, "ClientInstallProperties", "SMSClientInstallProperties");
    if (properties !== "") {
      context.log.info(
        "The client's installation properties are Configuration Manager's; Volley's agent is staged",
      );
    }
    // What was written to the volumes has to be on them before the computer restarts.
    if (isLinux(context)) await runOrFail(context, "write everything to the disks", { command: ["sync"] });
    context.variables.set("SMSTSRebootRequested", "HD");
    return succeeded(`Windows on ${drive} sets itself up at the restart, and the agent goes on from there`);
  },
});

/** "%name%" in texts and attributes; what is no variable stays, since Windows has its own. */
function substitute(element: XmlElement, variables: StepVariables): void {
  const replace = (text: string): string =>
    text.replaceAll(/%([A-Za-z_][A-Za-z0-9_-]*)%/g, (whole, name: string) => variables.get(name) || whole);
  for (const [name, value] of element.attributes) element.attributes.set(name, replace(value));
  element.children = element.children.map((child) => {
    if (typeof child === "string") return replace(child);
    substitute(child, variables);
    return child;
  });
}

/** An image's own script is kept and runs first. */
async function writeScript(context: StepContext, command: string): Promise<void> {
  const scripts = `${targetSystemRoot(context)}\\Setup\\Scripts`;
  const path = await hostPath(context, `${scripts}\\${scriptName}`);
  const kept = await hostPath(context, `${scripts}\\${ownScript}`);
  await mkdir(dirname(path), { recursive: true });
  if (existsSync(path) && !existsSync(kept)) await rename(path, kept);
  const lines = ["@echo off", `if exist "%~dp0${ownScript}" call "%~dp0${ownScript}"`];
  if (context.variables.get("_VolleyDisableAdministrator") !== "") {
    // The built-in administrator has another name in other languages, and always this identifier.
    const disable =
      "Get-LocalUser | Where-Object { $_.SID.Value -like 'S-1-5-21-*-500' } | Disable-LocalUser";
    lines.push(`powershell.exe -NoProfile -NonInteractive -Command "${disable}"`);
  }
  lines.push(command, "exit /b 0", "");
  await writeFile(path, lines.join("\r\n"));
}
