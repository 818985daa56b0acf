/**
 * `scripts/bench cast --cases`: what one troubled machine costs the others of a room on a shaped link, with Volley and,
 * with --vs udpcast, with that (which waits more than three minutes for a machine that is gone). A machine joins at
 * 80 %; has a disk at a tenth of the rate; is killed at 50 % and started again; is killed at 50 % and stays away. Each
 * is compared with a run of the same room in which nothing happens. Seconds are from the word to begin until the last
 * of the others has everything. The last line is the result.
 */
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { mountFaultyDisk } from "../fixtures/faulty-disk.ts";
import { makeContent, OurCast, type Content, type OurReceiver } from "./our-cast.ts";
import { within } from "./peer.ts";
import { makeImage, parseCount, parseSize, requireProgram, rounded } from "./report.ts";
import { Room, type Host } from "./room.ts";
import { startUdpcastReceivers, startUdpcastSender, type UdpcastProgram } from "./udpcast.ts";

const cases = [
  "nothing",
  "joins at 80 %",
  "disk at a tenth",
  "restarts at 50 %",
  "vanishes at 50 %",
] as const;
type Case = (typeof cases)[number];
const lookMs = 20;
const limitMs = 5 * 60_000;
/** What a troubled machine has after the others are done until it counts as left behind. */
const graceMs = 60_000;

/** A cast that is under way, whoever makes it. */
interface Running {
  /** The last of the others has everything: seconds since the word to begin. */
  others: Promise<number>;
  /** The troubled machine takes part, with its disk; seconds since the word to begin until it has everything. */
  join(disk: string): Promise<number>;
  killTroubled(): void;
  stop(): Promise<void>;
}

interface System {
  name: string;
  /** Everybody but, when `disk` is null, the troubled machine: the last of the room. */
  begin(room: Room, disk: string | null): Promise<Running & { troubled: Promise<number> | null }>;
}

const secondsSince = (started: bigint): number => Number(process.hrtime.bigint() - started) / 1e9;

function volley(content: Content): System {
  return {
    name: "volley",
    begin: async (room, disk) => {
      const cast = await OurCast.open(room, content);
      const last = room.receivers.length - 1;
      const healthy = await Promise.all(
        room.receivers.slice(0, last).map((_, index) => cast.receiver(index)),
      );
      let troubled: OurReceiver | undefined = disk === null ? undefined : await cast.receiver(last);
      const started = process.hrtime.bigint();
      const receive = (receiver: OurReceiver, device: string | null, resume = false): Promise<number> =>
        receiver.receive({ device, resume }).then(() => secondsSince(started));
      const others = Promise.all(healthy.map((receiver) => receive(receiver, null)));
      const first = troubled && disk !== null ? receive(troubled, disk) : null;
      return {
        others: others.then((seconds) => Math.max(...seconds)),
        troubled: first,
        join: async (device) => {
          const isBack = troubled !== undefined;
          troubled = await cast.receiver(last);
          return receive(troubled, device, isBack);
        },
        killTroubled: () => troubled?.kill(),
        stop: async () => {
          troubled?.kill();
          await cast.stop();
        },
      };
    },
  };
}

function udpcast(image: string): System {
  return {
    name: "udpcast",
    begin: async (room, disk) => {
      const last = room.receivers.at(-1);
      if (!last) throw new Error("the room is empty");
      const files = new Map<Host, string>(room.receivers.slice(0, -1).map((host) => [host, "/dev/null"]));
      if (disk !== null) files.set(last, disk);
      const programs = await startUdpcastReceivers(room, files);
      let troubled: UdpcastProgram | undefined = disk === null ? undefined : programs.pop();
      const started = process.hrtime.bigint();
      const sender = startUdpcastSender(room, image, files.size, false);
      const ended = (program: UdpcastProgram): Promise<number> =>
        program.cost.then(() => secondsSince(started));
      return {
        others: Promise.all(programs.map(ended)).then((seconds) => Math.max(...seconds)),
        troubled: troubled ? ended(troubled) : null,
        join: async (device) => {
          [troubled] = await startUdpcastReceivers(room, new Map([[last, device]]));
          if (!troubled) throw new Error("no receiver was started");
          return ended(troubled);
        },
        killTroubled: () => troubled?.kill(),
        stop: async () => {
          troubled?.kill();
          sender.kill();
          await sender.cost.catch(() => 0);
        },
      };
    },
  };
}

