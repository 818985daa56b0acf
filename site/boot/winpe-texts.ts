/** The texts of a Windows PE with the agent: what it runs at start, and what its description says. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BootFile } from "../../contract/boot-image.ts";
import { WithoutCredential } from "./winpe-credential.ts";

/** Below the folder of boot media. */
export const winpeFolder = "winpe";
export const winpeDescriptionName = "winpe.json";

/** winpe.json: what is in the folder. */
export const WinpeDescription = z.object({
  kind: z.literal("volley-winpe"),
  built: z.string(),
  /** Of Windows PE, as its image says: "10.0.22621.1". */
  version: z.string(),
  site: z.string(),
  fingerprint: z.string(),
  credentialExpires: z.string(),
  /** Who signed its boot manager for Secure Boot: Microsoft's certificate authority of that year. */
  bootManager: z.enum(["2011", "2023"]),
  /** What starts it over the network besides UEFI's own PXE. */
  network: z.object({ bios: z.boolean(), wimboot: z.boolean() }),
  /** What was not made, each with the file that is missing. */
  left: z.array(z.string()),
  /** What a machine that has enrolled is given of Boot/boot.wim. */
  withoutCredential: WithoutCredential,
  /** By path in the folder. */
  files: z.record(z.string(), BootFile),
});
export type WinpeDescription = z.infer<typeof WinpeDescription>;

/** `mediaFolder`: of all boot media. Null where there is none of this release. */
export async function readWinpeDescription(mediaFolder: string): Promise<WinpeDescription | null> {
  try {
    const text = await readFile(join(mediaFolder, winpeFolder, winpeDescriptionName), "utf8");
    return WinpeDescription.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Batch files and .ini files have lines that end as Windows' do. */
const lines = (...text: string[]): string => text.map((line) => `${line}\r\n`).join("");

/** By this line a script is known as one of these. */
const mark = "rem Made by volley media build.";
export const isStartScript = (text: string): boolean => text.includes(mark);

/**
 * "Winpeshl.ini Reference" (Microsoft): what is listed runs instead of startnet.cmd, and the computer restarts when the last
 * of it has ended.
 */
export function launchSettings(): string {
  return lines("[LaunchApps]", "%SYSTEMROOT%\\System32\\cmd.exe, /c %SYSTEMROOT%\\System32\\startnet.cmd");
}

/** Where a start script that was in the image before is kept. */
export const earlierScript = "startnet-before-volley.cmd";

export interface StartScript {
  /** https://HOST:PORT, with nothing in it that a batch file reads otherwise. */
  site: string;
  /** 64 hex digits. */
  fingerprint: string;
  /** A second window with a command prompt. */
  shell: boolean;
  /** The image had a start script of its own. */
  hasEarlier: boolean;
  hasDrivers: boolean;
}

/**
 * startnet.cmd. wpeinit (or the script that was there before, which calls it) starts Plug and Play and the network; drvload
 * then adds drivers to the PE that runs, and the network is started anew for adapters among them ("Drvload Command-Line
 * Options", "Wpeutil Command-Line Options", Microsoft).
 */
export function startScript(script: StartScript): string {
  const { fingerprint, hasDrivers, hasEarlier, shell, site } = script;
  const home = "%SystemDrive%\\Volley";
  return lines(
    "@echo off",
    mark,
    hasEarlier ? `call %SystemRoot%\\System32\\${earlierScript}` : "wpeinit",
    ...(hasDrivers
      ? [`for /r "${home}\\drivers" %%D in (*.inf) do drvload "%%D"`, "wpeutil InitializeNetwork"]
      : []),
    ...(shell ? ["start cmd.exe"] : []),
    'set "leave="',
    ":again",
    `"${home}\\volley-agent.exe" deploy --site ${site} --fingerprint ${fingerprint}` +
      ` --credential-file "${home}\\credential" --once %leave% --allow-restart`,
    "set code=%errorlevel%",
    "if %code% == 0 goto done",
    // A Windows on this disk has started this once, and nothing of that disk was given up: it starts by itself again.
    'set "state=%SystemRoot%\\Volley\\State"',
    'if exist "%state%\\origin.json" if not exist "%state%\\disk-touched.json" goto back',
    "echo The agent ended with code %code%. It starts again in a minute, and waits for the site where it has failed.",
    "set leave=--leave-failed",
    // There is no timeout.exe in a plain Windows PE.
    "ping -n 61 127.0.0.1 >nul",
    "goto again",
    ":back",
    "echo The disk is as it was: this machine restarts into the Windows it came from in 10 seconds.",
    "goto restart",
    ":done",
    "echo The deployment is done. This machine restarts in 10 seconds.",
    ":restart",
    "ping -n 11 127.0.0.1 >nul",
    "wpeutil Reboot",
  );
}
