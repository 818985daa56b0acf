/**
 * The addon for Windows in the Windows Node, both under Wine: what it says of the machine, and sessions of a Linux
 * caster that it writes to an image file and to a device, beside a Linux receiver. `scripts/build --windows` makes it.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, open, readFile, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  assertHolds,
  cast,
  importImage,
  prepareImage,
  type Cast,
  type PreparedImage,
} from "../fixtures/native-session.ts";
import { receiverKey } from "../../native/index.ts";
import { firstSector } from "../fixtures/disk-image.ts";
import { laptop } from "../fixtures/windows-facts.ts";
import type { WindowsAnswer, WindowsRequest } from "../fixtures/windows-native.ts";
import { makePrefix, runWine, wineEnvironment, winePath } from "../fixtures/wine.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = fileURLToPath(new URL("../fixtures/windows-native.js", import.meta.url));
const seed = Number(process.env["VOLLEY_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const mebibytes = 48;
/** Of the multicast port, so that runs side by side do not meet. */
const port = 30_000 + (process.pid % 20_000);

let folder = "";
let node = "";
let image: PreparedImage;

before(async () => {
  if (skip !== false) return;
  console.log(`VOLLEY_SEED=${seed}`);
  folder = await mkdtemp(join(tmpdir(), "volley-windows-addon-"));
  await makePrefix();
  // Under another name, as the packaged agent has one: Node's functions are found in the program that runs.
  node = join(folder, "renamed.exe");
  await copyFile(join(root, "build/windows-node/node.exe"), node);
  image = await prepareImage(folder, mebibytes, seed);
});

after(async () => {
  if (folder !== "") await rm(folder, { recursive: true, force: true });
});

async function askWindows(name: string, request: WindowsRequest): Promise<WindowsAnswer> {
  const [requestPath, answerPath] = [join(folder, `${name}.request`), join(folder, `${name}.answer`)];
  await writeFile(requestPath, JSON.stringify(request));
  const run = await runWine([node, winePath(program), winePath(requestPath), winePath(answerPath)], folder);
  assert.equal(run.code, 0, run.story);
  return JSON.parse(await readFile(answerPath, "utf8")) as WindowsAnswer;
}

/** A disk of `bytes`, full of something else. */
async function usedDisk(name: string, bytes: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, Buffer.alloc(bytes, 0xe5));
  return path;
}

function receiveOnWindows(
  session: Cast,
  name: string,
  device: string,
  lossPerMillion: number,
  sessionPort = port,
) {
  const receiver = 100;
  const feedbackSecret = Buffer.alloc(32, 0xfe);
  return askWindows(name, {
    work: "receive",
    manifestPath: winePath(`${session.image.contentPath}.manifest`),
    receiverKey: receiverKey({ feedbackSecret, session: 77, receiver }).toString("hex"),
    sessionKey: Buffer.alloc(32, 0x5e).toString("hex"),
    options: {
      device,
      receiver,
      session: 77,
      stream: 0,
      group: "239.255.61.7",
      port: sessionPort,
      interfaceAddress: "127.0.0.1",
      feedback: { address: "127.0.0.1", port: session.caster.ports.feedback },
      unicast: { address: "127.0.0.1", port: session.caster.ports.unicast },
      mtu: 1500,
      groupSize: 2,
      askBeforeScan: true,
      silenceMs: 4000,
      chunkWaitMs: 15_000,
      lossPerMillion,
      lossSeed: seed,
    },
  });
}

test("says what the machine is", { skip }, async () => {
  const { machine, error } = await askWindows("machine", { work: "machine" });
  assert.ok(machine, JSON.stringify(error));
  assert.match(machine.smbios.version ?? "", /^\d+\.\d+$/);
  assert.equal(machine.system.winPe, false);
  assert.equal(machine.system.elevated, true);
  assert.match(machine.system.windowsFolder, /^[A-Z]:\\windows$/i);
  assert.match(machine.system.version, /^10\.0\.\d+$/);
  const loopback = machine.adapters.find(({ kind }) => kind === "loopback");
  assert.deepEqual(loopback?.addresses, [{ address: "127.0.0.1", prefixBits: 8 }]);
  assert.equal(loopback?.macAddress, null);
  // Wine shows the machine's own adapters.
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
    if (own === undefined) continue;
    const shown = machine.adapters.filter((adapter) => adapter.macAddress === own.mac);
    const places = shown.flatMap((adapter) => adapter.addresses.map((place) => place.address));
    assert.ok(places.includes(own.address), name);
  }
  // And a disk of its own invention, whether or not the machine has one.
  assert.ok(machine.disks.length > 0, "Wine shows no disk");
  assert.ok(
    machine.disks.every(({ path, sizeBytes }) => path.startsWith("\\\\.\\PhysicalDrive") && sizeBytes > 0),
  );
});

