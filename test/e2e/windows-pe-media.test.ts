/**
 * A Windows PE of stand-ins, made and served by a site, as far as firmware takes it: with Secure Boot and Microsoft's keys
 * the signed GRUB asks the site and restarts the computer, whose firmware then loads Windows' boot manager itself; a BIOS
 * starts its network loader through iPXE, and the stick. Microsoft's signed shim stands in for the boot manager: both are
 * loaded by the firmware, and fetch what they go on with by the firmware's own TFTP.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { limits } from "../../contract/limits.ts";
import { buildWinpe } from "../../site/boot/winpe.ts";
import type { WinpeDescription } from "../../site/boot/winpe-texts.ts";
import { FirmwareLab, signedShim } from "../fixtures/firmware-lab.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { fetchFrom } from "../fixtures/pxe-lab.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { bootManagerSays, fakeProgram, networkLoader } from "../fixtures/windows-image.ts";
import { askTftp } from "../fixtures/tftp-client.ts";
import { winpeOptions, writeBootWim } from "../fixtures/winpe-image.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "windows";

testOnNetwork(
  {
    title: "firmware starts a Windows PE from a site",
    hostCount: 1,
    file: import.meta.url,
    skip: wanted ? false : "only with scripts/test --windows",
  },
  ({ hosts: [host] }) => {
    assert.ok(host);
    tests(host);
  },
);

function tests(host: Host): void {
  let lab: FirmwareLab;
  let site: SiteProcess;
  let media: string;
  let made: WinpeDescription;

  before(async () => {
    lab = await FirmwareLab.open("windows pe", host, "10.233.1");
    const { folder } = lab.room;
    media = lab.makeMedia();
    const [wim, agent] = [join(folder, "boot.wim"), join(folder, "agent.exe")];
    const changes = { "Windows/Boot/EFI_EX/bootmgfw_EX.efi": `file:${signedShim}` };
    const loader = join(folder, "pxeboot.n12");
    writeFileSync(loader, networkLoader());
    writeBootWim(folder, wim, {
      changes: { ...changes, "Windows/Boot/PXE/pxeboot.n12": `file:${loader}` },
    });
    writeFileSync(agent, fakeProgram());
    const place = { wim, agent, output: media, site: `https://${lab.address}:8443` };
    made = await buildWinpe(winpeOptions({ ...place, forms: null }));
    site = await lab.startSite(media);
    await site.client.post("/pxe/properties", { bootImage: "winpe" });
  });
  after(() => lab.close());

  test("what Windows' boot manager asks for by TFTP is there, under the names it asks by", () => {
    for (const [asked, name] of [
      ["%5CBoot%5CBCD", "Boot/BCD"],
      ["%5CBoot%5Cboot.sdi", "Boot/boot.sdi"],
      ["%5CBoot%5CFonts%5Cwgl4_boot.ttf", "Boot/Fonts/wgl4_boot.ttf"],
      ["/Boot/boot.wim", "Boot/boot.wim"],
      ["/bootmgr.exe", "bootmgr.exe"],
    ] as const) {
      const bytes = fetchFrom(host, `tftp://${lab.address}/${asked.replace(/^\//, "")}`);
      const hash = createHash("sha256")
        .update(bytes ?? "")
        .digest("hex");
      assert.equal(hash, made.files[name]?.sha256, asked);
    }
  });

  test("the image comes in the blocks and windows that the boot configuration asks for", async () => {
    const options = {
      blksize: String(limits.winpeTftpBlockBytes),
      windowsize: String(limits.winpeTftpWindowBlocks),
    };
    const got = await askTftp(host, { server: lab.address, file: "\\Boot\\boot.wim", options });
    assert.deepEqual([got.error, got.options], [null, options]);
    assert.equal(got.sha256, made.files["Boot/boot.wim"]?.sha256);
    const blocks = Math.floor(got.bytes / limits.winpeTftpBlockBytes) + 1;
    assert.equal(got.acknowledgements, Math.ceil(blocks / limits.winpeTftpWindowBlocks) + 1);
  });

  test("Secure Boot: the site is asked, the computer restarts, and the firmware loads the boot manager", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff12";
    await site.client.post("/devices", { name: "uefi", uuid });
    // It is loaded, accepted, and fetches by the firmware's TFTP, which the next line of GRUB shows.
    const whole = new RegExp(
      "restarts into its Windows PE[^]*NBP filename is bootmgfw\\.efi[^]*NBP file downloaded successfully" +
        "[^]*Welcome to GRUB",
    );
    const said = await lab.boots(whole, lab.secureBoot(uuid, "52:54:00:98:01:02"));
    assert.doesNotMatch(said, /Access Denied|Security Violation/i);
  });

  test("BIOS: iPXE asks the site and starts Windows' network loader", async () => {
    const uuid = "11223344-5566-7788-99aa-bbccddeeff11";
    await site.client.post("/devices", { name: "bios", uuid });
    await lab.boots(new RegExp(bootManagerSays), lab.bios(uuid, "52:54:00:98:01:01"));
  });

  test("BIOS: the stick starts Windows' boot manager", async () => {
    const stick = `file=${join(media, "winpe/volley-winpe-usb.img")},format=raw,if=ide,snapshot=on`;
    const words = ["-m", "256", "-boot", "c", "-drive", stick, "-device", "e1000,netdev=n"];
    await lab.boots(new RegExp(bootManagerSays), words);
  });
}
