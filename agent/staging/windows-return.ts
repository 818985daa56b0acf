/**
 * The agent of a Windows that was left for a PE is started again there by a scheduled task, until it has gone on or taken
 * everything back: who started it by hand is not there to do so again. Its program is copied, since a share or a stick that
 * it came from may be away.
 */
import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errors } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { createTask, startupTask } from "../platform/windows/scheduled-task.ts";
import type { WindowsTools } from "../platform/windows/tools.ts";
import { mustRun } from "./must-run.ts";
import { taskName } from "./windows-changes.ts";

export const returnProgram = "volley-agent.exe";
export const returnScript = "return.cmd";
/** It is there while the scheduler reads it. */
const taskFile = "return.xml";

export interface ReturnTask {
  /** Where script and program are put. */
  folder: string;
  /** Path of this agent's executable; null when it runs from its sources, and then nothing starts it again. */
  program: string | null;
  /** What it is started with. */
  words: readonly string[];
  /** A file that is there as long as something is to be taken back. */
  record: string;
}

/** Nothing runs it yet. */
export async function writeReturn({ folder, program, record, words }: ReturnTask): Promise<void> {
  if (program === null) return;
  await copyFile(program, join(folder, returnProgram));
  const text = scriptLines(words, record).map((line) => `${line}\r\n`);
  await writeFile(join(folder, returnScript), text.join(""), { mode: 0o600 });
}

/** Rejects with E_STAGING. */
export async function scheduleReturn({ folder, program }: ReturnTask, tools: WindowsTools): Promise<void> {
  if (program === null) return;
  const file = join(folder, taskFile);
  await writeFile(file, startupTask(join(folder, returnScript)));
  await mustRun(tools, ["schtasks.exe", ...createTask(taskName, file)]);
  await rm(file);
}

/**
 * The network may come late, so it tries again. Once nothing is left to take back the folder goes with the script in it,
 * which is open for as long as a line is read; of what is on the same line nothing has to be read any more.
 */
function scriptLines(words: readonly string[], record: string): string[] {
  const command = [`"%~dp0${returnProgram}"`, ...words.map(quoted)].join(" ");
  return [
    "@echo off",
    "set tries=0",
    ":again",
    `if not exist ${quoted(record)} goto ended`,
    `${command} >nul 2>nul`,
    `if "%ERRORLEVEL%"=="${errors.E_RESTART_NEEDED.exitCode}" exit /b 0`,
    `if not exist ${quoted(record)} goto ended`,
    "set /a tries+=1 >nul",
    `if "%tries%"=="${limits.handedOverTriesMost}" exit /b 1`,
    // timeout.exe takes no wait where there is no console.
    `"%SystemRoot%\\System32\\ping.exe" -n ${limits.handedOverPauseSeconds + 1} 127.0.0.1 >nul`,
    "goto again",
    ":ended",
    'rd /s /q "%~dp0." & exit',
  ];
}

/** No file name or address has a quotation mark, and a machine's name does not need one. */
const quoted = (word: string): string => `"${word.replaceAll('"', "").replaceAll("%", "%%")}"`;
