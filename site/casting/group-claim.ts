/**
 * A group that this site has, or wants: how sites of one network learn of each other's groups (docs/PROTOCOL.md,
 * Claims). Whoever wants a group asks in it, at a port that all sites share; whoever has it answers. Beside that, any
 * datagram to the group and the data port shows that someone uses it.
 */
import { createSocket, type Socket } from "node:dgram";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

const magic = Buffer.from("VLYC", "ascii");
export const siteIdBytes = 16;
const headerBytes = 8;
const claimBytes = headerBytes + siteIdBytes;

export type ClaimKind = "question" | "answer";
const kinds: readonly ClaimKind[] = ["question", "answer"];

export function writeClaim(kind: ClaimKind, siteId: Buffer): Buffer {
  const claim = Buffer.alloc(claimBytes);
  magic.copy(claim);
  claim.writeUInt8(kinds.indexOf(kind) + 1, 4);
  claim.writeUInt16LE(claimBytes, 6);
  siteId.copy(claim, headerBytes);
  return claim;
}

/** Null for what is not one. */
export function readClaim(payload: Buffer): { kind: ClaimKind; siteId: Buffer } | null {
  const kind = kinds[(payload[4] ?? 0) - 1];
  const isClaim =
    payload.length === claimBytes &&
    payload.subarray(0, magic.length).equals(magic) &&
    payload[5] === 0 &&
    payload.readUInt16LE(6) === claimBytes;
  return isClaim && kind !== undefined ? { kind, siteId: payload.subarray(headerBytes) } : null;
}

export interface ClaimOptions {
  group: string;
  /** UDP port that the session's data will go to. */
  port: number;
  /** UDP port that sites ask each other at. */
  claimsPort: number;
  /** IPv4 address of the card. */
  interfaceAddress: string;
  timeToLive: number;
  /** 16 bytes that differ from every other site's. */
  siteId: Buffer;
}

export class GroupClaim {
  readonly group: string;
  readonly port: number;
  /** Who uses the group, as the end of a sentence; empty while nobody was heard. */
  usedBy = "";
  readonly #options: ClaimOptions;
  readonly #asking: Socket;
  #listening: Socket | null;
  #has = false;
  #answeredMs = -Infinity;
  #askedMs = -Infinity;

  private constructor(options: ClaimOptions, asking: Socket, listening: Socket | null) {
    this.#options = options;
    this.group = options.group;
    this.port = options.port;
    this.#asking = asking;
    this.#listening = listening;
    asking.on("message", (payload, from) => this.#hear(payload, from.address));
    listening?.on("message", (_payload, from) => {
      this.usedBy ||= `${from.address} sends to it`;
    });
    // What the system says of a datagram that went nowhere is no reason to give the group up.
    for (const socket of [asking, listening]) socket?.on("error", () => {});
  }

  /** To ask whether anyone has the group. Rejects with E_SOCKET where the card takes no part in multicast. */
  static async open(options: ClaimOptions): Promise<GroupClaim> {
    const asking = await joined(options, options.claimsPort);
    try {
      return new GroupClaim(options, asking, await joined(options, options.port));
    } catch (error) {
      asking.close();
      throw error;
    }
  }

  /** Of a group that this site has already. Rejects as `open`. */
  static async resume(options: ClaimOptions): Promise<GroupClaim> {
    const claim = new GroupClaim(options, await joined(options, options.claimsPort), null);
    claim.#has = true;
    claim.ask();
    return claim;
  }

  ask(): void {
    this.#askedMs = performance.now();
    this.#say("question");
  }

  /** From now on others are told that the group is this site's, and its own data is none of theirs. */
  keep(): void {
    this.#has = true;
    this.#listening?.close();
    this.#listening = null;
  }

  close(): void {
    this.#listening?.close();
    this.#listening = null;
    this.#asking.close();
  }

  #hear(payload: Buffer, from: string): void {
    const claim = readClaim(payload);
    const order = claim?.siteId.compare(this.#options.siteId) ?? 0;
    if (claim === null || order === 0) return;
    if (claim.kind === "answer") this.usedBy ||= `another site has it, says ${from}`;
    else if (this.#has) this.#answer();
    // Two that want the same group at the same time must not both leave it, nor both take it.
    else if (order < 0) this.usedBy ||= "another site is about to take it";
    else if (performance.now() - this.#askedMs > limits.groupAnswerMs) this.ask();
  }

  #answer(): void {
    // One answer is for all who ask at that moment, and nobody can make this site say more.
    const nowMs = performance.now();
    if (nowMs - this.#answeredMs < limits.groupAnswerMs) return;
    this.#answeredMs = nowMs;
    this.#say("answer");
  }

  #say(kind: ClaimKind): void {
    const { claimsPort, group, siteId } = this.#options;
    this.#asking.send(writeClaim(kind, siteId), claimsPort, group, () => {});
  }
}

/** Bound to the group's address it hears no other group, and others on this computer may do the same. */
async function joined(options: ClaimOptions, port: number): Promise<Socket> {
  const { group, interfaceAddress, timeToLive } = options;
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  try {
    await bound(socket, port, group);
    socket.addMembership(group, interfaceAddress);
    socket.setMulticastInterface(interfaceAddress);
    socket.setMulticastTTL(timeToLive);
    return socket;
  } catch (error) {
    socket.close();
    throw new VolleyError(
      "E_SOCKET",
      `${group} cannot be asked about on ${interfaceAddress}: ${String(error)}`,
    );
  }
}

/** Whether no program of this computer has the UDP port. */
export async function isFree(port: number, address: string): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    await bound(socket, port, address);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EADDRINUSE";
  } finally {
    socket.close();
  }
}

function bound(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
}