interface Outcome {
  othersSeconds: number;
  /** When the troubled machine had everything; null: never, while anybody waited. */
  troubledSeconds: number | null;
}

interface Setting {
  imageBytes: number;
  rateMbps: number;
  receivers: number;
  folder: string;
}

/** Bytes that left the sender's card, as a part of the image. */
async function reached(room: Room, setting: Setting, from: number, part: number): Promise<void> {
  while (room.sentBytes() - from < part * setting.imageBytes) await sleep(lookMs);
}

async function run(system: System, which: Case, setting: Setting): Promise<Outcome> {
  const room = await Room.open({ receivers: setting.receivers, wire: false });
  const backing = join(setting.folder, "disk.raw");
  await writeFile(backing, "");
  await truncate(backing, setting.imageBytes);
  const slow =
    which === "disk at a tenth"
      ? await mountFaultyDisk(backing, { bytesPerSecond: Math.round((setting.rateMbps * 1e6) / 8 / 10) })
      : undefined;
  const disk = slow?.path ?? backing;
  let running: Awaited<ReturnType<System["begin"]>> | undefined;
  try {
    await room.shape(setting.rateMbps);
    const from = room.sentBytes();
    running = await system.begin(room, which === "joins at 80 %" ? null : disk);
    const { others } = running;
    // Killed in mid-cast, a process has nothing more to say.
    let troubled = running.troubled?.catch(() => null) ?? Promise.resolve(null);
    if (which === "joins at 80 %") {
      await reached(room, setting, from, 0.8);
      troubled = running.join(disk).catch(() => null);
    } else if (which === "restarts at 50 %" || which === "vanishes at 50 %") {
      await reached(room, setting, from, 0.5);
      running.killTroubled();
      troubled = Promise.resolve(null);
      if (which === "restarts at 50 %") troubled = running.join(disk).catch(() => null);
    }
    const othersSeconds = await within(limitMs, `${system.name}: ${which}`, others);
    return { othersSeconds, troubledSeconds: await Promise.race([troubled, sleep(graceMs, null)]) };
  } finally {
    await running?.stop();
    room.close();
    await slow?.remove();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cases: { type: "boolean" },
      receivers: { type: "string", default: "4" },
      size: { type: "string", default: "128M" },
      rate: { type: "string", default: "200" },
      vs: { type: "string" },
      runs: { type: "string", default: "1" },
      folder: { type: "string", default: tmpdir() },
    },
  });
  const folder = await mkdtemp(join(values.folder, "volley-bench-"));
  try {
    const setting: Setting = {
      imageBytes: parseSize(values.size),
      rateMbps: parseCount("--rate", values.rate, 1, 100_000),
      receivers: parseCount("--receivers", values.receivers, 2, 50),
      folder,
    };
    const runs = parseCount("--runs", values.runs, 1, 20);
    const image = join(folder, "image.raw");
    makeImage(image, setting.imageBytes);
    if (values.vs !== undefined && values.vs !== "udpcast") {
      throw new Error(`--vs knows one rival here, udpcast; this is '${values.vs}'`);
    }
    if (values.vs === "udpcast") requireProgram("udp-sender", "udpcast");
    const ours = volley(await makeContent(image, setting.imageBytes, join(folder, "image.content")));
    const systems = values.vs === undefined ? [ours] : [ours, udpcast(image)];
    const rows: object[] = [];
    const quiet = new Map<string, number>();
    for (const which of cases) {
      for (const system of systems) {
        const outcomes: Outcome[] = [];
        for (let count = 0; count < runs; count += 1) outcomes.push(await run(system, which, setting));
        const othersSeconds = Math.min(...outcomes.map((outcome) => outcome.othersSeconds));
        if (which === "nothing") quiet.set(system.name, othersSeconds);
        const row = {
          case: which,
          system: system.name,
          othersSeconds: rounded(othersSeconds, 2),
          ratio: rounded(othersSeconds / (quiet.get(system.name) ?? Number.NaN), 3),
          troubledSeconds: outcomes.map(({ troubledSeconds }) =>
            troubledSeconds === null ? null : rounded(troubledSeconds, 2),
          ),
        };
        rows.push(row);
        process.stderr.write(`${JSON.stringify(row)}\n`);
      }
    }
    const { receivers, imageBytes, rateMbps } = setting;
    console.log(JSON.stringify({ receivers, imageBytes, rateMbps, runs, rows }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`\nerror: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
