/**
 * `volley-agent download …`: Configuration Manager's alternate content provider. A task sequence with SMSTSDownloadProgram
 * runs it with the package's identifier, the absolute path of the download folder, and at least one location (Microsoft
 * KB2744420). Exit code 0: the content is there. Any other makes the client fetch it in its own way, but for the one that
 * SMSTSDownloadAbortCode names: then the download fails ("Task sequence variables").
 */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve, win32 } from "node:path";
import { z } from "zod";
import { errors, toVolleyError, type ErrorCode } from "../../contract/errors.ts";
import { downloadPackage } from "../deploying/download-package.ts";
import { SharedPackageSite } from "../site/shared-package-site.ts";
import { SiteClient } from "../site/site-client.ts";
import { openTransport } from "../site/transport.ts";
import { openStateFolder } from "../state-folder.ts";
import type { Surroundings } from "./doctor-command.ts";
import { parseWordsAndOptions, usage } from "./options.ts";
import { chooseSite, type SiteChoice, siteOptions } from "./site-options.ts";

type SiteValues = { [Name in keyof typeof siteOptions]?: string };

export interface DownloadCommand {
  packageId: string;
  /** Absolute. */
  folder: string;
  /** As typed; where the site is not among them, the settings say it. */
  values: SiteValues;
  settingsFile: string | null;
  abortCode: number | null;
}

export const downloadHelpText = `  volley-agent download [OPTION...] PACKAGE FOLDER LOCATION...
                                                 Configuration Manager's alternate content provider: what the variable
                                                 SMSTSDownloadProgram names
      --site, --fingerprint, --authority, --credential-file, --state, --name, --interface: as for deploy
      --settings FILE          has them as JSON; without it and --site: volley-download.json beside the program.
                               A program of the name volley-download.exe needs no word "download"
      --abort-code N           end with N (222, for example) when a package that the site has does not arrive: then
                               SMSTSDownloadAbortCode, with the same number, lets nothing else be tried
`;

/** The name under which the program is this command alone, and of its settings. */
export const downloadProgram = "volley-download";
const codeMost = 255;

/** `words` are what follows "download". Throws E_USAGE. */
export function parseDownloadCommand(words: readonly string[]): DownloadCommand {
  const text = { type: "string" } as const;
  const options = { ...siteOptions, settings: text, "abort-code": text };
  const { positionals, values } = parseWordsAndOptions(words, options);
  const { "abort-code": code, settings, ...rest } = values;
  const [packageId, folder, ...locations] = positionals;
  if (packageId === undefined || folder === undefined || locations.length === 0) {
    throw usage("A package's identifier, a folder and at least one location are needed");
  }
  if (!isAbsolute(folder) && !win32.isAbsolute(folder)) throw usage(`${folder} is no absolute path`);
  return {
    packageId,
    folder: resolve(folder),
    values: rest,
    settingsFile: settings ?? null,
    abortCode: code === undefined ? null : parseCode(code),
  };
}

function parseCode(text: string): number {
  return checkCode(Number(text));
}

/** An exit code that says something else would end a download that is only to be done in another way. */
function checkCode(code: number): number {
  if (!Number.isInteger(code) || code < 1 || code > codeMost) {
    throw usage(`The abort code is a number from 1 to ${codeMost}, not ${code}`);
  }
  if (Object.values(errors).some(({ exitCode }) => exitCode === code)) {
    throw usage(`${code} is an exit code of the agent's own: choose another abort code, as 222`);
  }
  return code;
}

const Settings = z.strictObject({
  site: z.string(),
  fingerprint: z.string().optional(),
  authority: z.string().optional(),
  credentialFile: z.string().optional(),
  state: z.string().optional(),
  name: z.string().optional(),
  interface: z.string().optional(),
  abortCode: z.number().optional(),
});

export interface CompleteDownload extends Pick<DownloadCommand, "packageId" | "folder" | "abortCode"> {
  choice: SiteChoice;
}

