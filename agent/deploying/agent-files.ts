/** The agent for the Windows that was applied: itself where it is one, else from the site; and how it goes on there. */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isSea } from "node:sea";
import { errors } from "../../contract/errors.ts";
import { windowsAgentPackage } from "../../contract/sequence.ts";
import { enrolmentFile } from "../site/site-client.ts";
import { openStateFolder } from "../state-folder.ts";
import type { AgentFiles } from "../steps/services.ts";
import type { Performer } from "./performer.ts";
import type { SiteContent } from "./site-content.ts";

const program = "volley-agent.exe";
const stateFolder = "State";
const authorityFile = "authority.pem";
/** Of Windows' task scheduler. */
const task = "Volley agent";

export interface AgentFilesOptions {
  content: Pick<SiteContent, "folderOf">;
  by: Pick<Performer, "machine" | "platform" | "site" | "siteAddress" | "yes">;
  /** Made anew each time. */
  folder: string;
}

/**
 * The folder also has the machine's key to the site, so that the deployment goes on as this machine: nobody is logged on
 * before Windows' setup has ended, and the agent then keeps the folder to administrators.
 */
export function agentFiles({ by, content, folder }: AgentFilesOptions): AgentFiles {
  return {
    async windows() {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await copyFile(await executable(by, content), join(folder, program));
      const enrolment = await by.site.enrol();
      const state = openStateFolder(join(folder, stateFolder), (path) => by.platform.flushFolder(path));
      state.write(enrolmentFile, enrolment);
      await writeFile(join(folder, authorityFile), enrolment.authority);
      await writeFile(join(folder, "run.cmd"), lines(runScript(by)));
      await writeFile(join(folder, "start.cmd"), lines(startScript()));
      return { folder, command: "start.cmd" };
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

/** "%~dp0" is the folder of the script itself. The task goes when no restart is to follow. */
function runScript({ siteAddress, yes }: AgentFilesOptions["by"]): string[] {
  const site = `https://${siteAddress.host}:${siteAddress.port}`;
  const files = [`--authority "%~dp0${authorityFile}"`, `--state "%~dp0${stateFolder}"`];
  const words = [
    "deploy",
    `--site ${site}`,
    ...files,
    "--once",
    "--allow-restart",
    ...(yes ? ["--yes"] : []),
  ];
  return [
    "@echo off",
    `"%~dp0${program}" ${words.join(" ")} >nul 2>nul`,
    `if not "%ERRORLEVEL%"=="${errors.E_RESTART_NEEDED.exitCode}" schtasks.exe /Delete /TN "${task}" /F`,
  ];
}

/**
 * "Add a Custom Script to Windows Setup" runs once and must not restart the computer; so the scheduler starts the agent,
 * now and after each restart ("schtasks create").
 */
function startScript(): string[] {
  const start = String.raw`"\"%~dp0run.cmd\""`;
  return [
    "@echo off",
    `schtasks.exe /Create /TN "${task}" /SC ONSTART /RU SYSTEM /RL HIGHEST /F /TR ${start}`,
    `schtasks.exe /Run /TN "${task}"`,
  ];
}

const lines = (of: readonly string[]): string => [...of, ""].join("\r\n");
