/** Media of a Windows PE: a disc as Windows' own are laid out, and an image for a USB stick. */
import { copyFileSync, cpSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { putGrub } from "../content/grub-disk.ts";
import { runMediaTool } from "./media-tools.ts";
import type { WinpeParts } from "./winpe-parts.ts";

export interface WinpeMedium {
  parts: WinpeParts;
  /** The image. */
  wim: string;
  /** Boot configurations of a medium. */
  stores: { uefi: string; bios: string };
  /** Exists, for what is in between. */
  work: string;
}

const mebibyte = 2 ** 20;
const sectorBytes = 512;
const label = "VOLLEY-PE";

/** The files that both have, below `root`. */
function layOut({ parts, stores, wim }: WinpeMedium, root: string): void {
  const copies: [from: string | null, to: string][] = [
    [parts.bootmgfw, "EFI/Boot/bootx64.efi"],
    [stores.uefi, "EFI/Microsoft/Boot/BCD"],
    [parts.bootmgrEfi, "bootmgr.efi"],
    [parts.bootmgr, "bootmgr"],
    [stores.bios, "Boot/BCD"],
    [parts.sdi, "Boot/boot.sdi"],
    [wim, "sources/boot.wim"],
  ];
  for (const [from, to] of copies) {
    if (from === null) continue;
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(from, join(root, to));
  }
  if (parts.fonts === null) return;
  cpSync(parts.fonts, join(root, "Boot/Fonts"), { recursive: true });
  cpSync(parts.fonts, join(root, "EFI/Microsoft/Boot/Fonts"), { recursive: true });
}

/** Writes `output`: El Torito entries for a BIOS (etfsboot.com) and for UEFI (efisys.bin), as far as both are there. */
export async function buildWinpeDisc(medium: WinpeMedium, output: string): Promise<void> {
  const { parts, work } = medium;
  const root = join(work, "disc");
  layOut(medium, root);
  const entries: string[][] = [];
  if (parts.etfsboot !== null) {
    copyFileSync(parts.etfsboot, join(root, "Boot/etfsboot.com"));
    // "oscdimg -bootdata:2#p0,e,b…": eight sectors of 512 bytes.
    entries.push(["-b", "Boot/etfsboot.com", "-no-emul-boot", "-boot-load-size", "8"]);
  }
  if (parts.efisys !== null) {
    copyFileSync(parts.efisys, join(root, "Boot/efisys.bin"));
    entries.push(["-e", "Boot/efisys.bin", "-no-emul-boot"]);
  }
  const boot = entries.flatMap((entry, at) => (at === 0 ? entry : ["-eltorito-alt-boot", ...entry]));
  const names = ["-iso-level", "3", "-J", "-joliet-long", "-d", "-N"];
  const words = [["-as", "mkisofs", "-quiet", ...names, "-V", label, "-o", output], boot, [root]];
  await runMediaTool("xorriso", words.flat());
}

/** Why there can be no stick with that image, or null: UEFI starts from FAT32, whose files have a length of 32 bits. */
export function stickRefusal(wim: string): string | null {
  const { size } = statSync(wim);
  if (size < 2 ** 32) return null;
  return `No USB image: boot.wim has ${size} bytes, and no file of FAT32, from which UEFI starts, may have 4 GiB.`;
}

const volumeStart = 2048;

/**
 * Writes `output`: an MBR disk with one FAT32 volume, which UEFI starts from too ("Removable Media Boot Behavior"); for a
 * BIOS GRUB stands in for Windows' boot sectors, which no image has.
 */
export async function buildWinpeStick(medium: WinpeMedium, output: string): Promise<void> {
  const root = join(medium.work, "stick");
  layOut(medium, root);
  const bytes = Math.ceil((treeBytes(root) * 1.01) / mebibyte + 64) * mebibyte;
  writeFileSync(output, "");
  truncateSync(output, volumeStart * sectorBytes + bytes);
  const table = `label: dos\nstart=${volumeStart}, size=${bytes / sectorBytes}, type=c, bootable\n`;
  await runMediaTool("sfdisk", ["--quiet", "--no-reread", "--no-tell-kernel", output], { input: table });
  const place = `${output}@@${volumeStart * sectorBytes}`;
  const geometry = ["-T", String(bytes / sectorBytes), "-h", "255", "-s", "63", "-H", String(volumeStart)];
  await runMediaTool("mformat", ["-i", place, "-F", "-v", label, ...geometry, "::"]);
  const entries = readdirSync(root).map((name) => join(root, name));
  await runMediaTool("mcopy", ["-s", "-Q", "-i", place, ...entries, "::/"]);
  if (medium.parts.bootmgr === null) return;
  await putGrub(output, { startBytes: volumeStart * sectorBytes, folder: medium.work });
}

function treeBytes(root: string): number {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  // A cluster of at most 32 KiB is lost with each.
  return files.reduce((sum, { name, parentPath }) => sum + statSync(join(parentPath, name)).size + 32_768, 0);
}
