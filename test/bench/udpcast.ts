/** The rival: Debian's udpcast sends the same file to the same room. It checks nothing of what arrives. */
import { setTimeout as sleep } from "node:timers/promises";
import { hostInterface } from "./room.ts";
import type { Host, Room } from "./room.ts";

/** udp-receiver says nothing when it has begun to listen; this is long enough, and is not timed. */
const listenMs = 700;
const limitMs = 10 * 60_000;
/** With its default of 200 udpcast gives a receiver up on a busy machine with loss; the benchmark wants it to finish. */
const retriesUntilDrop = 100_000;

export interface RivalResult {
  /** From the sender's start until the last receiver has ended. */
  seconds: number;
  /** Processor seconds. */
  senderCost: number;
  receiverCosts: number[];
}

/** The shell says on its last line what processor time the command took. */
const timed = ["-c", 'TIMEFORMAT="cost %U %S"; time "$@"', "bash"];

/** Processor seconds that the command took. */
function ended(room: Room, host: Host, command: string, argv: string[]): Promise<number> {
  const words = [...timed, command, ...argv];
  const child = room.start(host, "bash", words, { stdio: ["ignore", "ignore", "pipe"], timeout: limitMs });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const cost = /cost (\d+\.\d+) (\d+\.\d+)\s*$/.exec(said);
      if (code === 0 && cost) resolve(Number(cost[1]) + Number(cost[2]));
      else reject(new Error(`${command} ended with ${code ?? "a signal"}: ${said.trim()}`));
    });
  });
}

export async function castWithUdpcast(room: Room, file: string): Promise<RivalResult> {
  const common = ["--nokbd", "--interface", hostInterface];
  const receivers = room.receivers.map((host) =>
    ended(room, host, "udp-receiver", [...common, "--file", "/dev/null"]),
  );
  const all = Promise.all(receivers);
  // A receiver that fails before the sender has started is reported below, by `await all`.
  all.catch(() => undefined);
  await sleep(listenMs);
  const started = process.hrtime.bigint();
  const count = String(room.receivers.length);
  const patience = ["--retries-until-drop", String(retriesUntilDrop)];
  const sending = [...common, ...patience, "--min-receivers", count, "--file", file];
  const senderCost = await ended(room, room.sender, "udp-sender", sending);
  const receiverCosts = await all;
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, senderCost, receiverCosts };
}