test(
  "receives a session into an image file, beside Linux, with loss",
  { skip, timeout: 300_000 },
  async () => {
    const session = cast(image, { group: "239.255.61.7", port });
    // A little longer than the image, and no multiple of any sector.
    const disk = await usedDisk("disk.raw", image.bytes + (1 << 20) + 512 + 7);
    const linuxDisk = await usedDisk("linux.raw", image.bytes);
    try {
      const beside = session.receive(linuxDisk, { groupSize: 2 });
      const answer = await receiveOnWindows(session, "session", winePath(disk), 10_000);
      assert.equal(answer.error, undefined);
      assert.equal(answer.root, image.root);
      assert.equal((await beside.finished).root, image.root);
      assert.ok((answer.statistics?.chunksByMulticast ?? 0) > 0);
      await assertHolds(disk, image);
      assert.equal((await stat(disk)).size, image.bytes + (1 << 20) + 512 + 7);
    } finally {
      await session.caster.stop();
    }
    const { root: hashed } = await askWindows("hash", {
      work: "hash",
      path: winePath(disk),
      bytes: image.bytes,
    });
    assert.equal(hashed, image.root);
  },
);

test(
  "receives into a device, and fetches alone what multicast does not bring",
  { skip, timeout: 300_000 },
  async () => {
    const session = cast(image, { group: "239.255.61.7", port: port + 1 });
    const disk = await usedDisk("device.raw", image.bytes + (4 << 20));
    // What Wine takes for a drive without a file system of its own.
    const link = join(wineEnvironment.WINEPREFIX, "dosdevices", "v::");
    await symlink(disk, link);
    try {
      const answer = await receiveOnWindows(session, "device", "\\\\.\\V:\\", 0);
      assert.equal(answer.error, undefined);
      assert.equal(answer.root, image.root);
      assert.equal(answer.statistics?.chunksByMulticast, 0);
      await assertHolds(disk, image);
    } finally {
      await unlink(link);
      await session.caster.stop();
    }
  },
);

test(
  "receives a volume by multicast into the device of a larger partition, and makes it that partition's own",
  { skip, timeout: 300_000 },
  async () => {
    const source = join(folder, "volume.ntfs");
    await writeFile(source, Buffer.alloc(mebibytes << 20));
    execFileSync("mkntfs", ["-F", "-Q", "-q", source], { stdio: "ignore" });
    const volume = await importImage(source, join(folder, "volume-content"), mebibytes << 20);
    const sizeBytes = volume.bytes + (16 << 20);
    const partition = await usedDisk("partition.raw", sizeBytes);
    const session = cast(volume, { group: "239.255.61.7", port: port + 2 });
    const link = join(wineEnvironment.WINEPREFIX, "dosdevices", "u::");
    await symlink(partition, link);
    try {
      const received = await receiveOnWindows(session, "volume", "\\\\.\\U:", 0, port + 2);
      assert.equal(received.error, undefined);
      assert.equal(received.root, volume.root);
      assert.ok((received.statistics?.chunksByMulticast ?? 0) > 0);
      await assertHolds(partition, volume);
      const [shown] = laptop(true).shown;
      assert.ok(shown);
      const here = { number: 3, offsetBytes: 0, sizeBytes, mountPoints: ["U:\\"], fileSystem: "NTFS" };
      const partitions = [{ ...here, type: "", name: "", volume: null, label: "" }];
      const disk = { ...shown, path: winePath(partition), partitions };
      const { error, fitted } = await askWindows("fit-volume", {
        work: "fit",
        disk,
        answers: {},
        volume: "\\\\.\\U:",
      });
      assert.equal(error, undefined);
      assert.match(fitted?.said.join() ?? "", /grown to its partition and has a serial number of its own/);
      const lines = ["rescan", "select disk 0", "select partition 3", "extend filesystem", ""];
      assert.equal(fitted?.script, lines.join("\r\n"));
    } finally {
      await unlink(link);
      await session.caster.stop();
    }
    const serial = (path: string): string => firstSector(path).toString("hex", 72, 80);
    assert.notEqual(serial(partition), serial(source));
    // What diskpart was asked for.
    execFileSync("ntfsresize", ["--force", "--no-progress-bar", partition], { stdio: "ignore" });
    const taken = Number(firstSector(partition).readBigUInt64LE(40)) * 512;
    assert.ok(taken <= sizeBytes && taken > sizeBytes - (1 << 20), `${taken} of ${sizeBytes} bytes`);
  },
);

test("says what it cannot open, and why", { skip }, async () => {
  const missing = await askWindows("missing", {
    work: "hash",
    path: "C:\\no such folder\\disk.raw",
    bytes: 4096,
  });
  assert.equal(missing.error?.code, "E_DEVICE_OPEN");
  assert.equal(missing.error.call, "CreateFile");
  assert.equal(missing.error.systemError, 3); // ERROR_PATH_NOT_FOUND
  const short = join(folder, "short.raw");
  await (await open(short, "w")).close();
  const empty = await askWindows("short", { work: "hash", path: winePath(short), bytes: 4096 });
  assert.equal(empty.error?.code, "E_DEVICE_TOO_SMALL");
});
