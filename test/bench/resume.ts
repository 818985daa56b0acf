/**
 * `scripts/bench resume`: a disk that already holds the image is recognised by reading it, and nothing is fetched.
 * Beside it, in turns, dd reads the same file past the page cache, in pieces of 4 MiB: one read at a time, as fast as
 * that goes; and fio, with as many reads in flight as ours and with 32, which shows what the device gives at all. The last line is the result.
 */
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { openCaster, openReceiver, receiverKey } from "../../native/index.ts";
import { makeContent, type Content } from "./our-cast.ts";
import { median, megabytesPerSecond, parseCount, parseSize, requireProgram, rounded } from "./report.ts";

const loopback = "127.0.0.1";
const run = promisify(execFile);
/** The scan's (scanReadsInFlight of native/core/limits.h), and more than most devices need. */
const depths = [4, 32];

interface Resumed {
  seconds: number;
  fetchedBytes: number;
}

async function resume(content: Content, device: string): Promise<Resumed> {
  const sessionKey = randomBytes(32);
  const feedbackSecret = randomBytes(32);
  const session = { session: 1, stream: 0, group: "239.77.0.3", port: 47_020, mtu: 1500 };
  const caster = openCaster({
    ...session,
    manifest: content.manifest,
    contentPath: content.contentPath,
    sessionKey,
    feedbackSecret,
    start: 1,
    interfaceAddress: loopback,
    feedbackPort: 0,
    unicastPort: 0,
    timeToLive: 0,
    rateBytesPerSecond: 0,
  });
  try {
    const begun = process.hrtime.bigint();
    const receiver = openReceiver({
      ...session,
      manifest: content.manifest,
      device,
      sessionKey,
      receiverKey: receiverKey({ feedbackSecret, session: 1, receiver: 1 }),
      receiver: 1,
      interfaceAddress: loopback,
      feedback: { address: loopback, port: caster.ports.feedback },
      unicast: { address: loopback, port: caster.ports.unicast },
      groupSize: 1,
      askBeforeScan: false,
      silenceMs: 60_000,
      chunkWaitMs: 60_000,
    });
    await receiver.finished;
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    const { multicastBytes, unicastBytes } = receiver.statistics();
    return { seconds, fetchedBytes: multicastBytes + unicastBytes };
  } finally {
    await caster.stop();
  }
}

async function readWithDd(path: string): Promise<number> {
  const begun = process.hrtime.bigint();
  await run("dd", [`if=${path}`, "of=/dev/null", "bs=4M", "iflag=direct", "status=none"]);
  return Number(process.hrtime.bigint() - begun) / 1e9;
}

/** Seconds by its own clock: it takes a while to start. */
async function readWithFio(path: string, bytes: number, depth: number): Promise<number> {
  const what = ["--name=read", `--filename=${path}`, "--rw=read", "--bs=1M", `--size=${bytes}`];
  const how = ["--direct=1", "--ioengine=io_uring", `--iodepth=${depth}`, "--output-format=json"];
  const { stdout } = await run("fio", [...what, ...how]);
  const [job] = (JSON.parse(stdout) as { jobs: { read: { bw_bytes: number } }[] }).jobs;
  return bytes / (job?.read.bw_bytes ?? Number.NaN);
}

requireProgram("fio", "fio");
const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1G" },
    runs: { type: "string", default: "3" },
    folder: { type: "string", default: "." },
  },
});
const imageBytes = parseSize(values.size);
const runs = parseCount("--runs", values.runs, 1, 100);
const folder = await mkdtemp(join(values.folder, "volley-bench-"));
try {
  const disk = join(folder, "disk.raw");
  const pieces = `count=${imageBytes / 2 ** 20}`;
  execFileSync("dd", ["if=/dev/urandom", `of=${disk}`, "bs=1M", pieces, "conv=fsync", "status=none"]);
  const content = await makeContent(disk, imageBytes, join(folder, "content"));
  const ours: number[] = [];
  const theirs: number[] = [];
  const fio = new Map<number, number[]>(depths.map((depth) => [depth, []]));
  let fetchedBytes = 0;
  for (let i = 0; i < runs; i += 1) {
    const resumed = await resume(content, disk);
    fetchedBytes += resumed.fetchedBytes;
    ours.push(resumed.seconds);
    theirs.push(await readWithDd(disk));
    for (const [depth, seconds] of fio) seconds.push(await readWithFio(disk, imageBytes, depth));
    process.stderr.write(`resume ${rounded(resumed.seconds, 3)} s, dd ${rounded(theirs.at(-1) ?? 0, 3)} s\n`);
  }
  const result = {
    ours: { megabytesPerSecond: megabytesPerSecond(imageBytes, median(ours)), fetchedBytes },
    rival: { name: "dd iflag=direct", megabytesPerSecond: megabytesPerSecond(imageBytes, median(theirs)) },
    ratio: rounded(median(theirs) / median(ours), 2),
    fio: [...fio].map(([readsInFlight, seconds]) => ({
      readsInFlight,
      megabytesPerSecond: megabytesPerSecond(imageBytes, median(seconds)),
      ratio: rounded(median(seconds) / median(ours), 2),
    })),
    imageBytes,
    runs,
  };
  console.log(JSON.stringify(result));
} finally {
  await rm(folder, { recursive: true, force: true });
}
