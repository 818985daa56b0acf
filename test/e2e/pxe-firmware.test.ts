/**
 * Real firmware boots from a site: SeaBIOS with iPXE, and UEFI with Secure Boot and Microsoft's keys through Debian's signed
 * shim and GRUB. What they are told at the end is a stand-in's, which says that they came there.
 */
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeviceRecord } from "../../contract/devices.ts";
import { FirmwareLab, firmwareTimeMs } from "../fixtures/firmware-lab.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { waitFor } from "../fixtures/program.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const password = "horse.battery";
/** What firmware of UEFI says when its boot loader ended and no disk is there. */
const withoutDisk = /Boot Manager|UEFI Interactive Shell/;
const uuids = {
  bios: "11223344-5566-7788-99aa-bbccddeeff01",
  uefi: "11223344-5566-7788-99aa-bbccddeeff02",
  http: "11223344-5566-7788-99aa-bbccddeeff03",
};

testOnNetwork(
  {
    title: "firmware boots from a site",
    hostCount: 1,
    file: import.meta.url,
    skip: wanted ? false : "only with scripts/test --e2e",
  },
  ({ hosts: [host] }) => {
    assert.ok(host);
    tests(host);
  },
);

function tests(host: Host): void {
  let lab: FirmwareLab;
  let site: SiteProcess;

  before(async () => {
    lab = await FirmwareLab.open("pxe firmware", host, "10.233.0");
    const media = lab.makeMedia();
    writeFileSync(join(media, "boot.ipxe"), "#!ipxe\necho iPXE is at the media\nsleep 600\n");
    writeFileSync(
      join(media, "grub", "grub.cfg"),
      "echo GRUB is at the media, lockdown $lockdown\nsleep 600\n",
    );
    copyFileSync("/usr/lib/ipxe/ipxe.efi", join(media, "ipxe.efi"));
    copyFileSync("/usr/lib/ipxe/undionly.kpxe", join(media, "undionly.kpxe"));
    site = await lab.startSite(media);
    for (const name of ["bios", "http"] as const) {
      await site.client.post<DeviceRecord>("/devices", { name, uuid: uuids[name] });
    }
  });
  after(() => lab.close());

  test("SeaBIOS: iPXE asks the site, and boots what the media says", async () => {
    await lab.boots(/iPXE is at the media/, ["-no-reboot", ...lab.bios(uuids.bios, "52:54:00:98:00:01")]);
  });

  test("UEFI with Secure Boot: the signed GRUB waits for approval, then boots what the media says", async () => {
    const approving = waitFor(
      async () => {
        const computers = await site.client.get<DeviceRecord[]>("/devices");
        return computers.find(({ state, uuid }) => state === "waiting" && uuid === uuids.uefi);
      },
      { what: "a computer that waits", timeMs: firmwareTimeMs },
    ).then(({ id }) => site.client.post(`/devices/${id}/state`, { state: "approved" }));
    const words = lab.secureBoot(uuids.uefi, "52:54:00:98:00:02");
    const booting = lab.boots(/GRUB is at the media, lockdown y/, ["-no-reboot", ...words]);
    await Promise.all([approving, booting]);
  });

  test("who waits for approval starts from the disk when a person at it says so, by iPXE and by GRUB", async () => {
    const held = /waits until it is approved at the site/;
    await lab.talks(
      [{ says: held }, { says: /from its disk/, presses: ["ctrl", "c"] }, { says: /No bootable device/ }],
      ["-no-reboot", ...lab.bios(randomUUID(), "52:54:00:98:00:06")],
    );
    await lab.talks(
      [{ says: held }, { says: /from its disk/, presses: ["esc"] }, { says: withoutDisk }],
      ["-no-reboot", ...lab.secureBoot(randomUUID(), "52:54:00:98:00:07")],
    );
  });

  test("UEFI by HTTP boot: iPXE comes by HTTP, and boots what the media says", async () => {
    const words = lab.uefiHttp(uuids.http, "52:54:00:98:00:03");
    const said = await lab.boots(/iPXE is at the media/, ["-no-reboot", ...words]);
    assert.match(said, /Start HTTP Boot over IPv4/);
    assert.match(said, /http:\/\/10\.233\.0\.1:8480\/ipxe\.efi/);
  });

  test("iPXE asks for the password, once more when it is wrong", async () => {
    await site.client.post("/pxe/properties", { password });
    await lab.talks(
      [
        { says: /Username/, types: "" },
        { says: /Password/, types: "wrong" },
        { says: /The password is not right/ },
        { says: /Username/, types: "" },
        { says: /Password/, types: password },
        { says: /iPXE is at the media/ },
      ],
      ["-no-reboot", ...lab.bios(uuids.bios, "52:54:00:98:00:01")],
    );
  });

  test("GRUB asks for the password, and boots nothing without it", async () => {
    const refused = await lab.talks(
      [
        { says: /Enter username/, types: "volley" },
        { says: /Enter password/, types: "wrong" },
        { says: /Access denied|Enter username/i },
      ],
      ["-no-reboot", ...lab.secureBoot(uuids.uefi, "52:54:00:98:00:02")],
    );
    assert.doesNotMatch(refused, /GRUB is at the media/);
    await lab.talks(
      [
        { says: /Enter username/, types: "volley" },
        { says: /Enter password/, types: password },
        { says: /GRUB is at the media, lockdown y/ },
      ],
      ["-no-reboot", ...lab.secureBoot(uuids.uefi, "52:54:00:98:00:02")],
    );
  });

  test("who is asked and says nothing starts from the disk, by iPXE and by GRUB; who takes it boots", async () => {
    await site.client.post("/pxe/properties", { password: null, unknown: "answer", promptSeconds: 5 });
    const bios = ["-no-reboot", ...lab.bios(randomUUID(), "52:54:00:98:00:04")];
    const left = await lab.talks([{ says: /Press Enter for/ }, { says: /No bootable device/ }], bios);
    assert.doesNotMatch(left, /iPXE is at the media/);
    await lab.talks([{ says: /Press Enter for/, types: "" }, { says: /iPXE is at the media/ }], bios);

    const uefi = ["-no-reboot", ...lab.secureBoot(randomUUID(), "52:54:00:98:00:05")];
    const menu = /Start from the disk/;
    const silent = await lab.talks([{ says: menu }, { says: withoutDisk }], uefi);
    assert.doesNotMatch(silent, /GRUB is at the media/);
    await lab.talks([{ says: menu, presses: ["down"], types: "" }, { says: /GRUB is at the media/ }], uefi);
  });
}
