/** The agent for the Windows that was applied: itself where it is one, else from the site; and how it goes on there. */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isSea } from "node:sea";
import { errors } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { windowsAgentPackage } from "../../contract/sequence.ts";
import { closingCommands } from "../platform/windows/protect-folder.ts";
import { createTask, startupTask } from "../platform/windows/scheduled-task.ts";
import { openStateFolder, stateFiles } from "../state-folder.ts";
import type { AgentFiles } from "../steps/services.ts";
import { writeHandOver } from "./hand-over.ts";
import type { Performer } from "./performer.ts";
import type { SiteContent } from "./site-content.ts";

const program = "volley-agent.exe";
const stateFolder = "State";
/** Of Windows' task scheduler. */
const task = "Volley agent";
const taskFile = "task.xml";

export interface AgentFilesOptions {
  content: Pick<SiteContent, "folderOf">;
  by: Pick<Performer, "machine" | "platform" | "site" | "yes">;
  deploymentId: string;
  /** Made anew each time. */
  folder: string;
}

/**
 * The folder also has the machine's key to the site, so that the deployment goes on as this machine: nobody is logged on
 * before Windows' setup has ended, and the folder is closed to all but administrators before the agent starts from it.
 */
export function agentFiles({ by, content, deploymentId, folder }: AgentFilesOptions): AgentFiles {
  return {
    async windows() {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await copyFile(await executable(by, content), join(folder, program));
      const enrolment = await by.site.enrol();
      const state = openStateFolder(join(folder, stateFolder), (path) => by.platform.flushFolder(path));
      state.write(stateFiles.enrolment, enrolment);
      // A disk that was named in the PE has another name in Windows, where no disk is to be chosen any more.
      writeHandOver(state, enrolment, { deploymentId, disk: null, yes: by.yes });
      await writeFile(join(folder, "run.cmd"), lines(runScript));
      await writeFile(join(folder, "start.cmd"), lines(startScript));
      await writeFile(join(folder, taskFile), startupTask(`%SystemRoot%\\${agentPlace}\\run.cmd`));
      return { folder, place: agentPlace, command: "start.cmd" };
    },
  };
}

/** Windows PE runs the very program that goes on in Windows. */
async function executable(
  { machine }: AgentFilesOptions["by"],
  content: AgentFilesOptions["content"],
): Promise<string> {
  const isHere = isSea() && (machine.operatingSystem === "winpe" || machine.operatingSystem === "windows");
  return isHere ? process.execPath : join(await content.folderOf(windowsAgentPackage), program);
}

/** Below the Windows folder, where users cannot put anything: the system runs what lies here. */
const ownFolder = "Volley";
const agentPlace = `${ownFolder}\\Agent`;
const tool = (name: string): string => `"%SystemRoot%\\System32\\${name}"`;

/**
 * "%~dp0" is the folder of the script itself. What was handed over goes when the deployment has ended, however it did, and
 * the task after it. Until then the agent is started again, as the site or the network may not be there yet; each start of
 * Windows tries anew.
 */
const runScript: readonly string[] = [
  "@echo off",
  "set tries=0",
  ":again",
  `if not exist "%~dp0${stateFolder}\\${stateFiles.handOver}" goto ended`,
  `"%~dp0${program}" resume --state "%~dp0${stateFolder}" >nul 2>nul`,
  `if "%ERRORLEVEL%"=="${errors.E_RESTART_NEEDED.exitCode}" exit /b 0`,
  `if not exist "%~dp0${stateFolder}\\${stateFiles.handOver}" goto ended`,
  "set /a tries+=1 >nul",
  `if "%tries%"=="${limits.handedOverTriesMost}" exit /b 1`,
  // timeout.exe takes no wait where there is no console.
  `${tool("ping.exe")} -n ${limits.handedOverPauseSeconds + 1} 127.0.0.1 >nul`,
  "goto again",
  ":ended",
  `${tool("schtasks.exe")} /Delete /TN "${task}" /F`,
];

/**
 * "Add a Custom Script to Windows Setup" runs once, before anybody can log on, and must not restart the computer; so the
 * scheduler starts the agent, now and after each restart. What a Linux PE has put on the volume is anybody's to change, as
 * ntfs-3g makes it, so nothing is started from a folder that could not be closed.
 */
const startScript: readonly string[] = [
  "@echo off",
  // Windows runs and reads these again at its next upgrade.
  ...["Setup\\Scripts", "Panther\\Unattend"].map(
    (name) => `${tool("icacls.exe")} "%SystemRoot%\\${name}" /reset /T /C /L /Q >nul 2>nul`,
  ),
  ...closingCommands(`%SystemRoot%\\${ownFolder}`).flatMap(([name, ...words]) => [
    `${tool(name)} ${words.map((word) => `"${word}"`).join(" ")} >nul`,
    "if errorlevel 1 exit /b 1",
  ]),
  [tool("schtasks.exe"), ...createTask(`"${task}"`, `"%~dp0${taskFile}"`)].join(" "),
  `del /q "%~dp0${taskFile}"`,
  `${tool("schtasks.exe")} /Run /TN "${task}"`,
];

const lines = (of: readonly string[]): string => [...of, ""].join("\r\n");
