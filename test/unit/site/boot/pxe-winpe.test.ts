/** A site whose boot image is a Windows PE: what boot loaders and firmware are told. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dhcpConfiguration } from "../../../../site/boot/pxe-configuration.ts";
import { PxeFiles } from "../../../../site/boot/pxe-files.ts";
import { GrubAnswers } from "../../../../site/boot/pxe-grub.ts";
import { waitFor } from "../../../fixtures/program.ts";
import { openPxeStore } from "../../../fixtures/pxe-store.ts";

const mac = "52:54:00:00:00:07";
const uuid = "11223344-5566-7788-99aa-bbccddeeff07";
const { close, folder, log, pxe } = await openPxeStore();
before(() => pxe.change({ unknown: "answer", bootImage: "winpe" }));
after(close);

async function configuration(): Promise<string> {
  const network = { network: "10.0.0.0", netmask: "255.255.255.0", broadcast: "10.0.0.255" };
  const at = { ...network, name: "e0", address: "10.0.0.1", mac: "52:54:00:00:00:01", range: null };
  const options = {
    interfaces: [at],
    properties: pxe.properties,
    known: (await pxe.devices.index()).known(),
    winpeNext: pxe.winpeNext,
  };
  return dhcpConfiguration({ ...options, router: null, nameServers: [], port: 8480, leaseFile: "leases" });
}

test("without media for it a computer starts from its disk, and is told why", async () => {
  const answer = await pxe.answer({ mac, uuid }, "10.0.0.9");
  assert.deepEqual(answer, {
    kind: "local",
    reason: "the site has no Windows PE: volley media build --winpe",
  });
});

test("GRUB restarts the computer, and its firmware loads Windows' boot manager until it is in its PE", async (t) => {
  pxe.hasWinpe = () => true;
  const root = join(folder, "tftp");
  const grub = new GrubAnswers({ root, pxe, log });
  t.after(() => grub.stop());
  assert.doesNotMatch(await configuration(), /set:winpenext,/);
  let changes = 0;
  pxe.changed = () => (changes += 1);
  const name = `${uuid}_${mac}_accepted.cfg`;
  grub.asked({ file: `boot/${name}`, address: "10.0.0.9", outcome: "missing" });
  const answer = join(root, "boot", name);
  await waitFor(() => existsSync(answer) || null, { what: "an answer" });
  assert.match(readFileSync(answer, "utf8"), /^reboot$/m);
  assert.equal(changes, 1);
  const marked = await configuration();
  assert.match(marked, new RegExp(`^dhcp-mac=set:winpenext,${mac}$`, "m"));
  assert.match(marked, /^dhcp-match=set:winpenext,97,00:11:22:33:44:/m);
  assert.match(marked, /^dhcp-boot=tag:e0,tag:firstwinpe,bootmgfw\.efi,,10\.0\.0\.1$/m);
  pxe.machineArrives({ macs: [mac], uuid: null });
  assert.equal(changes, 2);
  assert.doesNotMatch(await configuration(), /set:winpenext,/);
});

test("a machine that asks for its work is in its PE", async () => {
  const device = await pxe.devices.add({ name: "one", mac, uuid });
  await pxe.startWinpeNext({ mac, uuid });
  assert.match(await configuration(), /set:winpenext,/);
  pxe.machineArrives({ id: device.id });
  assert.doesNotMatch(await configuration(), /set:winpenext,/);
});

test("iPXE gets wimboot with all that it takes, where the media have it, and else Windows' own loaders", async (t) => {
  pxe.hasWinpe = () => true;
  const port = 20_000 + (process.pid % 10_000);
  const files = new PxeFiles({ pxe, mediaFolder: folder, addresses: ["127.0.0.1"], port, log });
  await files.start();
  t.after(() => files.stop());
  const base = `http://127.0.0.1:${port}`;
  const ask = async (path: string): Promise<string> => await (await fetch(base + path)).text();
  const accepted = `/boot/ipxe/${uuid}/${mac.replaceAll(":", "-")}/accepted`;
  const own = await ask(accepted);
  assert.match(own, /^set netX\/252:string \\Boot\\BCD\.bios\nchain .*tftp:\/\/127\.0\.0\.1\/pxeboot\.n12$/m);
  assert.match(own, /:efi\nchain .*tftp:\/\/127\.0\.0\.1\/bootmgfw\.efi$/m);
  mkdirSync(join(folder, "winpe/Boot"), { recursive: true });
  for (const name of ["wimboot", "Boot/BCD.bios", "Boot/boot.sdi", "Boot/boot.wim"]) {
    writeFileSync(join(folder, "winpe", name), name);
  }
  const script = await ask(accepted);
  const urls = [...script.matchAll(/^(?:kernel|initrd --name \S+) http:\/\/[^/]+(\/\S+)/gm)].map(
    ([, path = ""]) => path,
  );
  assert.equal(urls.length, 4);
  for (const path of urls) assert.equal(await ask(path), path.replace("/winpe/", ""));
});
