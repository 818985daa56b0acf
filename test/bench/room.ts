/**
 * A room of hosts on one machine: a sender and N receivers, each in a network namespace of its own, joined by a
 * bridge in one more. Root only. `close` removes all of it, and so does the next room when a process was killed
 * before it could.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";

const executeFile = promisify(execFile);
/** The subnet of every room: a namespace has addresses of its own, so rooms do not meet. */
const subnet = "10.77.0";
export const hostInterface = "e0";
/** What a socket may ask for; the default of most systems, 208 KiB, is less than a millisecond of 10 Gbit/s. */
const socketBufferBytes = 32 * 1024 * 1024;
const socketBufferFiles = ["/proc/sys/net/core/rmem_max", "/proc/sys/net/core/wmem_max"];
const maximumReceivers = 200;
/** A UDP packet of at most so many bytes is taken for control, not data. */
const controlBytesMost = 512;

export interface Host {
  namespace: string;
  address: string;
}

export interface RoomOptions {
  receivers: number;
  /**
   * Cut super-packets at every port, as a network card does: one datagram, one packet. Without it a virtual link
   * passes a UDP_SEGMENT burst whole.
   */
  wire: boolean;
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** So that `exit` listeners run. */
const exitAtSignal = (): void => process.exit(130);

const ip = async (line: string): Promise<void> => {
  await executeFile("ip", line.split(" "));
};

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** Removes the rooms of processes that are gone. Names are `v<process id>.<host>`. */
function sweep(): void {
  const listing = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const match of listing.matchAll(/^(v(\d+)\.\S+)/gm)) {
    const [, namespace = "", owner = ""] = match;
    if (!isRunning(Number(owner))) execFileSync("ip", ["netns", "del", namespace]);
  }
}

export class Room {
  readonly sender: Host;
  readonly receivers: Host[];
  readonly #prefix = `v${process.pid}`;
  readonly #children = new Set<ChildProcess>();
  readonly #earlierBufferLimits = new Map<string, string>();
  #isOpen = true;
  readonly #removeAtExit = (): void => this.#remove();

  private constructor(receivers: number) {
    this.sender = { namespace: `${this.#prefix}.s`, address: `${subnet}.1` };
    this.receivers = Array.from({ length: receivers }, (_, index) => ({
      namespace: `${this.#prefix}.r${index + 1}`,
      address: `${subnet}.${11 + index}`,
    }));
  }

  static async open(options: RoomOptions): Promise<Room> {
    if (process.getuid?.() !== 0) throw new Error("a room of network namespaces takes root; run as root");
    if (options.receivers > maximumReceivers) {
      throw new Error(`a room holds at most ${maximumReceivers} receivers`);
    }
    sweep();
    const room = new Room(options.receivers);
    process.on("exit", room.#removeAtExit);
    for (const signal of endingSignals) process.on(signal, exitAtSignal);
    try {
      await room.#build(options.wire);
      return room;
    } catch (error) {
      room.close();
      throw error;
    }
  }

  async #build(wire: boolean): Promise<void> {
    for (const file of socketBufferFiles) {
      const earlier = readFileSync(file, "utf8").trim();
      if (Number(earlier) >= socketBufferBytes) continue;
      this.#earlierBufferLimits.set(file, earlier);
      writeFileSync(file, String(socketBufferBytes));
    }
    const hub = `${this.#prefix}.sw`;
    await ip(`netns add ${hub}`);
    await ip(`-n ${hub} link add br0 type bridge mcast_snooping 0`);
    await ip(`-n ${hub} link set br0 up`);
    for (const host of [this.sender, ...this.receivers]) {
      const port = `p${host.address.split(".")[3]}`;
      await ip(`netns add ${host.namespace}`);
      await ip(`-n ${host.namespace} link set lo up`);
      await ip(`-n ${hub} link add ${port} type veth peer name ${hostInterface} netns ${host.namespace}`);
      await ip(`-n ${hub} link set ${port} master br0 up`);
      await ip(`-n ${host.namespace} link set ${hostInterface} up txqueuelen 10000`);
      await ip(`-n ${host.namespace} addr add ${host.address}/24 brd + dev ${hostInterface}`);
      await ip(`-n ${host.namespace} route add 224.0.0.0/4 dev ${hostInterface}`);
      if (wire) await ip(`-n ${hub} link set ${port} gso_max_segs 1`);
    }
    if (wire) await ip(`-n ${this.sender.namespace} link set ${hostInterface} gso_max_segs 1`);
  }

  /** Starts a program on a host; `close` ends it if it still runs then. */
  start(host: Host, command: string, argv: string[], options: SpawnOptions): ChildProcess {
    const child = spawn("ip", ["netns", "exec", host.namespace, command, ...argv], options);
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /**
   * Drops so many of a million UDP packets at each receiver, at random and independently; 0 drops none. Only packets
   * that carry data: udpcast waits for ever when the one packet that connects a receiver is lost.
   */
  async losePackets(perMillion: number): Promise<void> {
    for (const { namespace } of this.receivers) {
      const filter = async (line: string): Promise<void> => {
        await executeFile("ip", ["netns", "exec", namespace, "nft", ...line.split(" ")]);
      };
      await filter("flush ruleset");
      if (perMillion === 0) continue;
      await filter("add table inet loss");
      await filter("add chain inet loss arriving { type filter hook prerouting priority 0 ; }");
      await filter(
        `add rule inet loss arriving udp length > ${controlBytesMost} numgen random mod 1000000 < ${perMillion} drop`,
      );
    }
  }

  /** Shapes the sender's link to so many Mbit/s of Ethernet bytes, as a switch port with a short queue does. */
  async shape(rateMbps: number): Promise<void> {
    const shaper = `tbf rate ${rateMbps}mbit burst 128kb latency 50ms`;
    const words = `netns exec ${this.sender.namespace} tc qdisc add dev ${hostInterface} root ${shaper}`;
    await ip(words);
  }

  /** Bytes that have left the sender's card. */
  sentBytes(): number {
    const counter = `/sys/class/net/${hostInterface}/statistics/tx_bytes`;
    const words = ["netns", "exec", this.sender.namespace, "cat", counter];
    return Number(execFileSync("ip", words, { encoding: "utf8" }));
  }

  close(): void {
    this.#remove();
  }

  #remove(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.#removeAtExit);
    for (const signal of endingSignals) process.off(signal, exitAtSignal);
    for (const child of this.#children) child.kill("SIGKILL");
    for (const [file, value] of this.#earlierBufferLimits) writeFileSync(file, value);
    const listing = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
    for (const line of listing.split("\n")) {
      const [namespace = ""] = line.split(" ");
      if (namespace.startsWith(`${this.#prefix}.`)) execFileSync("ip", ["netns", "del", namespace]);
    }
  }
}
