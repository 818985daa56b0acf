/**
 * `scripts/bench cast`: one image of random bytes to N receivers of a room, with authentication and BLAKE3 on and no
 * disk at either end, beside a rival in the same room. MB/s are millions of image bytes that each receiver got in a
 * second, from the word to begin until the last one is done. The last line is the result.
 *
 * Loss: ours is dropped inside the receiver by a seed, for each datagram, after super-packets are split; the rival's
 * by nftables, for each packet (it sends no super-packets, so a packet is a datagram).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { castOurs, makeContent } from "./our-cast.ts";
import type { CastResult, Content } from "./our-cast.ts";
import {
  makeImage,
  median,
  megabytesPerSecond,
  parseCount,
  parseSize,
  requireProgram,
  rounded,
} from "./report.ts";
import { Room } from "./room.ts";
import { castRaw } from "./raw-sockets.ts";
import { TcpDownload } from "./tcp-download.ts";
import { castWithUdpcast, type RivalResult } from "./udpcast.ts";

const runLimitMs = 10 * 60_000;

interface Options {
  receivers: number;
  imageBytes: number;
  lossPercent: number;
  seed: number;
  wire: boolean;
  /** Mbit/s of Ethernet bytes that the sender's link takes; undefined: unshaped. */
  rateMbps: number | undefined;
  /** Beside a TCP download from the sender to the first receiver. */
  tcp: boolean;
  rival: "udpcast" | "raw" | undefined;
  runs: number;
  folder: string;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      receivers: { type: "string", default: "1" },
      size: { type: "string", default: "1G" },
      loss: { type: "string", default: "0" },
      seed: { type: "string", default: "1" },
      wire: { type: "boolean", default: false },
      rate: { type: "string" },
      tcp: { type: "boolean", default: false },
      vs: { type: "string" },
      runs: { type: "string", default: "1" },
      folder: { type: "string", default: tmpdir() },
    },
  });
  const { vs } = values;
  if (vs !== undefined && vs !== "udpcast" && vs !== "raw") {
    throw new Error(`--vs knows two rivals, udpcast and raw; this is '${vs}'`);
  }
  const lossPercent = Number(values.loss);
  if (!(lossPercent >= 0 && lossPercent < 100)) {
    throw new Error(`--loss takes a percentage from 0 to below 100; this is '${values.loss}'`);
  }
  return {
    receivers: parseCount("--receivers", values.receivers, 1, 200),
    imageBytes: parseSize(values.size),
    lossPercent,
    seed: parseCount("--seed", values.seed, 0, 2 ** 31),
    wire: values.wire,
    rateMbps: values.rate === undefined ? undefined : parseCount("--rate", values.rate, 1, 100_000),
    tcp: values.tcp,
    rival: vs,
    runs: parseCount("--runs", values.runs, 1, 100),
    folder: values.folder,
  };
}

const say = (text: string): void => void process.stderr.write(text);
/** A line that the next one is drawn over; left out where lines stay. */
const draw = (text: string): void => {
  if (process.stderr.isTTY) say(`\r\x1b[2K${text}`);
};

async function runOurs(room: Room, content: Content, options: Options): Promise<CastResult> {
  const totalBytes = content.imageBytes * options.receivers;
  const result = await castOurs(room, content, {
    lossPerMillion: Math.round(options.lossPercent * 10_000),
    lossSeed: options.seed,
    limitMs: runLimitMs,
    onProgress: (bytes) => draw(`ours: ${rounded((100 * bytes) / totalBytes, 0)} %`),
  });
  draw("");
  say(`ours: ${megabytesPerSecond(content.imageBytes, result.seconds)} MB/s\n`);
  return result;
}

/** Sockets alone, without loss: nothing would be sent again. */
async function runRaw(room: Room, options: Options): Promise<RivalResult> {
  const rate = await castRaw(room, options.imageBytes);
  say(`raw sockets: ${rounded(rate)} MB/s\n`);
  return { seconds: options.imageBytes / 1e6 / rate, senderCost: 0, receiverCosts: [] };
}

async function runRival(room: Room, image: string, options: Options): Promise<RivalResult> {
  if (options.rival === "raw") return runRaw(room, options);
  draw("udpcast: ...");
  await room.losePackets(Math.round(options.lossPercent * 10_000));
  try {
    const result = await castWithUdpcast(room, image);
    draw("");
    say(`udpcast: ${megabytesPerSecond(options.imageBytes, result.seconds)} MB/s\n`);
    return result;
  } finally {
    await room.losePackets(0);
  }
}

