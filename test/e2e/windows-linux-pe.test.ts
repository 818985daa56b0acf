/**
 * The Linux PE on an EFI system partition as a Windows leaves it there: firmware with Secure Boot and Microsoft's keys starts
 * shim, GRUB and the kernel of that partition, and the agent in the PE finds what the Windows has carried over. Minutes, so only
 * at the level `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { keepCommandLine, writeLinuxPe } from "../../agent/staging/linux-pe-on-windows.ts";
import { readMediaDescription } from "../../site/boot/media-description.ts";
import { DeployedRoom } from "../fixtures/deployed-room.ts";
import { VirtualMachine } from "../fixtures/virtual-machine.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots a machine: scripts/test --e2e";
const deploymentId = "11111111-2222-4333-8444-555555555555";
const mebibyte = 2 ** 20;
const partitionMebibytes = 260;

let room: DeployedRoom;
before(async () => {
  if (wanted) room = await DeployedRoom.open("linux pe of a windows");
});
after(() => room?.close());

/** A disk with that partition alone; on the path of removable media, too, since its firmware knows no entry of ours. */
async function makeDisk(folder: string): Promise<string> {
  const [media, place, files] = ["media", "place", "files"].map((name) => join(room.folder, name));
  assert.ok(media !== undefined && place !== undefined && files !== undefined);
  for (const made of [join(place, "state"), join(files, "EFI/BOOT")]) mkdirSync(made, { recursive: true });
  for (const name of ["vmlinuz", "initrd.zst", "shimx64.efi", "grubx64.efi"]) {
    symlinkSync(join(media, name), join(place, name));
  }
  await keepCommandLine(place, (await readMediaDescription(media)).commandLine);
  writeFileSync(join(place, "state/origin.json"), JSON.stringify({ deploymentId }));
  // The first letter that is asked for is free, and then has the files behind it.
  let isMounted = false;
  const tools = {
    path: (name: string) => name,
    run: async () => {
      isMounted = true;
      return "";
    },
  };
  const world = { tools, rootOf: () => (isMounted ? files : join(folder, "nothing")) };
  await writeLinuxPe({ from: place, carried: join(place, "state"), deploymentId }, world);
  const disk = join(folder, "disk.raw");
  writeFileSync(disk, "");
  truncateSync(disk, (partitionMebibytes + 2) * mebibyte);
  const sectors = partitionMebibytes * 2048;
  const table = `label: gpt\nstart=2048, size=${sectors}, type=uefi\n`;
  execFileSync("sfdisk", ["--quiet", disk], { input: table });
  const volume = ["-i", `${disk}@@${mebibyte}`];
  execFileSync("mformat", [
    ...volume,
    "-F",
    "-T",
    String(sectors),
    "-H",
    "2048",
    "-h",
    "255",
    "-s",
    "63",
    "::",
  ]);
  const own = readdirSync(files).map((name) => join(files, name));
  execFileSync("mcopy", [...volume, "-s", ...own, "::"]);
  for (const [from, to] of [
    ["shimx64.efi", "BOOTX64.EFI"],
    ["grubx64.efi", "grubx64.efi"],
  ] as const) {
    execFileSync("mcopy", [...volume, join(media, from), `::EFI/BOOT/${to}`]);
  }
  return disk;
}

test(
  "Secure Boot starts it, and it goes back where the site wants nothing of the machine",
  { skip },
  async () => {
    const disk = await makeDisk(room.folder);
    const machine = new VirtualMachine({
      name: "left-windows",
      network: room.network,
      folder: room.folder,
      firmware: "secure boot",
      words: [
        ["-device", "virtio-net-pci,netdev=net,romfile="],
        ["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe`],
        ["-device", "virtio-blk-pci,drive=disk,bootindex=1,serial=windows"],
      ].flat(),
    });
    try {
      await machine.says(/Volley .* · UEFI, Secure Boot on · 10\.9\.8\.\d+/);
      await machine.says(/The site wants nothing of this machine any more/);
      await machine.says(/The disk is as it was/);
    } finally {
      await machine.kill();
    }
    const left = execFileSync("mdir", ["-b", "-/", "-i", `${disk}@@${mebibyte}`, "::"], { encoding: "utf8" });
    assert.doesNotMatch(left, /EFI\/Volley|grub\/grub\.cfg|state\.cpio/, "what the Windows left is gone");
    assert.match(left, /EFI\/BOOT\/BOOTX64\.EFI/);
  },
);
