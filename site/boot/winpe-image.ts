/** The image of a Windows PE with the agent in it. The user's own file is read and never changed. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { WimEdition } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../content/tools.ts";
import { readEditions } from "../content/wim/editions.ts";
import { extract, findInAnyCase, wimlibEnvironment, wimlibReason } from "../content/wim/wimlib.ts";
import { appendCredential, type WithoutCredential } from "./winpe-credential.ts";
import { existingFile, filesBelow, missing } from "./winpe-parts.ts";
import { earlierScript, isStartScript, launchSettings, startScript } from "./winpe-texts.ts";

export interface WinpeContents {
  /** https://HOST:PORT */
  site: string;
  fingerprint: string;
  credential: string;
  /** Path of volley-agent.exe. */
  agent: string;
  /** A folder with INF drivers, in folders of its own; null: none. */
  drivers: string | null;
  shell: boolean;
}

export type ChosenImage = Omit<WimEdition, "sysprep">;

/**
 * Which image of the file starts: that of `index`, else the one the file itself says, else the only one. Throws E_IMAGE_CHOICE,
 * E_IMAGE_FORMAT, E_IMAGE_TRUNCATED and what running programs throws.
 */
export async function chooseImage(wim: string, index: number | null): Promise<ChosenImage> {
  existingFile(wim);
  const xml = await runTool("wimlib-imagex", ["info", wim, "--xml"]);
  const header = await runTool("wimlib-imagex", ["info", wim, "--header"]);
  if (xml.exitCode !== 0 || header.exitCode !== 0) {
    const reason = wimlibReason(`${xml.complaint}\n${header.complaint}`);
    throw new VolleyError("E_IMAGE_TRUNCATED", `${wim} cannot be read as a WIM: ${reason}`);
  }
  const images = readEditions(xml.bytes.toString("utf16le").replace(/^\uFEFF/, ""), wim);
  const bootable = Number(/^Boot Index\s*=\s*(\d+)/m.exec(header.output)?.[1] ?? 0);
  const only = images.length === 1 ? images[0]?.index : undefined;
  const wanted = index ?? (bootable === 0 ? only : bootable);
  const image = images.find((one) => one.index === wanted);
  if (image === undefined) {
    const names = images.map((one) => `${one.index} ${one.name}`).join("; ");
    const detail = index === null ? "names none to start from" : `has no image ${index}`;
    throw new VolleyError("E_IMAGE_CHOICE", `${wim} ${detail}: ${names}.`);
  }
  if (image.architecture !== null && image.architecture !== "amd64") {
    throw new VolleyError("E_IMAGE_FORMAT", `${wim} is for ${image.architecture}, and the agent for amd64.`);
  }
  return image;
}

async function wimlib(words: string[], input = ""): Promise<void> {
  const options = { environment: wimlibEnvironment, input, limitMs: limits.wimToolMs };
  const { complaint, exitCode } = await runTool("wimlib-imagex", words, undefined, options);
  if (exitCode === 0) return;
  throw new VolleyError("E_TOOL_FAILED", `wimlib-imagex ${words[0]}: ${wimlibReason(complaint)}`);
}

/**
 * Writes `output`, one bootable image. `work`: a folder of the caller's own. Answers what of it is without the credential.
 * Throws E_WINPE_PART and what programs do.
 */
export async function buildWinpeImage(
  from: { wim: string; index: number },
  contents: WinpeContents,
  { output, work }: { output: string; work: string },
): Promise<WithoutCredential> {
  const home = join(work, "Volley");
  mkdirSync(home, { recursive: true });
  // The image alone, without others of the file: it is fetched by every machine.
  await wimlib(["export", from.wim, String(from.index), output, "--boot"]);
  const image = { path: output, references: [], index: 1 };
  const before = join(work, "before");
  mkdirSync(before);
  await extract(image, ["/Windows/System32/wpeinit.exe", "/Windows/System32/startnet.cmd"], {
    folder: before,
  });
  if (findInAnyCase(before, "wpeinit.exe") === null) {
    throw missing("The image has no Windows\\System32\\wpeinit.exe: it is no Windows PE.");
  }
  const found = findInAnyCase(before, "startnet.cmd");
  const hasEarlier = found !== null && !isStartScript(readFileSync(found, "latin1"));
  const hasDrivers = contents.drivers !== null && copyDrivers(contents.drivers, join(home, "drivers"));
  copyFileSync(existingFile(contents.agent), join(home, "volley-agent.exe"));
  const [launch, start] = [join(work, "winpeshl.ini"), join(work, "startnet.cmd")];
  writeFileSync(launch, launchSettings());
  writeFileSync(start, startScript({ ...contents, hasEarlier, hasDrivers }));
  const system = "/Windows/System32";
  const orders = [
    ...(hasEarlier ? [`rename ${system}/startnet.cmd ${system}/${earlierScript}`] : []),
    "delete --force --recursive /Volley",
    `add "${home}" /Volley`,
    `add "${launch}" ${system}/winpeshl.ini`,
    `add "${start}" ${system}/startnet.cmd`,
  ];
  const update = (words: string[], lines: readonly string[]): Promise<void> =>
    wimlib(["update", output, "1", "--check", ...words], `${lines.join("\n")}\n`);
  await update(["--rebuild"], orders);
  const { credential } = contents;
  return appendCredential({ wim: output, credential, work }, (lines) => update([], lines));
}

/** All that is in the folder, since an INF names its files by paths from its own. Throws E_WINPE_PART. */
function copyDrivers(from: string, to: string): boolean {
  const files = filesBelow(from);
  if (!files.some((path) => /\.inf$/i.test(path))) throw missing(`There is no driver (.inf) in ${from}.`);
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  if (bytes > limits.winpeDriverBytes) {
    throw missing(`The drivers in ${from} have ${bytes} bytes, and all of them would be in memory.`);
  }
  for (const path of files) {
    const target = join(to, relative(from, path));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(path, target);
  }
  return true;
}
