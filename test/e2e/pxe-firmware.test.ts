/**
 * Real firmware boots from a site: SeaBIOS with iPXE, and UEFI with Secure Boot and Microsoft's keys through Debian's signed
 * shim and GRUB. What they are told at the end is a stand-in's, which says that they came there.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeviceRecord } from "../../contract/devices.ts";
import { makeBootMedia } from "../fixtures/boot-media.ts";
import { networkAround, runOnFirstHost, type Host } from "../fixtures/network.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const network = networkAround(1);
const timeMs = 600_000;

if (network === null) {
  const skip = wanted ? false : "only with scripts/test --e2e";
  test("firmware boots from a site", { skip }, async () => {
    const { code, story } = await runOnFirstHost(1, fileURLToPath(import.meta.url));
    console.log(story);
    assert.equal(code, 0, story);
  });
} else {
  const [host] = network.hosts;
  assert.ok(host);
  tests(host);
}

const uuids = {
  bios: "11223344-5566-7788-99aa-bbccddeeff01",
  uefi: "11223344-5566-7788-99aa-bbccddeeff02",
};

function tests(host: Host): void {
  let room: Room;
  let site: SiteProcess;
  let machine: Program | null = null;

  before(async () => {
    room = await openRoom("pxe firmware");
    const media = makeBootMedia(join(room.folder, "media"));
    copyFileSync("/usr/lib/shim/shimx64.efi.signed", join(media, "shimx64.efi"));
    copyFileSync("/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", join(media, "grubx64.efi"));
    writeFileSync(join(media, "boot.ipxe"), "#!ipxe\necho iPXE is at the media\nsleep 600\n");
    writeFileSync(
      join(media, "grub", "grub.cfg"),
      "echo GRUB is at the media, lockdown $lockdown\nsleep 600\n",
    );
    for (const words of [
      ["link", "add", "br1", "type", "bridge"],
      ["address", "add", "10.233.0.1/24", "dev", "br1"],
      ["link", "set", "br1", "up"],
      ["tuntap", "add", "tap1", "mode", "tap"],
      ["link", "set", "tap1", "master", "br1", "up"],
    ]) {
      execFileSync("ip", words);
    }
    const words = ["--pxe", "br1", "--pxe-media", media, "--pxe-range", "10.233.0.100-10.233.0.110"];
    site = await room.startSite({ address: host.address, words });
    await site.client.post<DeviceRecord>("/devices", { name: "bios", uuid: uuids.bios });
  });
  after(async () => {
    await machine?.kill();
    await room.close();
  });

  /** Until it has said so on its console. */
  async function boots(said: RegExp, ...words: string[]): Promise<void> {
    const cpu = ["-accel", "tcg", "-cpu", "max", "-nographic", "-no-reboot", "-boot", "n"];
    const card = ["-netdev", "tap,id=n,ifname=tap1,script=no,downscript=no"];
    const started = new Program("machine", ["nice", "qemu-system-x86_64", ...cpu, ...card, ...words]);
    machine = started;
    await waitFor(() => said.test(started.output), { what: `${said}`, timeMs, story: () => started.story() });
    await started.kill();
  }

  test("SeaBIOS: iPXE asks the site, and boots what the media says", async () => {
    const nic = "virtio-net-pci,netdev=n,mac=52:54:00:98:00:01";
    await boots(/iPXE is at the media/, "-m", "512", "-vga", "none", "-device", nic, "-uuid", uuids.bios);
  });

  test("UEFI with Secure Boot: the signed GRUB waits for approval, then boots what the media says", async () => {
    const keys = join(room.folder, "vars.fd");
    copyFileSync("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", keys);
    const flash = "if=pflash,format=raw";
    const approving = waitFor(
      async () => {
        const computers = await site.client.get<DeviceRecord[]>("/devices");
        return computers.find(({ state, uuid }) => state === "waiting" && uuid === uuids.uefi);
      },
      { what: "a computer that waits", timeMs },
    ).then(({ id }) => site.client.post(`/devices/${id}/state`, { state: "approved" }));
    const booting = boots(
      /GRUB is at the media, lockdown y/,
      "-m",
      "1024",
      "-machine",
      "q35,smm=on",
      "-uuid",
      uuids.uefi,
      "-global",
      "driver=cfi.pflash01,property=secure,value=on",
      "-drive",
      `${flash},unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd`,
      "-drive",
      `${flash},unit=1,file=${keys}`,
      // QEMU's iPXE in the card's ROM is not signed.
      "-device",
      "virtio-net-pci,netdev=n,mac=52:54:00:98:00:02,romfile=",
    );
    await Promise.all([approving, booting]);
  });
}
