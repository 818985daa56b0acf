/** Real firmware beside another DHCP server: the address from one, what to load from the site, which may refuse it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FirmwareLab } from "../fixtures/firmware-lab.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const excludedMac = "52:54:00:98:00:13";
const uuids = {
  bios: "11223344-5566-7788-99aa-bbccddeeff11",
  uefi: "11223344-5566-7788-99aa-bbccddeeff12",
  excluded: "11223344-5566-7788-99aa-bbccddeeff13",
};

testOnNetwork(
  {
    title: "firmware boots beside another DHCP server",
    hostCount: 2,
    file: import.meta.url,
    skip: wanted ? false : "only with scripts/test --e2e",
  },
  ({ hosts: [host, router] }) => {
    assert.ok(host && router);
    tests(host, router);
  },
);

function tests(host: Host, router: Host): void {
  let lab: FirmwareLab;
  /** Of the other server's range. */
  const leased = new RegExp(
    `${router.address.replace(/\.\d+$/, "").replaceAll(".", String.raw`\.`)}\\.1\\d\\d`,
  );

  before(async () => {
    lab = await FirmwareLab.open("pxe proxy firmware", host, { besideDhcpOn: router });
    const media = lab.makeMedia();
    writeFileSync(join(media, "boot.ipxe"), "#!ipxe\necho iPXE is at the media, ${net0/ip}\nsleep 600\n");
    writeFileSync(
      join(media, "grub", "grub.cfg"),
      "echo GRUB is at the media, lockdown $lockdown\nsleep 600\n",
    );
    const site = await lab.startSite(media);
    for (const [name, uuid] of Object.entries(uuids)) await site.client.post("/devices", { name, uuid });
    await site.client.post("/pxe/properties", { excludedMacs: [excludedMac] });
  });
  after(() => lab.close());

  test("SeaBIOS with iPXE", async () => {
    const words = lab.bios(uuids.bios, "52:54:00:98:00:11");
    const said = await lab.boots(/iPXE is at the media, [\d.]+/, ["-no-reboot", ...words]);
    assert.match(/iPXE is at the media, ([\d.]+)/.exec(said)?.[1] ?? "", leased);
  });

  test("UEFI with Secure Boot, by the signed GRUB", async () => {
    const words = lab.secureBoot(uuids.uefi, "52:54:00:98:00:12");
    await lab.boots(/GRUB is at the media, lockdown y/, ["-no-reboot", ...words]);
  });

  test("one whose MAC address is excluded gets an address, and nothing to load", async () => {
    const words = lab.bios(uuids.excluded, excludedMac);
    const said = await lab.boots(/Nothing to boot|No more network devices/, ["-no-reboot", ...words]);
    assert.match(said, leased);
    assert.doesNotMatch(said, /iPXE is at the media/);
  });
}
