/**
 * What a machine in the PE says of what stands between it and its deployment, and that it goes on by itself once that is
 * mended: cable, address, site, certificate, disk, driver, clock. Minutes, so only at the level `e2e`; takes root.
 * The kernel is started by the emulator: how it comes to a machine is not what is tried here.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { errors } from "../../contract/errors.ts";
import { kernelOptions } from "../../site/boot/media-texts.ts";
import { firstDifference, writeStructuredImage } from "../fixtures/images.ts";
import { Program } from "../fixtures/program.ts";
import { makePeMedia, writeInitrdWithShell, type PeMediaOptions } from "../fixtures/pe-media.ts";
import { testSeed } from "../fixtures/random.ts";
import { SiteProcess } from "../fixtures/site-process.ts";
import { VirtualMachine, VirtualNetwork } from "../fixtures/virtual-machine.ts";
import { volleyJson } from "../fixtures/volley-command.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const timeServer = fileURLToPath(new URL("../fixtures/time-server.js", import.meta.url));
const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
/** Screens go here, to be looked at. */
const pictures = join(root, "build/screens");
const port = 8443;
const imageMebibytes = 24;
/** What a shell makes of a line that is typed. */
const typed = "seq 41 43 >/dev/ttyS0";
const typedAnswer = /^41\s+42\s+43\s*$/m;

let folder = "";
let image = "";
let media: PeMediaOptions;
let network: VirtualNetwork;
let site: SiteProcess;
let machine: VirtualMachine | null = null;

const newSite = (name: string): SiteProcess =>
  new SiteProcess(join(folder, name), {
    prefix: network.prefix,
    address: network.address,
    words: ["--port", String(port)],
  });

const volley = <Answer>(...words: string[]): Promise<Answer> => volleyJson<Answer>(site, ...words);