/** Processor seconds for each 10^9 bytes of image: of the sender, and of a receiver on average. */
function costs(options: Options, sender: number, receivers: number[]): object {
  const perGigabyte = (seconds: number): number => rounded((seconds * 1e9) / options.imageBytes, 2);
  const sum = receivers.reduce((one, other) => one + other, 0);
  return { sender: perGigabyte(sender), receiver: perGigabyte(sum / Math.max(receivers.length, 1)) };
}

function describe(options: Options, ours: CastResult[], rivals: RivalResult[]): object {
  const rivalSeconds = rivals.map(({ seconds }) => seconds);
  const rival = rivals.at(-1);
  const oursRate = megabytesPerSecond(options.imageBytes, median(ours.map(({ seconds }) => seconds)));
  const rivalRate =
    rivalSeconds.length === 0 ? undefined : megabytesPerSecond(options.imageBytes, median(rivalSeconds));
  const last = ours.at(-1);
  return {
    ours: {
      megabytesPerSecond: oursRate,
      seconds: ours.map(({ seconds }) => rounded(seconds, 3)),
      processorSecondsPerGigabyte:
        last &&
        costs(
          options,
          last.sender.cost.processorSeconds,
          last.receivers.map(({ cost }) => cost.processorSeconds),
        ),
      sender: last?.sender,
      receivers: last?.receivers.map(({ statistics, cost }) => ({
        multicastBytes: statistics.multicastBytes,
        unicastBytes: statistics.unicastBytes,
        repairedSymbols: statistics.repairedSymbols,
        lostDatagrams: statistics.lostDatagrams,
        bufferBytes: statistics.bufferBytes,
        ...cost,
      })),
    },
    rival:
      rivalRate === undefined
        ? null
        : {
            name: options.rival,
            megabytesPerSecond: rivalRate,
            seconds: rivalSeconds.map((seconds) => rounded(seconds, 3)),
            processorSecondsPerGigabyte:
              rival && options.rival === "udpcast"
                ? costs(options, rival.senderCost, rival.receiverCosts)
                : null,
          },
    ratio: rivalRate === undefined ? null : rounded(oursRate / rivalRate, 2),
    receivers: options.receivers,
    imageBytes: options.imageBytes,
    lossPercent: options.lossPercent,
    lossSeed: options.seed,
    wire: options.wire,
    rateMbps: options.rateMbps ?? null,
    shareOfRate: options.rateMbps === undefined ? null : rounded((oursRate * 8) / options.rateMbps, 4),
    runs: options.runs,
  };
}

/** What the download beside the cast got: millions of bytes a second of payload, and the part of the link's rate. */
function describeTcp(options: Options, rates: number[]): object {
  if (rates.length === 0) return {};
  const rate = median(rates);
  const part = options.rateMbps === undefined ? null : rounded((rate * 8) / options.rateMbps, 3);
  return { tcp: { megabytesPerSecond: rounded(rate), shareOfRate: part } };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.rival === "udpcast") requireProgram("udp-sender", "udpcast");
  const folder = await mkdtemp(join(options.folder, "volley-bench-"));
  let room: Room | undefined;
  try {
    say(`image: ${options.imageBytes / 2 ** 20} MiB of random bytes ... `);
    const image = join(folder, "image.raw");
    makeImage(image, options.imageBytes);
    const content = await makeContent(image, options.imageBytes, join(folder, "image.content"));
    say("imported\n");
    room = await Room.open({ receivers: options.receivers, wire: options.wire });
    if (options.rateMbps !== undefined) await room.shape(options.rateMbps);
    const download = options.tcp ? await TcpDownload.start(room) : undefined;
    const tcpRates: number[] = [];
    const ours: CastResult[] = [];
    const rivals: RivalResult[] = [];
    for (let run = 0; run < options.runs; run += 1) {
      download?.mark();
      ours.push(await runOurs(room, content, options));
      if (download) tcpRates.push(download.rate());
      if (options.rival) rivals.push(await runRival(room, image, options));
    }
    download?.stop();
    const result = { ...describe(options, ours, rivals), ...describeTcp(options, tcpRates) };
    console.log(JSON.stringify(result));
  } finally {
    room?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  say(`\nerror: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
