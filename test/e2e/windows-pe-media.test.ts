/**
 * A Windows PE of stand-ins, made and served by a site, as far as firmware takes it: with Secure Boot and Microsoft's keys
 * the signed GRUB asks the site and restarts the computer, whose firmware then loads Windows' boot manager itself; a BIOS
 * starts its network loader through iPXE, and the stick. Microsoft's signed shim stands in for the boot manager: both are
 * loaded by the firmware, and fetch what they go on with by the firmware's own TFTP.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildWinpe } from "../../site/boot/winpe.ts";
import type { WinpeDescription } from "../../site/boot/winpe-texts.ts";
import { makeBootMedia } from "../fixtures/boot-media.ts";
import { networkAround, runOnFirstHost, type Host } from "../fixtures/network.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { fetchFrom } from "../fixtures/pxe-lab.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { bootManagerSays, fakeProgram, standInBootManager } from "../fixtures/windows-image.ts";
import { writeBootWim } from "../fixtures/winpe-image.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "windows";
const network = networkAround(1);
const timeMs = 600_000;
const shim = "/usr/lib/shim/shimx64.efi.signed";

if (network === null) {
  const skip = wanted ? false : "only with scripts/test --windows";
  test("firmware starts a Windows PE from a site", { skip }, async () => {
    const { code, story } = await runOnFirstHost(1, fileURLToPath(import.meta.url));
    console.log(story);
    assert.equal(code, 0, story);
  });
} else {
  const [host] = network.hosts;
  assert.ok(host);
  tests(host);
}

/** The stand-in finds its text by its own address: a network's loader is at 0:7C00, a boot sector's at the start of a segment. */
function networkLoader(): Buffer {
  const code = Buffer.from(standInBootManager);
  code.writeUInt16LE(code.readUInt16LE(4) + 0x7c00, 4);
  return code;
}

function tests(host: Host): void {
  let room: Room;
  let site: SiteProcess;
  let machine: Program | null = null;
  let media: string;
  let made: WinpeDescription;
  const address = "10.233.1.1";

  before(async () => {
    room = await openRoom("windows pe");
    media = makeBootMedia(join(room.folder, "media"));
    copyFileSync(shim, join(media, "shimx64.efi"));
    copyFileSync("/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", join(media, "grubx64.efi"));
    const [wim, agent] = [join(room.folder, "boot.wim"), join(room.folder, "agent.exe")];
    const changes = { "Windows/Boot/EFI_EX/bootmgfw_EX.efi": `file:${shim}` };
    const loader = join(room.folder, "pxeboot.n12");
    writeFileSync(loader, networkLoader());
    writeBootWim(room.folder, wim, {
      changes: { ...changes, "Windows/Boot/PXE/pxeboot.n12": `file:${loader}` },
    });
    writeFileSync(agent, fakeProgram());
    const nothing = {
      index: null,
      drivers: null,
      bootManager: null,
      bootSdi: null,
      adk: null,
      wimboot: null,
    };
    made = await buildWinpe({
      ...nothing,
      wim,
      agent,
      output: media,
      site: "https://10.233.1.1:8443",
      fingerprint: "ab".repeat(32),
      credential: "none",
      credentialExpires: "2027-01-01T00:00:00.000Z",
      shell: false,
      forms: null,
      onStep: () => undefined,
    });
    for (const words of [
      ["link", "add", "br1", "type", "bridge"],
      ["address", "add", `${address}/24`, "dev", "br1"],
      ["link", "set", "br1", "up"],
      ["tuntap", "add", "tap1", "mode", "tap"],
      ["link", "set", "tap1", "master", "br1", "up"],
    ]) {
      execFileSync("ip", words);
    }
    const words = ["--pxe", "br1", "--pxe-media", media, "--pxe-range", "10.233.1.100-10.233.1.110"];
    site = await room.startSite({ address: host.address, words });
    await site.client.post("/pxe/properties", { bootImage: "winpe" });
  });
  after(async () => {
    await machine?.kill();
    await room.close();
  });

  /** Until its console has said so. */
  async function boots(said: RegExp, words: string[]): Promise<string> {
    const cpu = ["-accel", "tcg", "-cpu", "max", "-nographic"];
    const card = ["-netdev", "tap,id=n,ifname=tap1,script=no,downscript=no"];
    const started = new Program("machine", ["nice", "qemu-system-x86_64", ...cpu, ...card, ...words]);
    machine = started;
    await waitFor(() => said.test(started.output), { what: `${said}`, timeMs, story: () => started.story() });
    await started.kill();
    return started.output;
  }

  test("what Windows' boot manager asks for by TFTP is there, under the names it asks by", () => {
    for (const [asked, name] of [
      ["%5CBoot%5CBCD", "Boot/BCD"],
      ["%5CBoot%5Cboot.sdi", "Boot/boot.sdi"],
      ["%5CBoot%5CFonts%5Cwgl4_boot.ttf", "Boot/Fonts/wgl4_boot.ttf"],
      ["/Boot/boot.wim", "Boot/boot.wim"],
      ["/bootmgr.exe", "bootmgr.exe"],
    ] as const) {
      const bytes = fetchFrom(host, `tftp://${address}/${asked.replace(/^\//, "")}`);
      const hash = createHash("sha256")
        .update(bytes ?? "")
        .digest("hex");
      assert.equal(hash, made.files[name]?.sha256, asked);
    }
  });

  test("Secure Boot: the site is asked, the computer restarts, and the firmware loads the boot manager", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff12";
    await site.client.post("/devices", { name: "uefi", uuid });
    const keys = join(room.folder, "vars.fd");
    copyFileSync("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", keys);
    const flash = "if=pflash,format=raw";
    // It is loaded, accepted, and fetches by the firmware's TFTP, which the next line of GRUB shows.
    const whole = new RegExp(
      "restarts into its Windows PE[^]*NBP filename is bootmgfw\\.efi[^]*NBP file downloaded successfully" +
        "[^]*Welcome to GRUB",
    );
    const words = [
      ["-boot", "n", "-m", "1024", "-machine", "q35,smm=on", "-uuid", uuid],
      ["-global", "driver=cfi.pflash01,property=secure,value=on"],
      ["-drive", `${flash},unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd`],
      ["-drive", `${flash},unit=1,file=${keys}`],
      // QEMU's iPXE in the card's ROM is not signed.
      ["-device", "virtio-net-pci,netdev=n,mac=52:54:00:98:01:02,romfile="],
    ];
    const said = await boots(whole, words.flat());
    assert.doesNotMatch(said, /Access Denied|Security Violation/i);
  });

  test("BIOS: iPXE asks the site and starts Windows' network loader", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff11";
    await site.client.post("/devices", { name: "bios", uuid });
    const nic = "virtio-net-pci,netdev=n,mac=52:54:00:98:01:01";
    const words = ["-boot", "n", "-m", "512", "-vga", "none", "-device", nic, "-uuid", uuid];
    await boots(new RegExp(bootManagerSays), words);
  });

  test("BIOS: the stick starts Windows' boot manager", async () => {
    const stick = `file=${join(media, "winpe/volley-winpe-usb.img")},format=raw,if=ide,snapshot=on`;
    const words = ["-m", "256", "-boot", "c", "-drive", stick, "-device", "e1000,netdev=n"];
    await boots(new RegExp(bootManagerSays), words);
  });
}
