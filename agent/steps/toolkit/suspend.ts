/** Lite Touch Suspend (MDT). Source: LTISuspend.wsf in the "Toolkit reference". */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { adapted, real, stepKind, succeeded, unsupported, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath } from "../volumes.ts";

const fullSystemOnly = unsupported("it is for the full operating system alone, where somebody has a desktop");
const lookMs = 1000;

/**
 * The step lasts until a person resumes the sequence, and is run again after a restart in between. Whoever is logged on may
 * resume, and no more: the shortcut makes a file where everybody may, which the step waits for.
 */
export const suspend = stepKind({
  type: "LTISuspend",
  title: "Lite Touch Suspend",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: adapted(
      "a Linux need not have a desktop: the program that resumes is named on the screen and in the log",
    ),
  },
  async perform(context) {
    const { shortcut, word } = await (context.system === "windows" ? onDesktop(context) : asProgram(context));
    const doing = `Suspended until somebody starts "${shortcut}"`;
    context.log.info(doing);
    while (!existsSync(word)) {
      context.progress(0, doing);
      await wait(lookMs, undefined, { signal: context.signal });
    }
    await rm(word, { force: true });
    await rm(shortcut, { force: true });
    return succeeded("The sequence was resumed");
  },
});

interface Resuming {
  /** What a person starts. */
  shortcut: string;
  /** What it makes. */
  word: string;
}

const title = "Resume Task Sequence";

/** For every user; in ProgramData, Windows lets each make files, and none change another's. */
async function onDesktop(context: StepContext): Promise<Resuming> {
  await workFolder(context);
  const known = (name: string, usual: string): string => {
    const found = context.variables.expand(`%${name}%`);
    return found === "" || found.includes("%") ? usual : found;
  };
  const folder = `${known("ProgramData", "C:\\ProgramData")}\\Volley Resume`;
  const desktop = await hostPath(context, `${known("PUBLIC", "C:\\Users\\Public")}\\Desktop`);
  const shortcut = join(desktop, `${title}.cmd`);
  const own = await hostPath(context, folder);
  const left = /Volley Resume\\([0-9a-f-]{36})/.exec(await readFile(shortcut, "utf8").catch(() => ""))?.[1];
  const name = left ?? randomUUID();
  await mkdir(own, { recursive: true });
  await mkdir(desktop, { recursive: true });
  await writeFile(shortcut, `@echo off\r\ntype nul > "${folder}\\${name}"\r\n`);
  return { shortcut, word: join(own, name) };
}

async function asProgram(context: StepContext): Promise<Resuming> {
  const work = await workFolder(context);
  const [shortcut, word] = [join(work, "resume-task-sequence"), join(work, "resumed")];
  await writeFile(shortcut, `#!/bin/sh\nexec touch '${word.replaceAll("'", "'\\''")}'\n`, { mode: 0o700 });
  return { shortcut, word };
}