before(async () => {
  if (!wanted) return;
  const seed = testSeed("pe faults");
  folder = mkdtempSync(join(tmpdir(), "volley-faults-"));
  mkdirSync(pictures, { recursive: true });
  network = new VirtualNetwork(folder);
  site = newSite("site");
  await site.start();
  image = join(folder, "image.raw");
  await writeStructuredImage(image, imageMebibytes, seed);
  await volley("image", "import", image, "--name", "lab");
  const confirmed = ["--unattended", "--required", "--confirm", "all machines"];
  await volley("deployment", "create", "room", "--image", "lab", ...confirmed);
  const { credential } = await volley<{ credential: string }>("credential", "new", "--uses", "100");
  const { fingerprint, url } = site;
  media = { folder: join(folder, "media"), site: url, fingerprint, credential };
  await makePeMedia(media);
});
after(async () => {
  if (!wanted) return;
  await machine?.kill();
  await site?.close();
  await network?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An empty file, as a disk. */
function newDisk(name: string): string {
  const path = join(folder, `${name}.raw`);
  writeFileSync(path, "");
  truncateSync(path, 64 * 2 ** 20);
  return path;
}

/** Only one runs at a time. */
async function turnOn(number: number, words: string[], initrd?: string): Promise<VirtualMachine> {
  await machine?.kill();
  const name = `fault-${number}`;
  const kernel = [
    "-kernel",
    join(media.folder, "vmlinuz"),
    "-initrd",
    initrd ?? join(media.folder, "initrd.zst"),
  ];
  const uuid = `5c0de002-0000-4000-8000-00000000000${number}`;
  machine = new VirtualMachine({
    name,
    network,
    folder,
    firmware: "bios",
    // On a busy host the emulated timer may seem broken to the kernel, which would stop there.
    words: [...kernel, "-append", `${kernelOptions} no_timer_check`, "-uuid", uuid, ...words],
  });
  return machine;
}

const picture = (stage: string): Promise<void> | undefined =>
  machine?.takePicture(join(pictures, `pe-fault-${stage}.png`));

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** In the order in which it is said. */
const inTurn = (...texts: string[]): RegExp => new RegExp(texts.join("[^]*"));

test(
  "cable, address, site, certificate, disk: each is named in turn, and mended it goes on",
  { skip },
  async (context) => {
    await site.kill();
    await network.stopDhcp();
    const disk = newDisk("plugged");
    const card = ["-device", "virtio-net-pci,netdev=net,romfile="];
    const started = await turnOn(1, [
      ...card,
      "-drive",
      `file=${disk},format=raw,if=none,id=disk,cache=unsafe`,
    ]);

    await context.test("no cable", async () => {
      await started.plugCable(false);
      await started.says(/No cable: eth0 \(no link\)\. Plug it in, or try another port\./);
      await started.says(/Waiting for an address; this goes on by itself/);
      await picture("no-cable");
    });

    await context.test("the key for a shell says how to get one, and gives none", async () => {
      await started.says(/Alt\+F2 says how to get a shell/);
      await started.press("alt", "f2");
      await started.press("ret");
      await started.type(typed);
      await picture("no-shell");
      await started.press("alt", "f1");
    });

    await context.test("no lease", async () => {
      await started.plugCable(true);
      await started.says(
        /No DHCP server answered on: eth0 \(link\)\.\s+Look at the server, its free addresses/,
      );
      await picture("no-lease");
      network.startDhcp();
      await started.says(/Volley test · .* · BIOS · 10\.9\.8\.\d+/);
    });

    await context.test("no site", async () => {
      const remedy = escaped(errors.E_SITE_UNREACHABLE.remedy);
      await started.says(inTurn(`Waiting for the site: ${escaped(site.url)} does not answer: `, remedy));
      await picture("no-site");
    });

    await context.test("another site's certificate", async () => {
      const another = newSite("another");
      await another.start();
      try {
        const { meaning, remedy } = errors.E_SITE_UNTRUSTED;
        const code = `E_SITE_UNTRUSTED: The site's authority has the fingerprint ${another.fingerprint}, not `;
        await started.says(inTurn(code + site.fingerprint, escaped(meaning), escaped(remedy)));
        await started.says(/The agent ended with code 77\. Press a key within a minute/);
        await picture("wrong-certificate");
      } finally {
        await another.stop();
        await another.close();
      }
      await site.start();
    });

    await context.test("no disk", async () => {
      await started.says(
        inTurn("E_DISK_NOT_FOUND: This machine has no disk", escaped(errors.E_DISK_NOT_FOUND.remedy)),
      );
      await picture("no-disk");
      await started.plugIn("virtio-blk-pci", { id: "plugged", drive: "disk", serial: "plugged" });
      await started.says(/Disk \/dev\/vda is new here: what has failed is begun once more/);
      await started.says(/is on the disk and verified/);
      await started.says(/The deployment is done/);
      await started.ends();
      assert.equal(await firstDifference(image, disk), -1);
    });

    assert.doesNotMatch(started.serial, typedAnswer, "a shell where none was wanted");
  },
);

test(
  "no adapter, then one without a driver, then one that works; a shell on a key",
  { skip },
  async (context) => {
    network.startDhcp();
    const initrd = join(folder, "shell.zst");
    await writeInitrdWithShell(media, { output: initrd, withoutDriver: "ne2k-pci" });
    const started = await turnOn(2, ["-netdev", "hubport,hubid=1,id=nowhere"], initrd);

    await context.test("no adapter", async () => {
      await started.says(/No wired network adapter was found\.\s+If there is another adapter, switch it on/);
      await started.says(/this goes on by itself\. A shell is on Alt\+F2/);
      await picture("no-adapter");
    });

    await context.test("a shell", async () => {
      await started.press("alt", "f2");
      // The first Enter is for the console; on a busy host it may come before that has asked for one.
      for (let round = 0; round < 20 && !typedAnswer.test(started.serial); round += 1) {
        await started.press("ret");
        await started.type(typed);
        await delay(15_000);
      }
      await started.says(typedAnswer);
      await picture("shell");
      await started.press("alt", "f1");
    });

    await context.test("no driver", async () => {
      await started.plugIn("ne2k_pci", { id: "old", netdev: "nowhere", romfile: "" });
      await started.says(/No driver here for the network adapter PCI 10ec:8029\. Use another one\./);
      await picture("no-driver");
      await started.plugIn("virtio-net-pci", { id: "new", netdev: "net", romfile: "" });
      await started.says(/ · BIOS · 10\.9\.8\.\d+/);
      await started.says(/E_DISK_NOT_FOUND/);
    });
  },
);

/** A machine whose clock is at the start of that year says so and what it is now, and comes to its image. */
async function startsInYear(number: number, year: string, now = "20"): Promise<void> {
  const disk = newDisk(year);
  const started = await turnOn(number, [
    "-rtc",
    `base=${year}-01-01T00:00:00`,
    "-device",
    "virtio-net-pci,netdev=net,romfile=",
    "-drive",
    `file=${disk},format=raw,if=virtio,cache=unsafe`,
  ]);
  await started.says(new RegExp(`This machine's clock said ${year}-01-01, which is wrong: it is now ${now}`));
  await picture(`clock-${year}`);
  await started.says(/is on the disk and verified/);
  await started.ends();
  assert.equal(await firstDifference(image, disk), -1);
}

for (const [index, year] of ["2003", "2049"].entries()) {
  test(`a clock in ${year} is named and set by the media, and the site is trusted`, { skip }, async () => {
    network.startDhcp();
    await startsInYear(3 + index, year);
  });
}

test("a clock five years ahead, which the media cannot tell, is set by the network's", { skip }, async () => {
  await network.stopDhcp();
  network.startDhcp({ timeServer: network.address });
  const time = new Program("time server", [...network.prefix, process.execPath, timeServer]);
  try {
    const now = new Date();
    await startsInYear(5, String(now.getFullYear() + 5), now.toISOString().slice(0, "2026-01-".length));
  } finally {
    await time.kill();
  }
});