/** What is typed counts over the file; paths in the file are from its own folder. Throws E_USAGE. */
export function completeDownload(command: DownloadCommand, programFolder: string): CompleteDownload {
  const { abortCode, folder, packageId, settingsFile, values } = command;
  if (settingsFile === null && values.site !== undefined) {
    return { packageId, folder, abortCode, choice: chooseSite(values) };
  }
  const path = resolve(settingsFile ?? join(programFolder, `${downloadProgram}.json`));
  const settings = readSettings(path);
  const from = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : resolve(dirname(path), file);
  const kept: SiteValues = definedOf({
    site: settings.site,
    fingerprint: settings.fingerprint,
    authority: from(settings.authority),
    "credential-file": from(settings.credentialFile),
    state: from(settings.state),
    name: settings.name,
    interface: settings.interface,
  });
  const choice = chooseSite({ ...kept, ...definedOf(values) });
  const settled = settings.abortCode === undefined ? null : checkCode(settings.abortCode);
  return { packageId, folder, abortCode: abortCode ?? settled, choice };
}

function definedOf(values: { [Name in keyof SiteValues]: string | undefined }): SiteValues {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function readSettings(path: string): z.infer<typeof Settings> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw usage(`Neither --site is given nor can ${path} be read: ${(error as Error).message}`);
  }
  const read = Settings.safeParse(content);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw usage(`${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it has another form"}`);
}

/** A package that is not the site's to give is always left to Configuration Manager. */
const notOurs = new Set<ErrorCode>(["E_NOT_FOUND", "E_FORBIDDEN", "E_REQUEST_INVALID", "E_CONFLICT"]);
const progressPart = 0.1;

/** Null when the package is there, else the exit code to end with. Rejects when the error's own is right. */
export async function runDownload(download: CompleteDownload, around: Surroundings): Promise<number | null> {
  try {
    await fetchPackage(download, around);
    return null;
  } catch (error) {
    const failure = toVolleyError(error);
    if (download.abortCode === null || notOurs.has(failure.code)) throw failure;
    await around.write(`${failure.toString()}\nNothing else is to be tried (--abort-code).\n`);
    return download.abortCode;
  }
}

async function fetchPackage(
  { choice, folder, packageId }: CompleteDownload,
  around: Surroundings,
): Promise<void> {
  const { platform, signal } = around;
  const line = (text: string): void => void around.write(`${text}\n`);
  const log = { info: line, warning: line, error: line, detail: () => {} };
  const flushFolder = (path: string): void => platform.flushFolder(path);
  const state = openStateFolder(choice.stateFolder ?? platform.defaultStateFolder(), flushFolder);
  const hold = await platform.hold(`state ${realpathSync(state.path)}`);
  const endings: (() => void)[] = [() => hold?.release()];
  try {
    await platform.protectStateFolder(state.path);
    const authority = await around.trust(state);
    const transport = openTransport(choice.site, authority);
    endings.push(() => transport.close());
    const site = new SiteClient({
      transport,
      site: `${choice.site.host}:${choice.site.port}`,
      authority,
      state,
      machine: await around.identify(),
      // Where another agent is at work with the folder, it is only read.
      readCredential: hold === null ? () => null : around.readCredential,
      onSecret: (secret) => around.onSecret(secret),
    });
    let told = 0;
    const progress = (part: number): void => {
      if (part < told + progressPart) return;
      told = part;
      void around.write(`Package ${packageId}: ${Math.floor(part * 100)} %\n`);
    };
    const casting = { ...choice, siteAddress: choice.site, site, platform, log, progress, signal };
    const { bytes, name } = await downloadPackage({
      site: new SharedPackageSite(site, packageId),
      // Loaded where it is needed: what is fetched takes no addon.
      cast: async (facts, path) => {
        if (facts.imageId === null || facts.multicast === "no") return false;
        const { downloadCast } = await import("../deploying/download-cast.ts");
        return await downloadCast(casting)(facts, path);
      },
      folder,
      signal,
      progress,
      onWait: (failure) => void around.write(`Waiting for the site: ${failure.detail}\n`),
    });
    await around.write(
      `Package ${packageId} (${name}, ${bytes} bytes) is in ${folder}, with the right SHA-256.\n`,
    );
  } finally {
    for (const end of endings.toReversed()) end();
  }
}
