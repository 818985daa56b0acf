/**
 * What starts an applied Windows, taken from its image as bcdboot takes it: boot manager, fonts and resources, and a boot
 * configuration made of the image's own template, with devices that hold on every machine.
 */
import { randomUUID } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WimEdition } from "../../../contract/administration.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { bcdText } from "../../../windows/boot-configuration.ts";
import { bootExtras, bootFilePlans } from "../../../windows/boot-files.ts";
import { checkBootStore, readBootStore } from "../../../windows/boot-store.ts";
import { mergeWords } from "../../../windows/boot-text.ts";
import { runTool } from "../tools.ts";
import { extract, findInAnyCase, type WimImage } from "./wimlib.ts";

export interface BootFilesWork {
  firmware: "uefi" | "bios";
  edition: WimEdition;
  /** Of the caller's own. */
  folder: string;
  signal: AbortSignal;
}

export interface BootFiles {
  /** A folder with what goes to the root of the partition that is started from. */
  root: string;
  /** The image of Windows RE; null when the image has none. */
  recovery: string | null;
}

/** Throws E_IMAGE_FORMAT when the image has nothing that the firmware starts, and what running programs throws. */
export async function makeBootFiles(image: WimImage, work: BootFilesWork): Promise<BootFiles> {
  const taken = join(work.folder, "taken");
  const root = join(work.folder, "root");
  mkdirSync(root, { recursive: true });
  const paths = [
    "/Windows/Boot",
    "/Windows/System32/config/BCD-Template",
    "/Windows/System32/Recovery/Winre.wim",
  ];
  await extract(image, paths, { folder: taken, signal: work.signal });
  const store = await makeStore(taken, work);
  placeFiles({ taken, root, store }, work);
  return { root, recovery: findInAnyCase(taken, "Winre.wim") };
}

async function makeStore(
  taken: string,
  { edition, firmware, folder, signal }: BootFilesWork,
): Promise<string> {
  const template = findInAnyCase(taken, "BCD-Template");
  if (template === null) {
    throw lacks(`Windows\\System32\\config\\BCD-Template, from which a boot configuration is made`);
  }
  const [store, text] = [join(folder, "BCD"), join(folder, "bcd.reg")];
  copyFileSync(template, store);
  const locale = edition.languages[0] ?? "en-US";
  writeFileSync(text, bcdText({ firmware, place: "locate", loaderId: `{${randomUUID()}}`, locale }));
  await hivexregedit(mergeWords(store, text), signal);
  const written = await hivexregedit(["--export", store, "\\"], signal);
  const problems = checkBootStore(readBootStore(written), firmware);
  if (problems.length > 0) {
    throw new VolleyError(
      "E_IMAGE_FORMAT",
      `The image's boot configuration: ${problems.slice(0, 5).join("; ")}.`,
    );
  }
  return store;
}

async function hivexregedit(words: string[], signal: AbortSignal): Promise<string> {
  const { complaint, exitCode, output } = await runTool("hivexregedit", words, signal);
  if (exitCode !== 0) throw new VolleyError("E_IMAGE_FORMAT", `The image's BCD-Template: ${complaint}`);
  return output;
}

function lacks(what: string): VolleyError {
  const remedy = "it can still be imported as a volume (--as volume)";
  return new VolleyError("E_IMAGE_FORMAT", `The image has no ${what}; ${remedy}.`);
}

interface Places {
  taken: string;
  root: string;
  store: string;
}

function placeFiles({ root, store, taken }: Places, { edition, firmware }: BootFilesWork): void {
  const plan = bootFilePlans[firmware];
  const source = findInAnyCase(taken, "Boot", plan.source);
  const manager = source === null ? null : findInAnyCase(source, plan.manager);
  if (source === null || manager === null) {
    const starter = firmware === "uefi" ? "UEFI" : "a BIOS";
    throw lacks(`Windows\\Boot\\${plan.source}\\${plan.manager}, which ${starter} starts`);
  }
  const boot = join(root, plan.folder);
  const managerPlace = join(root, plan.managerPlace(edition.architecture ?? "amd64"));
  for (const folder of [boot, dirname(managerPlace)]) mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(source)) {
    if (plan.goesAlong(name)) cpSync(join(source, name), join(boot, name), { recursive: true });
  }
  for (const name of bootExtras) {
    const path = findInAnyCase(taken, "Boot", name);
    if (path !== null) cpSync(path, join(boot, name), { recursive: true });
  }
  copyFileSync(manager, managerPlace);
  copyFileSync(store, join(boot, "BCD"));
}
