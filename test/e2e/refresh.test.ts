/**
 * A computer that runs a Linux gets a new one without the network's boot servers and without a visit: docs/sequences/
 * refresh-linux.xml, and what happens when the PE comes to nothing. Minutes, so only at the level `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DeployedRoom, demoImage } from "../fixtures/deployed-room.ts";
import { onRootVolume } from "../fixtures/disk-image.ts";
import { waitFor } from "../fixtures/program.ts";
import { packageAgent } from "../fixtures/packaged.ts";
import { commandStep, sequenceText, settingStep, step, variable } from "../fixtures/sequence-text.ts";
import { VirtualMachine, type Firmware } from "../fixtures/virtual-machine.ts";
import type { MachineRecord } from "../../contract/administration.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
/** Screens go here, to be looked at. */
const pictures = join(root, "build/screens");
const diskBytes = 2 ** 31;
const limitMs = 40 * 60_000;
const uuid = (number: number): string => `5c0de001-0000-4000-8000-00000000000${number}`;

let room: DeployedRoom;
let agent = "";
let credential = "";

before(async () => {
  if (!wanted) return;
  mkdirSync(pictures, { recursive: true });
  room = await DeployedRoom.open("refresh");
  agent = await packageAgent("linux-x64", join(room.folder, "package"));
  const newer = join(room.folder, "newer.raw");
  await run("cp", ["--sparse=always", await demoImage(), newer]);
  onRootVolume(newer, (mounted) => writeFileSync(join(mounted, "etc/image-version"), "2\n"));
  await room.addImage(newer, "lab 2", "VOL00001");
  rmSync(newer);
  credential = (await room.volley<{ credential: string }>("credential", "new", "--uses", "10")).credential;
});
after(() => room?.close());

const agentUnit = (words: string): string => `[Unit]
Description=The agent, as an administrator had it started
[Service]
ExecStartPre=-/usr/bin/efibootmgr
ExecStart=/usr/bin/volley-agent ${words}
StandardOutput=journal+console
StandardError=journal+console
[Install]
WantedBy=multi-user.target
`;

/** efibootmgr and its libraries, which Debian's standard system has, as the PE has them. */
async function efiTools(): Promise<string> {
  const folder = join(room.folder, "efi-tools");
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const names = ["usr/bin/efibootmgr", "usr/lib/x86_64-linux-gnu/lib{efivar,efiboot,popt}.so.*"];
  const unpack = `zstd -dcq "$1" | cpio --quiet -id ${names.map((name) => `'${name}'`).join(" ")}`;
  await run("sh", ["-c", unpack, "sh", join(room.folder, "media/initrd.zst")], { cwd: folder });
  return folder;
}

/** The machine's GRUB cannot be told what to start next: as one that its owner has written, or on LVM. */
function forgetCustom(mounted: string): void {
  const path = join(mounted, "boot/grub/grub.cfg");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/^.*custom\.cfg.*\n/m, ""));
}

/** A disk with the Linux of the demonstration, a user of its own, and the agent as a service. */
async function installedDisk(number: number): Promise<string> {
  const disk = join(room.folder, `disk-${number}.raw`);
  await run("cp", ["--sparse=always", await demoImage(), disk]);
  truncateSync(disk, diskBytes);
  onRootVolume(disk, (mounted) => {
    const at = (path: string): string => join(mounted, path);
    const append = (path: string, line: string): void =>
      writeFileSync(at(path), `${readFileSync(at(path), "utf8")}${line}\n`);
    copyFileSync(agent, at("usr/bin/volley-agent"));
    writeFileSync(at("etc/volley-credential"), credential, { mode: 0o600 });
    writeFileSync(at("etc/hostname"), `lab-0${number}\n`);
    append("etc/passwd", "ada:x:1000:1000::/srv/people/ada:/bin/bash");
    append("etc/group", "ada:x:1000:");
    append("etc/shadow", "ada:*:19000:0:99999:7:::");
    mkdirSync(at("srv/people/ada"), { recursive: true });
    writeFileSync(at("srv/people/ada/thesis.txt"), "words of Ada's");
    const { fingerprint, url } = room.site;
    const words = `deploy --site ${url} --fingerprint ${fingerprint} --credential-file /etc/volley-credential --allow-restart`;
    writeFileSync(at("etc/systemd/system/agent.service"), agentUnit(words));
    const wants = at("etc/systemd/system/multi-user.target.wants");
    mkdirSync(wants, { recursive: true });
    symlinkSync("../agent.service", join(wants, "agent.service"));
  });
  return disk;
}

