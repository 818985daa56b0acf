/** The bootable forms of a PE: a disc that is also a disk, and an image for a USB stick; both for BIOS and UEFI. */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { grubMenu, grubSearch } from "./media-texts.ts";
import { runMediaTool } from "./media-tools.ts";

const mebibyte = 2 ** 20;
const sectorBytes = 512;
/** Labels of the volumes, by which the boot loaders find them. FAT has room for eleven characters. */
const discLabel = "VOLLEY";
const stickLabel = "VOLLEY-USB";

export interface MediaFiles {
  /** Has vmlinuz, initrd.zst, shimx64.efi. */
  folder: string;
  /** Of the boot loaders' packages. */
  boot: string;
  /** For what is in between; exists. */
  work: string;
  /** Whoever is at the machine may change what GRUB starts, too. */
  shell: boolean;
}

/** Modules of GRUB for BIOS, beside those that read the medium. */
const biosModules = [
  "biosdisk",
  "part_gpt",
  "part_msdos",
  "normal",
  "linux",
  "search",
  "search_label",
  "configfile",
];

async function makeBiosCore(
  { boot, work }: MediaFiles,
  core: { format: string; label: string; modules: string[]; output: string },
): Promise<void> {
  const early = join(work, `${core.label}.cfg`);
  writeFileSync(early, grubSearch(core.label));
  await runMediaTool(
    "grub-mkimage",
    [
      ["--directory", join(boot, "usr/lib/grub/i386-pc"), "--format", core.format],
      ["--prefix", "/boot/grub", "--config", early, "--output", core.output],
      [...biosModules, ...core.modules],
    ].flat(),
  );
}

/** What UEFI firmware starts: shim, and behind it Debian's signed GRUB, which reads EFI/debian/grub.cfg. */
async function fillEfi(volume: string, { boot, folder, work }: MediaFiles, label: string): Promise<void> {
  const config = join(work, `${label}-efi.cfg`);
  writeFileSync(config, `${grubSearch(label)}configfile $prefix/grub.cfg\n`);
  await runMediaTool("mmd", ["-i", volume, "::EFI", "::EFI/BOOT", "::EFI/debian"]);
  const copies = [
    [join(folder, "shimx64.efi"), "::EFI/BOOT/BOOTX64.EFI"],
    [join(boot, "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"), "::EFI/BOOT/grubx64.efi"],
    [config, "::EFI/debian/grub.cfg"],
  ] as const;
  for (const [from, to] of copies) await runMediaTool("mcopy", ["-i", volume, from, to]);
}

/** Writes `output`: an ISO 9660 disc that firmware of either kind also takes as a disk. */
export async function buildDisc(files: MediaFiles, output: string): Promise<void> {
  const { boot, folder, shell, work } = files;
  const tree = join(work, "disc");
  const grub = join(tree, "boot/grub");
  mkdirSync(grub, { recursive: true });
  for (const name of ["vmlinuz", "initrd.zst"]) copyFileSync(join(folder, name), join(tree, name));
  writeFileSync(join(grub, "grub.cfg"), grubMenu({ shell }));
  await makeBiosCore(files, {
    format: "i386-pc-eltorito",
    label: discLabel,
    modules: ["iso9660"],
    output: join(grub, "bios.img"),
  });
  const efi = join(work, "disc-efi.img");
  await makeFat(efi, 8 * mebibyte, "VOLLEY-EFI");
  await fillEfi(efi, files, discLabel);
  await runMediaTool(
    "xorriso",
    [
      ["-as", "mkisofs", "-quiet", "-r", "-J", "-V", discLabel, "-o", output],
      // BIOS: from the disc by El Torito, from a disk by the code in its first sector.
      ["-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"],
      ["--grub2-boot-info", "--grub2-mbr", join(boot, "usr/lib/grub/i386-pc/boot_hybrid.img")],
      // UEFI: one volume for both, behind the disc's files.
      ["-append_partition", "2", "0xef", efi, "-eltorito-alt-boot"],
      ["-e", "--interval:appended_partition_2:all::", "-no-emul-boot"],
      tree,
    ].flat(),
  );
}

async function makeFat(path: string, bytes: number, label: string): Promise<void> {
  rmSync(path, { force: true });
  writeFileSync(path, "");
  truncateSync(path, bytes);
  // FAT32 wants 65,525 clusters.
  const wide = bytes >= 64 * mebibyte ? ["-F"] : [];
  await runMediaTool("mformat", ["-i", path, ...wide, "-v", label, "::"]);
}

