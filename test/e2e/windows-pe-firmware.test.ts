/**
 * A Windows PE's media and wimboot before real firmware (QEMU's, emulated), with stand-ins for what of Microsoft's they start: each
 * says that it was started, and what it reads of the files that the real one goes on with. With Secure Boot and Microsoft's keys
 * the signed shim stands in, which firmware accepts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildWinpe } from "../../site/boot/winpe.ts";
import {
  bootKernel,
  bootKernelSays,
  bootProgramIsDone,
  buildBootProgram,
  lineOf,
} from "../fixtures/boot-program.ts";
import { FirmwareLab, signedShim } from "../fixtures/firmware-lab.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { bootManagerSays, fakeProgram, networkLoader } from "../fixtures/windows-image.ts";
import { winpeOptions, writeBootWim } from "../fixtures/winpe-image.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "windows";

testOnNetwork(
  {
    title: "firmware starts the media of a Windows PE, and iPXE its wimboot",
    hostCount: 1,
    file: import.meta.url,
    skip: wanted ? false : "only with scripts/test --windows",
  },
  ({ hosts: [host] }) => {
    assert.ok(host);
    tests(host);
  },
);

/** A FAT volume that UEFI starts that program from, as efisys.bin is one. */
function efiVolume(file: string, program: string): void {
  writeFileSync(file, "");
  truncateSync(file, 2880 * 512);
  execFileSync("mformat", ["-i", file, "-f", "1440", "::"]);
  execFileSync("mmd", ["-i", file, "::/EFI", "::/EFI/BOOT"]);
  execFileSync("mcopy", ["-i", file, program, "::/EFI/BOOT/BOOTX64.EFI"]);
}

function tests(host: Host): void {
  let lab: FirmwareLab;
  let site: SiteProcess;
  let media: string;
  const program = (): string => join(lab.room.folder, "boot-program.efi");
  const inMedia = (name: string): string => join(media, "winpe", name);
  const usb = (): string => `file=${inMedia("volley-winpe-usb.img")},format=raw,if=none,id=s,snapshot=on`;
  const stick = (): string[] => [
    "-drive",
    usb(),
    "-device",
    "qemu-xhci",
    "-device",
    "usb-storage,drive=s,bootindex=1",
  ];
  const disc = (): string[] => {
    const drive = `file=${inMedia("volley-winpe.iso")},format=raw,if=none,id=c,media=cdrom`;
    return ["-drive", drive, "-device", "ide-cd,drive=c,bootindex=1"];
  };

  /** All of the Windows PE, whose UEFI boot manager is that program. */
  async function build(name: string, manager: string): Promise<void> {
    const folder = join(lab.room.folder, name);
    mkdirSync(folder);
    const [wim, agent, efisys] = ["boot.wim", "agent.exe", "efisys.bin"].map((one) => join(folder, one));
    const [sectors, wimboot] = [join(folder, "etfsboot.com"), join(folder, "wimboot")];
    assert.ok(wim !== undefined && agent !== undefined && efisys !== undefined);
    efiVolume(efisys, manager);
    writeFileSync(sectors, Buffer.concat([networkLoader(), Buffer.alloc(4096)]).subarray(0, 4096));
    writeFileSync(agent, fakeProgram());
    writeFileSync(wimboot, bootKernel());
    writeBootWim(folder, wim, {
      changes: {
        "Windows/Boot/EFI_EX/bootmgfw_EX.efi": `file:${manager}`,
        "Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin": `file:${efisys}`,
        "Windows/Boot/DVD/PCAT/etfsboot.com": `file:${sectors}`,
      },
    });
    const place = { wim, agent, wimboot, output: media, site: `https://${lab.address}:8443` };
    const made = await buildWinpe(winpeOptions({ ...place, forms: null }));
    assert.deepEqual(made.left, []);
  }

  before(async () => {
    lab = await FirmwareLab.open("windows pe media", host, "10.233.2");
    buildBootProgram(program());
    media = lab.makeMedia();
    copyFileSync("/usr/lib/ipxe/ipxe.efi", join(media, "ipxe.efi"));
    await build("unsigned", program());
    site = await lab.startSite(media);
    await site.client.post("/pxe/properties", { bootImage: "winpe", uefiLoader: "ipxe" });
  });
  after(() => lab.close());

  test("BIOS: iPXE loads wimboot by HTTP and gives it the boot configuration, boot.sdi and the image", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff21";
    await site.client.post("/devices", { name: "bios", uuid });
    const whole = new RegExp(`${bootKernelSays}([0-9a-f]{8})`);
    const said = await lab.boots(whole, lab.bios(uuid, "52:54:00:98:02:01"));
    const given = Number.parseInt(whole.exec(said)?.[1] ?? "", 16);
    const names = ["Boot/BCD.bios", "Boot/boot.sdi", "Boot/boot.wim"];
    const bytes = names.reduce((sum, name) => sum + statSync(inMedia(name)).size, 0);
    // Each with its name before it, and up to a page's end.
    assert.ok(given >= bytes && given < bytes + names.length * 8192, `${given} bytes for ${bytes}`);
  });

  test("UEFI: iPXE loads wimboot by HTTP, which finds the three files by the names it looks for", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff22";
    await site.client.post("/devices", { name: "uefi", uuid });
    copyFileSync(program(), inMedia("wimboot"));
    const card = ["-device", "virtio-net-pci,netdev=n,mac=52:54:00:98:02:02,romfile="];
    const said = await lab.boots(new RegExp(bootProgramIsDone), [...lab.uefi(uuid), "-boot", "n", ...card]);
    for (const [name, file] of [
      ["BCD", "Boot/BCD.bios"],
      ["boot.sdi", "Boot/boot.sdi"],
      ["boot.wim", "Boot/boot.wim"],
    ] as const) {
      assert.ok(said.includes(lineOf(name, inMedia(file))), `${name}\n${said.slice(-4000)}`);
    }
  });

  test("UEFI, the stick: the boot manager starts, and reads its configuration, boot.sdi and the image there", async () => {
    const said = await lab.boots(new RegExp(bootProgramIsDone), [...lab.uefi(), ...stick()]);
    assert.ok(said.includes(lineOf("Boot\\boot.sdi", inMedia("Boot/boot.sdi"))), said.slice(-4000));
    assert.ok(said.includes(lineOf("sources\\boot.wim", inMedia("Boot/boot.wim"))), said.slice(-4000));
    assert.match(said, /file EFI\\Microsoft\\Boot\\BCD /);
  });

  test("UEFI, the ISO: what its El Torito entry for UEFI holds is started", async () => {
    await lab.boots(new RegExp(bootProgramIsDone), [...lab.uefi(), ...disc()]);
  });

  test("BIOS, the ISO: the sectors of its El Torito entry for a BIOS are started", async () => {
    await lab.boots(new RegExp(bootManagerSays), ["-m", "256", "-vga", "none", ...disc()]);
  });

  test("Secure Boot with Microsoft's keys: stick and ISO start what Microsoft signed, and nothing unsigned", async () => {
    for (const words of [stick(), disc()]) {
      const refused = await lab.boots(/Access Denied|Security Violation/i, [
        ...lab.secureFirmware(),
        ...words,
      ]);
      assert.doesNotMatch(refused, new RegExp(bootProgramIsDone));
    }
    await build("signed", signedShim);
    for (const words of [stick(), disc()]) {
      // shim goes on with what is beside it, of which there is nothing.
      const said = await lab.boots(/grubx64\.efi[^\n]*Not Found/i, [...lab.secureFirmware(), ...words]);
      assert.doesNotMatch(said, /Access Denied|Security Violation/i);
    }
  });
}
