/** Sends magic packets: to every address several times, since each is a datagram that nobody acknowledges. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import { magicPacket, wakePlaces, wakePort, type WakePlace } from "./magic-packet.ts";

interface Round {
  /** Names of the interfaces that packets left by. */
  interfaces: string[];
  /** What happened at the others. */
  failures: string[];
}

export class Waker {
  readonly #log: Log;
  readonly #repeats = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Answers when packets to all of `macs` have left once, with the interfaces that they left by; the other times follow.
   * Throws E_SOCKET when none left, E_CONFLICT when too many calls still repeat theirs.
   */
  async wake(macs: readonly string[]): Promise<string[]> {
    if (this.#repeats.size >= limits.wakesAtOnce) {
      throw new VolleyError("E_CONFLICT", `${limits.wakesAtOnce} rooms are woken already; wait a moment.`);
    }
    const { failures, interfaces } = await sendRound(macs);
    for (const failure of failures) this.#log.warn(`waking: ${failure}`);
    if (interfaces.length === 0) {
      const why = failures.length === 0 ? "no interface has an IPv4 address" : failures.join("; ");
      throw new VolleyError("E_SOCKET", `No packet that wakes a computer could be sent: ${why}.`);
    }
    const repeating = this.#repeat(macs);
    this.#repeats.add(repeating);
    void repeating.finally(() => this.#repeats.delete(repeating));
    return interfaces;
  }

  /** Resolves when all that was begun is sent. */
  async stop(): Promise<void> {
    await Promise.all(this.#repeats);
  }

  /** Never rejects. An interface may come or go meanwhile, so each round looks anew; what fails was told of before. */
  async #repeat(macs: readonly string[]): Promise<void> {
    for (let round = 1; round < limits.wakeRounds; round += 1) {
      await delay(limits.wakeRoundMs);
      await sendRound(macs);
    }
  }
}

async function sendRound(macs: readonly string[]): Promise<Round> {
  const round: Round = { interfaces: [], failures: [] };
  for (const place of wakePlaces(networkInterfaces())) {
    try {
      await sendFrom(place, macs);
      if (!round.interfaces.includes(place.name)) round.interfaces.push(place.name);
    } catch (error) {
      round.failures.push(`${place.name}, ${place.address}: ${(error as Error).message}`);
    }
  }
  return round;
}

/** Systems send a limited broadcast by the interface that the socket's own address is on. */
async function sendFrom({ address, broadcasts }: WakePlace, macs: readonly string[]): Promise<void> {
  const socket = createSocket("udp4");
  try {
    socket.bind(0, address);
    await once(socket, "listening");
    socket.setBroadcast(true);
    for (const [index, mac] of macs.entries()) {
      // A whole room at once would not fit the queues of a slow link.
      if (index > 0 && index % limits.wakeBurst === 0) await delay(1);
      for (const broadcast of broadcasts) await send(socket, magicPacket(mac), broadcast);
    }
  } finally {
    socket.close();
  }
}

function send(socket: Socket, packet: Buffer, broadcast: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, wakePort, broadcast, (error) => (error ? reject(error) : resolve()));
  });
}