/** In sectors of the stick; the last MiB stays free for the second partition table. */
const biosStart = 2048;
const biosCount = 2048;
const volumeStart = biosStart + biosCount;

/** Writes `output`: a GPT disk with GRUB for BIOS and one FAT volume, which people can look into and add to. */
export async function buildStick(files: MediaFiles, output: string): Promise<void> {
  const { boot, folder, work } = files;
  const names = ["vmlinuz", "initrd.zst"];
  const contentBytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const volumeBytes = Math.max(64, Math.ceil(contentBytes / mebibyte) + 16) * mebibyte;
  const volume = join(work, "stick.fat");
  await makeFat(volume, volumeBytes, stickLabel);
  await fillEfi(volume, files, stickLabel);
  const menu = join(work, "grub.cfg");
  writeFileSync(menu, grubMenu(files));
  await runMediaTool("mmd", ["-i", volume, "::boot", "::boot/grub"]);
  await runMediaTool("mcopy", ["-i", volume, menu, "::boot/grub/grub.cfg"]);
  for (const name of names) await runMediaTool("mcopy", ["-i", volume, join(folder, name), `::${name}`]);

  rmSync(output, { force: true });
  writeFileSync(output, "");
  truncateSync(output, volumeStart * sectorBytes + volumeBytes + mebibyte);
  await runMediaTool("sfdisk", ["--quiet", "--no-reread", output], {
    input: stickTable(volumeBytes),
  });
  await runMediaTool("dd", ddWords(volume, output, volumeStart));
  const core = join(work, "stick-core.img");
  await makeBiosCore(files, { format: "i386-pc", label: stickLabel, modules: ["fat"], output: core });
  writeBiosLoader(output, join(boot, "usr/lib/grub/i386-pc/boot.img"), core);
}

function stickTable(volumeBytes: number): string {
  return [
    "label: gpt",
    `start=${biosStart}, size=${biosCount}, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"`,
    `start=${volumeStart}, size=${volumeBytes / sectorBytes}, type=uefi, name="Volley"`,
    "",
  ].join("\n");
}

const ddWords = (from: string, to: string, sector: number): string[] =>
  [
    [`if=${from}`, `of=${to}`, "bs=1M", `seek=${sector * sectorBytes}`],
    ["oflag=seek_bytes", "conv=notrunc,sparse", "status=none"],
  ].flat();

/** In boot.img: the sector of what it loads. In core.img's first sector: the sector of the rest of it. (GRUB 2.) */
const bootTargetAt = 0x5c;
const coreRestAt = 0x1f4;
/** Behind it begin the disk's own numbers and the table of partitions. */
const bootCodeBytes = 440;

function writeBiosLoader(disk: string, bootImage: string, coreImage: string): void {
  const code = Buffer.from(readFileSync(bootImage).subarray(0, bootCodeBytes));
  code.writeBigUInt64LE(BigInt(biosStart), bootTargetAt);
  const core = readFileSync(coreImage);
  if (core.length > biosCount * sectorBytes) {
    throw new VolleyError(
      "E_TOOL_FAILED",
      `GRUB's core has ${core.length} bytes, too many for its partition.`,
    );
  }
  core.writeBigUInt64LE(BigInt(biosStart + 1), coreRestAt);
  const file = openSync(disk, "r+");
  try {
    writeSync(file, code, 0, code.length, 0);
    writeSync(file, core, 0, core.length, biosStart * sectorBytes);
  } finally {
    closeSync(file);
  }
}

/** Puts the loaders that network boot asks for into the media folder. */
export function placeNetworkLoaders({ boot, folder, shell }: MediaFiles): void {
  const copies = [
    ["usr/lib/shim/shimx64.efi.signed", "shimx64.efi"],
    // The one with network drivers, which reads grub/grub.cfg from where it came.
    ["usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "grubx64.efi"],
    ["usr/lib/ipxe/undionly.kpxe", "undionly.kpxe"],
    ["usr/lib/ipxe/ipxe.efi", "ipxe.efi"],
  ] as const;
  for (const [from, to] of copies) copyFileSync(join(boot, from), join(folder, to));
  mkdirSync(dirname(join(folder, "grub/grub.cfg")), { recursive: true });
  writeFileSync(join(folder, "grub/grub.cfg"), grubMenu({ shell }));
}
