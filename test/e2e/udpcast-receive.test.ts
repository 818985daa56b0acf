/** volley-agent receive, from the real udp-sender, in a name space of its own. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { testFolder } from "../fixtures/folder.ts";
import { canMakeNetwork } from "../fixtures/network.ts";
import { makeTestDisk, savedStream } from "../fixtures/saved-folder.ts";

const agent = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const mebibyte = 1_048_576;
const skip = canMakeNetwork() ? false : "needs root";
const space = `volley-udpcast-${process.pid}`;
const inSpace = ["netns", "exec", space];
const ip = (...words: string[]): void => void execFileSync("ip", words, { stdio: "ignore" });

let folder: string;
let ntfs: Buffer;
const endings: (() => void)[] = [];
before(() => {
  if (skip !== false) return;
  folder = testFolder({ after: (end) => void endings.push(end as () => void) });
  ip("netns", "add", space);
  ip(...inSpace, "ip", "link", "set", "lo", "up");
  ip(...inSpace, "ip", "link", "set", "lo", "multicast", "on");
  ip(...inSpace, "ip", "route", "add", "224.0.0.0/4", "dev", "lo");
  const own = join(folder, "disk");
  mkdirSync(own);
  const disk = makeTestDisk(own, "dos", [{ fileSystem: "ntfs", start: 1, size: 24 }]);
  const [partition = assert.fail()] = disk.partitions;
  ntfs = savedStream(disk, partition, own);
});
after(() => {
  if (skip === false) ip("netns", "del", space);
  for (const end of endings) end();
});

interface Ended {
  code: number | null;
  said: string;
}

function start(words: string[], output?: string, stop?: AbortSignal): Promise<Ended> {
  const file = output === undefined ? ("pipe" as const) : openSync(output, "w");
  const child = spawn("ip", [...inSpace, ...words], { stdio: ["ignore", file, "pipe"], timeout: 180_000 });
  // udp-sender blocks SIGTERM while it sends.
  stop?.addEventListener("abort", () => child.kill("SIGKILL"));
  if (typeof file === "number") closeSync(file);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
}

let portBase = 9000;
/** The sender waits for its receiver, and the receiver for its sender: neither has to be first. */
async function cast(stream: Buffer, words: string[], output?: string): Promise<Ended> {
  portBase += 2;
  const file = join(folder, `stream-${portBase}`);
  writeFileSync(file, stream);
  const common = ["--interface", "lo", "--portbase", String(portBase)];
  const sending = ["--nokbd", "--min-receivers", "1", "--max-wait", "120", "--file", file];
  const stop = new AbortController();
  const sender = start(["udp-sender", ...common, ...sending], undefined, stop.signal);
  const receiving = ["receive", "--udpcast", ...common, "--wait", "120", ...words];
  const ended = await start([process.execPath, agent, ...receiving], output);
  // A receiver that has gone is waited for a long time.
  stop.abort();
  await sender;
  return ended;
}

test("into a file and into a pipe, as it comes", { skip }, async () => {
  const stream = randomBytes(6 * mebibyte + 123);
  const file = join(folder, "received");
  const { code, said } = await cast(stream, ["--to", file]);
  assert.equal(code, 0, said);
  assert.ok(readFileSync(file).equals(stream));
  assert.ok(!existsSync(`${file}.part`));

  const piped = join(folder, "piped");
  const other = await cast(stream.subarray(0, 1000), ["--to", "-"], piped);
  assert.equal(other.code, 0, other.said);
  assert.ok(readFileSync(piped).equals(stream.subarray(0, 1000)));
});

test("a compressed partclone image, as FOG sends it, is restored", { skip }, async () => {
  const packed = execFileSync("zstd", ["-c", "-q"], { input: ntfs, maxBuffer: 64 * mebibyte });
  const target = join(folder, "partition");
  const { code, said } = await cast(packed, ["--restore", target, "--size", String(24 * mebibyte)]);
  assert.equal(code, 0, said);
  assert.match(said, /The stream is NTFS/);
  const found = readFileSync(target);
  const volume = readFileSync(join(folder, "disk", "volume-saved"));
  assert.ok(found.equals(volume), "with the copy of the boot sector at its end");
});

test("what is not for the target writes nothing", { skip }, async () => {
  const small = join(folder, "small");
  const tooSmall = await cast(ntfs, ["--restore", small, "--size", String(8 * mebibyte)]);
  assert.match(tooSmall.said, /E_DEVICE_TOO_SMALL/);
  const target = join(folder, "kept");
  writeFileSync(target, "kept");
  truncateSync(target, 24 * mebibyte);
  const raw = await cast(randomBytes(100_000), ["--restore", target, "--yes"]);
  assert.match(raw.said, /E_IMAGE_FORMAT/);
  assert.equal(readFileSync(target, "latin1").slice(0, 4), "kept");
  const cut = await cast(ntfs.subarray(0, -200_000), ["--restore", target, "--yes"]);
  assert.match(cut.said, /E_IMAGE_TRUNCATED/);
});

/** As ntfsclone(8) saves the volume, and the header that partimage's description of its format gives each file. */
function imagesOfOthers(): [program: string, stream: Buffer][] {
  const words = ["--save-image", "--force", "--quiet", "--output", "-", join(folder, "disk", "volume-saved")];
  const saved = execFileSync("ntfsclone", words, {
    maxBuffer: 64 * mebibyte,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const header = Buffer.alloc(mebibyte);
  header.write("PaRtImAgE-VoLuMe", 0, "latin1");
  header.write("0.6.1", 32, "latin1");
  return [
    ["ntfsclone", saved],
    ["partimage", header],
  ];
}

test("a device is written when it was said so, and never with a program's own image", { skip }, async () => {
  const file = join(folder, "device");
  writeFileSync(file, "");
  truncateSync(file, 24 * mebibyte);
  const device = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
  try {
    const asked = await start([process.execPath, agent, "receive", "--udpcast", "--to", device]);
    assert.match(asked.said, /E_PLAN_DECLINED/);
    assert.match(asked.said, new RegExp(`This will be overwritten: ${device}, 25.2 MB`));
    const partclone = await cast(ntfs, ["--to", device, "--yes"]);
    assert.match(partclone.said, /E_IMAGE_FORMAT: The stream is a partclone image/);
    for (const [program, image] of imagesOfOthers()) {
      const { code, said } = await cast(image, ["--to", device, "--yes"]);
      assert.notEqual(code, 0, said);
      assert.match(said, new RegExp(`E_IMAGE_FORMAT: The stream is an image of ${program}'s`));
    }
    assert.ok(readFileSync(file).equals(Buffer.alloc(24 * mebibyte)));
    const stream = randomBytes(100_000);
    const raw = await cast(stream, ["--to", device, "--yes"]);
    assert.equal(raw.code, 0, raw.said);
    assert.ok(readFileSync(device).subarray(0, stream.length).equals(stream));
    const restored = await cast(ntfs, ["--restore", device, "--yes"]);
    assert.equal(restored.code, 0, restored.said);
  } finally {
    execFileSync("losetup", ["--detach", device]);
  }
});

test("no sender is said, and nothing is left", { skip }, async () => {
  const file = join(folder, "nothing");
  const words = ["receive", "--udpcast", "--interface", "lo", "--wait", "1", "--to", file];
  const { code, said } = await start([process.execPath, agent, ...words]);
  assert.equal(code, 69, said);
  assert.match(said, /E_NO_SENDER/);
  assert.equal(statSync(file, { throwIfNoEntry: false }), undefined);
});
