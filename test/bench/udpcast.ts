/** The rival: Debian's udpcast sends the same file to the same room. It checks nothing of what arrives. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { hostInterface } from "./room.ts";
import type { Host, Room } from "./room.ts";

/** udp-receiver says nothing when it has begun to listen; this is long enough, and is not timed. */
const listenMs = 700;
const limitMs = 10 * 60_000;
/** With its default of 200 udpcast gives a receiver up on a busy machine with loss; the benchmark wants it to finish. */
const retriesUntilDrop = 100_000;
const common = ["--nokbd", "--interface", hostInterface];

export interface RivalResult {
  /** From the sender's start until the last receiver has ended. */
  seconds: number;
  /** Processor seconds. */
  senderCost: number;
  receiverCosts: number[];
}

/** One of its programs on a host. */
export class UdpcastProgram {
  readonly #child: ChildProcess;
  /** Processor seconds that it took; rejects when it fails or is killed. */
  readonly cost: Promise<number>;

  constructor(room: Room, host: Host, command: string, argv: string[]) {
    // The shell says on its last line what processor time the command took, and ends with it when it is killed.
    const timed = ["-c", 'TIMEFORMAT="cost %U %S"; trap "kill %1" TERM; time { "$@" & wait $!; }', "bash"];
    const child = room.start(host, "bash", [...timed, command, ...argv], {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: limitMs,
    });
    this.#child = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
    this.cost = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        const cost = /cost (\d+\.\d+) (\d+\.\d+)\s*$/.exec(said);
        if (code === 0 && cost) resolve(Number(cost[1]) + Number(cost[2]));
        else reject(new Error(`${command} ended with ${code ?? "a signal"}: ${said.trim()}`));
      });
    });
    // What fails before anybody waits is told to whoever waits later.
    this.cost.catch(() => undefined);
  }

  kill(): void {
    this.#child.kill("SIGTERM");
  }
}

/** Listens when this resolves. */
export async function startUdpcastReceivers(
  room: Room,
  files: ReadonlyMap<Host, string>,
): Promise<UdpcastProgram[]> {
  const programs = [...files].map(
    ([host, file]) => new UdpcastProgram(room, host, "udp-receiver", [...common, "--file", file]),
  );
  await sleep(listenMs);
  return programs;
}

/** Sends to `count` receivers, with udpcast's own patience when `isPatient` is false. */
export function startUdpcastSender(
  room: Room,
  file: string,
  count: number,
  isPatient: boolean,
): UdpcastProgram {
  const patience = isPatient ? ["--retries-until-drop", String(retriesUntilDrop)] : [];
  const sending = [...common, ...patience, "--min-receivers", String(count), "--file", file];
  return new UdpcastProgram(room, room.sender, "udp-sender", sending);
}

export async function castWithUdpcast(room: Room, file: string): Promise<RivalResult> {
  const sinks = new Map(room.receivers.map((host) => [host, "/dev/null"]));
  const receivers = await startUdpcastReceivers(room, sinks);
  const started = process.hrtime.bigint();
  const sender = startUdpcastSender(room, file, room.receivers.length, true);
  const senderCost = await sender.cost;
  const receiverCosts = await Promise.all(receivers.map(({ cost }) => cost));
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, senderCost, receiverCosts };
}
