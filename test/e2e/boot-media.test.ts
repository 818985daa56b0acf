/**
 * Boot media, built and started: a machine with an empty disk boots from the ISO or the USB image with 1 GB of memory,
 * enrols at a site and takes an image by multicast. Minutes, so only at the level `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MachineRecord } from "../../contract/administration.ts";
import type { MediaDescription } from "../../site/boot/media-description.ts";
import { firstDifference, writeStructuredImage } from "../fixtures/images.ts";
import { testSeed } from "../fixtures/random.ts";
import { packageAgent } from "../fixtures/packaged.ts";
import { SiteProcess } from "../fixtures/site-process.ts";
import { VirtualMachine, VirtualNetwork, type Firmware } from "../fixtures/virtual-machine.ts";
import { volleyJson } from "../fixtures/volley-command.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
/** Screens go here, to be looked at. */
const pictures = join(root, "build/screens");
const port = 8443;
const imageMebibytes = 96;
const diskBytes = 200 * 2 ** 20;

let folder = "";
let media = "";
let image = "";
let network: VirtualNetwork;
let site: SiteProcess;

const volley = <Answer>(...words: string[]): Promise<Answer> => volleyJson<Answer>(site, ...words);

before(async () => {
  if (!wanted) return;
  const seed = testSeed("boot media");
  folder = mkdtempSync(join(tmpdir(), "volley-media-"));
  mkdirSync(pictures, { recursive: true });
  network = new VirtualNetwork(folder);
  await packageAgent("linux-x64", join(folder, "package"));
  site = new SiteProcess(join(folder, "site"), {
    prefix: network.prefix,
    address: network.address,
    words: ["--port", String(port)],
  });
  media = join(folder, "media");
  const place = ["--site", `https://${network.address}:${port}`, "--output", media];
  const agent = ["--agent", join(folder, "package/volley-agent")];
  await run(process.execPath, [
    program,
    "media",
    "build",
    "--approve",
    ...place,
    ...agent,
    "--data",
    site.folder,
    "--json",
  ]);
  await site.start();
  image = join(folder, "image.raw");
  await writeStructuredImage(image, imageMebibytes, seed);
  await volley("image", "import", image, "--name", "lab");
  const confirmed = ["--unattended", "--required", "--confirm", "all machines"];
  await volley("deployment", "create", "room", "--image", "lab", ...confirmed);
});
after(async () => {
  if (!wanted) return;
  await site?.close();
  await network?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("kernel and initramfs have at most 150 MB; media.json has every file's hash", { skip }, () => {
  const description = JSON.parse(readFileSync(join(media, "media.json"), "utf8")) as MediaDescription;
  assert.equal(Object.keys(description.files).length, 10);
  for (const [name, { bytes, sha256 }] of Object.entries(description.files)) {
    const content = readFileSync(join(media, name));
    assert.equal(content.length, bytes, name);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256, name);
  }
  const loaded = ["vmlinuz", "initrd.zst"].reduce((sum, name) => sum + statSync(join(media, name)).size, 0);
  assert.ok(loaded <= 150e6, `${loaded} bytes`);
});

test("the credential is in the initramfs alone, and no other secret of the site is", { skip }, async () => {
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  const unpack = 'zstd -dcq "$1" | (cpio --quiet -id etc/volley/*; cpio --quiet -id) && cat etc/volley/*';
  const { stdout } = await run("bash", ["-c", unpack, "bash", join(media, "initrd.zst")], { cwd: unpacked });
  const credential = readFileSync(join(unpacked, "etc/volley/credential"), "utf8").trim();
  assert.ok(credential.length >= 20);
  const description = JSON.parse(readFileSync(join(media, "media.json"), "utf8")) as MediaDescription;
  const shared = join(folder, "shared.zst");
  const { bytes, sha256 } = description.withoutCredential;
  writeFileSync(shared, readFileSync(join(media, "initrd.zst")).subarray(0, bytes));
  assert.equal(createHash("sha256").update(readFileSync(shared)).digest("hex"), sha256);
  const { stdout: names } = await run("bash", ["-c", 'zstd -dcq "$1" | cpio --quiet -t', "bash", shared]);
  assert.match(names, /^etc\/volley\/media$/m);
  assert.doesNotMatch(names, /credential/);
  for (const name of ["media.json", "grub/grub.cfg", "boot.ipxe"]) {
    assert.ok(!readFileSync(join(media, name), "utf8").includes(credential), name);
  }
  const adminToken = readFileSync(join(site.folder, "admin-token"), "utf8").trim();
  assert.ok(!stdout.includes(adminToken) && !stdout.includes("PRIVATE KEY"));
});

interface Boot {
  name: string;
  firmware: Firmware;
  words(disk: string): string[];
  /** What the machine calls its firmware. */
  shown: RegExp;
}

/** Until it has the image; gives the machine while it still runs. */
async function bootAndDeploy(boot: Boot, whileStarting: (machine: VirtualMachine) => unknown): Promise<void> {
  const disk = join(folder, `${boot.name}.raw`);
  writeFileSync(disk, "");
  truncateSync(disk, diskBytes);
  const { firmware, name } = boot;
  const machine = new VirtualMachine({ name, network, folder, firmware, words: boot.words(disk) });
  try {
    await whileStarting(machine);
    await machine.says(boot.shown);
    await machine.says(/is on the disk and verified [^(]*\([1-9][\d.]* MB by multicast/);
    await machine.takePicture(join(pictures, `${name}.png`));
    await machine.says(/The deployment is done/);
    await machine.ends();
    assert.equal(await firstDifference(image, disk), -1);
  } finally {
    await machine.kill();
    rmSync(disk, { force: true });
  }
}

const uuid = (digit: number): string[] => ["-uuid", `7a1b2c3d-0000-4000-8000-00000000000${digit}`];

test("BIOS, ISO; the network comes late, and the clock is twenty years off", { skip }, async () => {
  const boot: Boot = {
    name: "media-bios-iso",
    firmware: "bios",
    words: (disk) =>
      [
        [...uuid(1), "-cdrom", join(media, "volley.iso"), "-boot", "d", "-rtc", "base=2004-02-03T00:00:00"],
        ["-drive", `file=${disk},format=raw,if=virtio,cache=unsafe`],
        ["-device", "virtio-net-pci,netdev=net,romfile="],
      ].flat(),
    shown: / · BIOS · 10\.9\.8\.\d+/,
  };
  await bootAndDeploy(boot, async (machine) => {
    await machine.says(/No DHCP server answered on: eth0 \(link\)/);
    network.startDhcp();
    await machine.says(/clock said 2004-02-03/);
  });
});

test("UEFI, ISO, to an NVMe disk", { skip }, async () => {
  const boot: Boot = {
    name: "media-uefi-iso",
    firmware: "uefi",
    words: (disk) =>
      [
        [...uuid(2), "-drive", `file=${join(media, "volley.iso")},format=raw,if=none,id=disc,media=cdrom`],
        ["-device", "ide-cd,drive=disc,bootindex=1"],
        ["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
        ["-device", "nvme,drive=disk,serial=1", "-device", "e1000e,netdev=net,romfile="],
      ].flat(),
    shown: / · UEFI · /,
  };
  await bootAndDeploy(boot, () => network.startDhcp());
});

test("UEFI with Secure Boot and nothing enrolled, USB stick, to a SATA disk", { skip }, async () => {
  const stick = `file=${join(media, "volley-usb.img")},format=raw,if=none,id=stick,snapshot=on`;
  const boot: Boot = {
    name: "media-secure-boot-usb",
    firmware: "secure boot",
    words: (disk) =>
      [
        [...uuid(3), "-drive", stick, "-device", "qemu-xhci"],
        ["-device", "usb-storage,drive=stick,bootindex=1,removable=on"],
        ["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
        ["-device", "ide-hd,drive=disk,bus=ide.0", "-device", "e1000,netdev=net,romfile="],
      ].flat(),
    shown: / · UEFI, Secure Boot on · /,
  };
  await bootAndDeploy(boot, () => network.startDhcp());
});

/** From a USB stick with that content. */
function bootFromStick(name: string, firmware: Firmware, content: string, shown: RegExp): Promise<void> {
  network.startDhcp();
  const stick = `file=${join(media, content)},format=raw,if=none,id=stick,snapshot=on`;
  const words = [
    ["-drive", stick, "-device", "qemu-xhci", "-device", "usb-storage,drive=stick,bootindex=1"],
    ["-device", "virtio-net-pci,netdev=net,romfile="],
  ].flat();
  return reachPe(name, firmware, shown, words);
}

/** It ends as soon as the PE has an address. */
async function reachPe(name: string, firmware: Firmware, shown: RegExp, words: string[]): Promise<void> {
  const machine = new VirtualMachine({ name, network, folder, firmware, words });
  try {
    await machine.says(shown);
  } finally {
    await machine.kill();
  }
}

test("BIOS, USB stick", { skip }, () =>
  bootFromStick("media-bios-usb", "bios", "volley-usb.img", / · BIOS · 10/),
);

test("BIOS, the ISO written to a USB stick", { skip }, () =>
  bootFromStick("media-bios-iso-usb", "bios", "volley.iso", / · BIOS · 10/),
);

test("UEFI with Secure Boot, the ISO written to a USB stick", { skip }, () =>
  bootFromStick("media-secure-boot-iso-usb", "secure boot", "volley.iso", / · UEFI, Secure Boot on · 10/),
);

test("the site knows the three machines, and that they have succeeded", { skip }, async () => {
  const all = await volley<MachineRecord[]>("machine", "list");
  // The last ones ended before or after they had enrolled.
  const machines = all.filter(({ facts }) => facts.smbiosUuid !== null);
  const uuids = machines.map(({ facts }) => facts.smbiosUuid);
  assert.deepEqual(new Set(uuids), new Set([uuid(1)[1], uuid(2)[1], uuid(3)[1]]));
  for (const machine of machines) assert.equal(machine.state, "succeeded", machine.facts.name);
});

test("PXE from the site: BIOS by iPXE, UEFI with Secure Boot by the signed chain", { skip }, async () => {
  await site.stop();
  await network.stopDhcp();
  const range = ["--pxe-range", "10.9.8.100-10.9.8.150", "--pxe-media", media];
  site = new SiteProcess(site.folder, {
    prefix: network.prefix,
    address: network.address,
    words: ["--port", String(port), "--pxe", "bridge", ...range],
  });
  await site.start();
  await volley("pxe", "set", "--unknown", "answer");
  // The emulator's own iPXE is in the card's memory for BIOS; it is not signed, so UEFI gets none of it.
  const bios = [...uuid(4), "-boot", "n", "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:04"];
  await reachPe("pxe-bios", "bios", / · BIOS · 10\.9\.8\.1\d\d/, bios);
  const card = "virtio-net-pci,netdev=net,mac=52:54:00:00:00:05,romfile=";
  const uefi = [...uuid(5), "-boot", "n", "-device", card];
  await reachPe("pxe-secure-boot", "secure boot", / · UEFI, Secure Boot on · 10\.9\.8\.1\d\d/, uefi);
});