/** From its disk alone. */
function startMachine(number: number, disk: string, firmware: Firmware = "bios"): VirtualMachine {
  return new VirtualMachine({
    name: `refresh-${number}`,
    network: room.network,
    folder: room.folder,
    firmware,
    restarts: true,
    words: [
      ["-uuid", uuid(number), "-device", "virtio-net-pci,netdev=net,romfile=", "-boot", "c"],
      ["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
      ["-device", "virtio-blk-pci,drive=disk,bootindex=1,serial=refresh"],
    ].flat(),
  });
}

async function machineOf(number: number): Promise<MachineRecord | undefined> {
  const machines = await room.volley<MachineRecord[]>("machine", "list");
  return machines.find(({ facts }) => facts.smbiosUuid === uuid(number));
}

async function reaches(
  number: number,
  state: MachineRecord["state"],
  machine: VirtualMachine,
): Promise<void> {
  await waitFor(
    async () => {
      const found = await machineOf(number);
      if (found?.state === "failed" && state !== "failed") {
        throw new Error(`It failed: ${JSON.stringify(found.error)}\n${machine.story()}`);
      }
      return found?.state === state ? true : null;
    },
    {
      what: `machine ${number} that has ${state}`,
      timeMs: limitMs,
      everyMs: 10_000,
      story: () => machine.story(),
    },
  );
}

const broken = sequenceText(
  // Else the screen in the PE shows the error for a quarter of an hour.
  settingStep("SMSTSErrorDialogTimeout", "1"),
  step("Reboot", "Restart in the PE", variable("Target", "WinPE") + variable("MessageTimeout", "1")),
  commandStep("Fails in the PE", "exit 7"),
);

/** What the PE says first. */
const inThePe = (firmware: Firmware): RegExp =>
  firmware === "bios"
    ? /Volley .* · BIOS · 10\.9\.8\.\d+/
    : /Volley .* · UEFI, Secure Boot on · 10\.9\.8\.\d+/;

/** What efibootmgr has printed, each time. */
const bootEntries = (serial: string): string[] => {
  const printed = new Map<string, string>();
  for (const [, id = "", line = ""] of serial.matchAll(/efibootmgr\[(\d+)\]: (Boot[^\r\n]*)/g)) {
    printed.set(id, `${printed.get(id) ?? ""}${line}\n`);
  }
  return [...printed.values()];
};

/** The machine leaves for the PE, where its run fails, and is as it was afterwards. */
async function comesBack(number: number, firmware: Firmware, { ownGrub = true } = {}): Promise<string> {
  const name = `broken-${number}`;
  await room.deploySequence(name, broken);
  const disk = await installedDisk(number);
  const tools = await efiTools();
  onRootVolume(disk, (mounted) => {
    cpSync(tools, mounted, { recursive: true });
    if (!ownGrub) forgetCustom(mounted);
  });
  const environment = onRootVolume(disk, (mounted) => readFileSync(join(mounted, "boot/grub/grubenv")));
  const machine = startMachine(number, disk, firmware);
  try {
    // Each of these may take long where many share the processors.
    await machine.says(/is in \/(boot|var\/lib)\/volley-pe/);
    await machine.says(inThePe(firmware));
    // What GRUB says when it starts the entry of its menu.
    assert.equal(/Booting `Volley \(vmlinuz\)'/.test(machine.serial), ownGrub);
    await machine.says(/The disk is as it was/);
    await machine.takePicture(join(pictures, `refresh-goes-back-${number}.png`));
    await machine.says(/A restart into the PE that nobody wants any more is taken back/);
    await reaches(number, "failed", machine);
    // The agent, a service here, does not try once more by itself.
    await machine.says(/taken back[^]*"broken-\d" has failed on this machine/);
    if (firmware !== "bios") {
      // Printed at both starts of the old system: the PE has forgotten its own entry.
      const [first, ...others] = bootEntries(machine.serial);
      assert.equal(others.length, 1, machine.serial);
      assert.equal(others.at(-1), first, "the firmware is as it was");
    }
  } finally {
    await machine.kill();
  }
  onRootVolume(disk, (mounted) => {
    const at = (path: string): string => join(mounted, path);
    const gone = [
      ["boot/volley-pe", "var/lib/volley-pe", "boot/grub/custom.cfg"],
      ["var/lib/volley-agent/staged.json"],
    ].flat();
    for (const path of gone) assert.ok(!existsSync(at(path)), path);
    assert.ok(readFileSync(at("boot/grub/grubenv")).equals(environment));
    assert.equal(readFileSync(at("srv/people/ada/thesis.txt"), "utf8"), "words of Ada's");
  });
  await room.volley("deployment", "close", name);
  return disk;
}

/** What came back leaves for the PE once more, and is another Linux afterwards. */
async function isRebuilt(number: number, disk: string, firmware: Firmware): Promise<void> {
  const name = `refresh-${number}`;
  const text = readFileSync(join(root, "docs/sequences/refresh-linux.xml"), "utf8");
  await room.deploySequence(name, text.replace('"MessageTimeout">60<', '"MessageTimeout">1<'));
  const machine = startMachine(number, disk, firmware);
  try {
    await machine.says(/The boot image \(kernel .*\) is in \/(boot|var\/lib)\/volley-pe/);
    await machine.takePicture(join(pictures, `refresh-old-system-${number}.png`));
    await machine.says(inThePe(firmware));
    await machine.says(/is on the disk and verified [^(]*\(.*[1-9]\d* chunks were there/);
    await machine.takePicture(join(pictures, `refresh-pe-${number}.png`));
    await reaches(number, "succeeded", machine);
    await machine.takePicture(join(pictures, `refresh-new-system-${number}.png`));
  } finally {
    await machine.kill();
  }
  onRootVolume(disk, (mounted) => {
    const read = (path: string): string => readFileSync(join(mounted, path), "utf8");
    assert.equal(read("etc/image-version"), "2\n");
    assert.equal(read("etc/hostname").trim(), `lab-0${number}`);
    assert.equal(read("srv/people/ada/thesis.txt"), "words of Ada's");
    assert.match(read("etc/passwd"), /^ada:x:1000:1000:/m);
    const gone = [
      ["boot/volley-pe", "var/lib/volley-pe", "boot/grub/custom.cfg"],
      ["etc/volley-credential"],
    ].flat();
    for (const path of gone) assert.ok(!existsSync(join(mounted, path)), path);
  });
  await room.volley("deployment", "close", name);
  rmSync(disk);
}

const machines: { title: string; firmware: Firmware; ownGrub?: boolean }[] = [
  { title: "with a BIOS", firmware: "bios" },
  { title: "with UEFI and Secure Boot, where its own GRUB starts the PE", firmware: "secure boot" },
  {
    title: "with UEFI and Secure Boot, where the firmware starts the PE",
    firmware: "secure boot",
    ownGrub: false,
  },
];
for (const [index, { title, firmware, ownGrub = true }] of machines.entries()) {
  let disk = "";
  test(`a machine ${title}, whose run fails in the PE comes back as it was`, { skip }, async () => {
    disk = await comesBack(index + 1, firmware, { ownGrub });
  });
  test(`a machine ${title}, is rebuilt by what differs, and keeps name and users' files`, { skip }, () =>
    isRebuilt(index + 1, disk, firmware),
  );
}
