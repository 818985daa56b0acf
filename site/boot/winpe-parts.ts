/**
 * What starts a Windows PE, taken from its own image or from files of the ADK: boot managers for UEFI and BIOS, boot.sdi,
 * fonts, and the boot sectors of discs. Microsoft's update for Secure Boot of 2023 (KB5025885) put boot managers that are
 * signed with the newer certificate beside the older ones, in folders and under names that end in "_EX".
 */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { extract, findInAnyCase, type WimImage } from "../content/wim/wimlib.ts";

export interface WinpeParts {
  bootManager: "2011" | "2023";
  /** What UEFI starts. */
  bootmgfw: string;
  /** What Windows' own discs have at their root for UEFI; null where the image has none. */
  bootmgrEfi: string | null;
  sdi: string;
  /** A folder. */
  fonts: string | null;
  /** What a BIOS starts from a disk or disc. */
  bootmgr: string | null;
  /** What a BIOS starts over the network, both or none. */
  network: { loader: string; manager: string } | null;
  /** Boot sectors of a disc, for a BIOS and for UEFI. */
  etfsboot: string | null;
  efisys: string | null;
}

export interface PartsWish {
  /** Of the caller's own. */
  folder: string;
  /** Null: the newer where the image has it. */
  bootManager: "2011" | "2023" | null;
  /** A file. */
  bootSdi: string | null;
  /** A folder of the ADK, or any with such files in it. */
  adk: string | null;
}

/** Throws E_WINPE_PART for what nothing starts without, and what running programs throws. */
export async function takeParts(image: WimImage, wish: PartsWish): Promise<WinpeParts> {
  const { adk, bootManager, bootSdi, folder } = wish;
  mkdirSync(folder, { recursive: true });
  await extract(image, ["/Windows/Boot"], { folder });
  const boot = (...names: string[]): string | null => findInAnyCase(folder, "Boot", ...names);
  const newer = boot("EFI_EX", "bootmgfw_EX.efi");
  const isNewer = bootManager === "2023" || (bootManager === null && newer !== null);
  const bootmgfw = isNewer ? newer : boot("EFI", "bootmgfw.efi");
  if (bootmgfw === null) {
    const path = isNewer ? "EFI_EX\\bootmgfw_EX.efi" : "EFI\\bootmgfw.efi";
    throw missing(`The image has no Windows\\Boot\\${path}, which UEFI starts.`);
  }
  const given = adk === null ? [] : filesBelow(adk);
  const fromAdk = (name: string): string | null => {
    const found = given.filter((path) => basename(path).toLowerCase() === name);
    return found.find((path) => /[/\\]amd64[/\\]/i.test(path)) ?? found[0] ?? null;
  };
  const named = bootSdi === null ? null : existingFile(bootSdi);
  const sdi =
    named ?? boot("DVD", "EFI", "boot.sdi") ?? boot("DVD", "PCAT", "boot.sdi") ?? fromAdk("boot.sdi");
  if (sdi === null) {
    throw missing("The image has no Windows\\Boot\\DVD\\EFI\\boot.sdi: name the ADK's with --boot-sdi.");
  }
  const [loader, manager] = [boot("PXE", "pxeboot.n12"), boot("PXE", "bootmgr.exe")];
  const discSectors = isNewer
    ? ["efisys_noprompt_EX.bin", "efisys_EX.bin"].map((name) => boot("DVD_EX", "EFI", "en-US", name))
    : ["efisys_noprompt.bin", "efisys.bin"].map((name) => boot("DVD", "EFI", "en-US", name));
  return {
    bootManager: isNewer ? "2023" : "2011",
    bootmgfw,
    bootmgrEfi: isNewer ? boot("EFI_EX", "bootmgr_EX.efi") : boot("EFI", "bootmgr.efi"),
    sdi,
    fonts: (isNewer ? boot("Fonts_EX") : null) ?? boot("Fonts"),
    bootmgr: boot("PCAT", "bootmgr"),
    network: loader === null || manager === null ? null : { loader, manager },
    etfsboot: boot("DVD", "PCAT", "etfsboot.com") ?? fromAdk("etfsboot.com"),
    efisys:
      discSectors.find((path) => path !== null) ??
      (isNewer ? fromAdk("efisys_noprompt_ex.bin") : null) ??
      (isNewer ? fromAdk("efisys_ex.bin") : (fromAdk("efisys_noprompt.bin") ?? fromAdk("efisys.bin"))),
  };
}

export function missing(detail: string): VolleyError {
  return new VolleyError("E_WINPE_PART", detail);
}

/** Throws E_WINPE_PART. */
export function existingFile(path: string): string {
  if (existsSync(path) && statSync(path).isFile()) return path;
  throw missing(`There is no file ${path}.`);
}

/** Throws E_WINPE_PART. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw missing(`There is no folder ${folder}.`);
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  if (found.length <= limits.winpeFilesMost) return found;
  throw missing(`${folder} holds more than ${limits.winpeFilesMost} files.`);
}
