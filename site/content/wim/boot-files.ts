/**
 * What starts an applied Windows, taken from its image as bcdboot takes it: boot manager, fonts and resources, and a boot
 * configuration made of the image's own template, with devices that hold on every machine.
 */
import { randomUUID } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WimEdition } from "../../../contract/administration.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { bcdText } from "../../../windows/boot-configuration.ts";
import { checkBootStore, readBootStore } from "../../../windows/boot-store.ts";
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

/** Where firmware looks for a boot manager when it has no entry of its own: "Removable Media Boot Behavior" (UEFI). */
const firmwareDefault = { amd64: "bootx64.efi", x86: "bootia32.efi", arm64: "bootaa64.efi" } as const;

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
  if (work.firmware === "uefi") placeForUefi({ taken, root, store }, work.edition);
  else placeForBios({ taken, root, store });
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
  await hivexregedit(["--merge", "--prefix", "HKEY_LOCAL_MACHINE\\BCD", store, text], signal);
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

function placeForUefi({ root, store, taken }: Places, { architecture }: WimEdition): void {
  const source = findInAnyCase(taken, "Boot", "EFI");
  const manager = source === null ? null : findInAnyCase(source, "bootmgfw.efi");
  if (source === null || manager === null) throw lacks("Windows\\Boot\\EFI\\bootmgfw.efi, which UEFI starts");
  const boot = join(root, "EFI", "Microsoft", "Boot");
  const byDefault = join(root, "EFI", "Boot");
  for (const folder of [boot, byDefault]) mkdirSync(folder, { recursive: true });
  copyBeside(source, boot, /^bcd/i);
  copyFonts(taken, boot);
  copyFileSync(manager, join(byDefault, firmwareDefault[architecture ?? "amd64"]));
  copyFileSync(store, join(boot, "BCD"));
}

function placeForBios({ root, store, taken }: Places): void {
  const source = findInAnyCase(taken, "Boot", "PCAT");
  const manager = source === null ? null : findInAnyCase(source, "bootmgr");
  if (source === null || manager === null) throw lacks("Windows\\Boot\\PCAT\\bootmgr, which a BIOS starts");
  const boot = join(root, "Boot");
  mkdirSync(boot, { recursive: true });
  copyFileSync(manager, join(root, "bootmgr"));
  copyBeside(source, boot, /^(bootmgr|bcd.*)$/i);
  copyFonts(taken, boot);
  copyFileSync(store, join(boot, "BCD"));
}

/** The image's own store, where it has one, would name another machine's disk: it is among what is left out. */
function copyBeside(source: string, target: string, leftOut: RegExp): void {
  for (const name of readdirSync(source)) {
    if (!leftOut.test(name)) cpSync(join(source, name), join(target, name), { recursive: true });
  }
}

function copyFonts(taken: string, target: string): void {
  for (const name of ["Fonts", "Resources"]) {
    const path = findInAnyCase(taken, "Boot", name);
    if (path !== null) cpSync(path, join(target, name), { recursive: true });
  }
}
