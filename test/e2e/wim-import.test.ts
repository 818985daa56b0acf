/** A WIM at import: its editions, and what one of them becomes: a disk that UEFI or a BIOS starts, or a volume. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ImageRecord, ImportRequest, ImportState } from "../../contract/administration.ts";
import { checkBootStore, readBootStore } from "../../windows/boot-store.ts";
import {
  emptyDisk,
  firstSector,
  readFromNtfs,
  tableOf,
  takeFromFat,
  takePartition,
} from "../fixtures/disk-image.ts";
import { readHive } from "../fixtures/hives.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { completeWindows, writeWim, writeWindows } from "../fixtures/windows-image.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));

let room: Room;
let site: SiteProcess;
let wim: string;
before(async () => {
  room = await openRoom("wim import");
  site = await room.startSite();
  const folders = ["one", "two"].map((marker) => {
    const folder = join(room.folder, `windows-${marker}`);
    writeWindows(folder, marker);
    completeWindows(folder, { generalised: marker === "two", recoveryBytes: 200_000 });
    return folder;
  });
  wim = join(room.folder, "install.wim");
  writeWim(wim, folders);
});
after(() => room.close());

async function imported(request: ImportRequest): Promise<ImageRecord> {
  const { error, image } = await site.importEnds(request);
  assert.equal(error, null);
  assert.ok(image);
  return image;
}

/** The image, as a machine that was deployed has it on its disk. */
async function deployed(image: ImageRecord): Promise<string> {
  const deployment = await site.createDeployment({ name: image.name, imageId: image.id });
  try {
    const disk = emptyDisk(join(room.folder, `${image.name}.disk`), image.bytes);
    const agent = await room.startAgent(site, { name: `pc-${image.name}`, disk });
    await agent.exits(0);
    return disk;
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
}

function checkStore(path: string, firmware: "uefi" | "bios"): void {
  assert.deepEqual(checkBootStore(readBootStore(readHive(path)), firmware), []);
}

function markerOf(volume: string): string {
  return readFromNtfs(volume, "Users/Public/marker.txt").toString();
}

test("a person is shown the editions, and whether they were generalised, and asked for one", async () => {
  const words = [process.execPath, volley, "image", "import", wim, "--data", site.folder];
  const program = new Program("volley image import", words);
  const { code } = await program.ended;
  assert.equal(code, 65);
  assert.match(program.errorOutput, /^E_IMAGE_CHOICE: /m);
  assert.match(program.output, /^INDEX +NAME +EDITION +VERSION +LANGUAGES +SIZE +SYSPREP$/m);
  assert.match(program.output, /^1 +Image 1 .* not generalised$/m);
  assert.match(program.output, /^2 +Image 2 .* generalised$/m);
  const refused = await site.importEnds({ path: wim, index: 3 });
  assert.equal(refused.error?.code, "E_NOT_FOUND");
  const chosen = new Program("volley image import", [
    ...words,
    "--index",
    "1",
    "--name",
    "chosen",
    "--as",
    "volume",
  ]);
  assert.equal((await chosen.ended).code, 0, chosen.errorOutput);
  assert.match(chosen.errorOutput, /was not generalised/);
  assert.match(chosen.output, /boots with +none/);
});

test("a disk that UEFI starts: four partitions, boot files, and a boot configuration for any machine", async () => {
  const image = await imported({ path: wim, index: 2, name: "gpt" });
  assert.deepEqual(image.firmware, ["uefi"]);
  assert.equal(image.sectorBytes, 512);
  const disk = await deployed(image);
  const { label, partitions } = tableOf(disk);
  assert.equal(label, "gpt");
  assert.deepEqual(
    partitions.map(({ type }) => type),
    [
      "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
      "E3C9E316-0B5C-4DB8-817D-F92DF00215AE",
      "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
      "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC",
    ],
  );
  assert.match(partitions[3]?.attrs ?? "", /RequiredPartition.*GUID:63/);
  checkStore(takeFromFat(disk, 1, "/EFI/Microsoft/Boot/BCD", room.folder), "uefi");
  for (const file of ["/EFI/Boot/bootx64.efi", "/EFI/Microsoft/Boot/bootmgfw.efi"]) {
    assert.equal(readFileSync(takeFromFat(disk, 1, file, room.folder), "utf8"), "boot manager");
  }
  const esp = takePartition(disk, 1, join(room.folder, "esp"));
  execFileSync("fsck.vfat", ["-n", esp], { stdio: "ignore" });
  const windows = takePartition(disk, 3, join(room.folder, "gpt.ntfs"));
  assert.equal(markerOf(windows), "two");
  // The volume knows where on the disk it begins.
  assert.equal(firstSector(windows).readUInt32LE(28), partitions[2]?.start);
  const recovery = takePartition(disk, 4, join(room.folder, "recovery.ntfs"));
  const source = readFileSync(join(room.folder, "windows-two/Windows/System32/Recovery/Winre.wim"));
  assert.ok(readFromNtfs(recovery, "Recovery/WindowsRE/Winre.wim").equals(source));
});

test("a disk that a BIOS starts, out of a solid ESD", async () => {
  const esd = join(room.folder, "install.esd");
  execFileSync("wimlib-imagex", ["export", wim, "2", esd, "--solid"], { stdio: "ignore" });
  const image = await imported({ path: esd, name: "mbr", as: "disk-mbr" });
  assert.deepEqual(image.firmware, ["bios"]);
  const disk = await deployed(image);
  const { label, partitions } = tableOf(disk);
  assert.equal(label, "dos");
  assert.deepEqual(
    partitions.map(({ bootable, type }) => [type, bootable ?? false]),
    [
      ["7", true],
      ["7", false],
      ["27", false],
    ],
  );
  const system = takePartition(disk, 1, join(room.folder, "system.ntfs"));
  assert.match(readFromNtfs(system, "bootmgr").toString("latin1"), /bootmgr runs/);
  writeFileSync(join(room.folder, "BCD"), readFromNtfs(system, "Boot/BCD"));
  checkStore(join(room.folder, "BCD"), "bios");
  assert.equal(markerOf(takePartition(disk, 2, join(room.folder, "mbr.ntfs"))), "two");
});

test("a volume for a sequence's own partition, out of a split WIM", async () => {
  const folder = join(room.folder, "split");
  mkdirSync(folder);
  execFileSync("wimlib-imagex", ["split", wim, join(folder, "install.swm"), "0.1"], { stdio: "ignore" });
  assert.ok(readdirSync(folder).length > 1, "the WIM was split");
  const image = await imported({ path: join(folder, "install.swm"), index: 1, name: "volume", as: "volume" });
  assert.deepEqual(image.firmware, []);
  assert.equal(markerOf(await deployed(image)), "one");
});

test("what is no WIM, is damaged or starts nothing is refused, and nothing is left of it", async () => {
  const library = join(site.folder, "library");
  const before_ = readdirSync(library);
  const letter = join(room.folder, "letter.wim");
  writeFileSync(letter, "Dear aunt,\n");
  assert.equal((await site.importEnds({ path: letter, name: "letter" })).error?.code, "E_IMAGE_FORMAT");
  const damaged = join(room.folder, "damaged.wim");
  const bytes = readFileSync(wim);
  randomBytes(4096).copy(bytes, 300);
  writeFileSync(damaged, bytes);
  const broken = await site.importEnds({ path: damaged, index: 1, name: "damaged", as: "volume" });
  assert.equal(broken.error?.code, "E_IMAGE_TRUNCATED");
  const plain = join(room.folder, "plain");
  mkdirSync(plain);
  writeFileSync(join(plain, "file.txt"), "no Windows");
  writeWim(join(room.folder, "plain.wim"), [plain]);
  const data = await site.importEnds({ path: join(room.folder, "plain.wim"), name: "plain" });
  assert.equal(data.error?.code, "E_IMAGE_FORMAT");
  assert.match(data.error.detail, /--as volume/);
  const raw = (await room.makeImage(2)).path;
  assert.equal((await site.importEnds({ path: raw, name: "raw", index: 1 })).error?.code, "E_USAGE");
  assert.deepEqual(readdirSync(library), before_);
});

test("an import that is cancelled leaves nothing", async () => {
  const folder = join(room.folder, "large");
  writeWindows(folder);
  for (let number = 0; number < 20; number += 1) {
    writeFileSync(join(folder, `file-${number}`), randomBytes(16 * 2 ** 20));
  }
  const large = join(room.folder, "large.wim");
  writeWim(large, [folder]);
  const library = join(site.folder, "library");
  const { id } = await site.client.post<ImportState>("/images", { path: large, name: "large" });
  await waitFor(
    async () => {
      const state = await site.client.get<ImportState>(`/imports/${id}`);
      assert.equal(state.state, "running", "it was over before it could be cancelled");
      return readdirSync(library).some((name) => name.startsWith(".importing-"));
    },
    { what: "import to begin" },
  );
  await site.stop();
  assert.deepEqual(
    readdirSync(library).filter((name) => name.startsWith(".")),
    [],
  );
});
