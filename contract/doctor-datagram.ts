/** The datagrams of an examination (docs/PROTOCOL.md, "Examinations"). */
import { createHmac, timingSafeEqual } from "node:crypto";
import { limits } from "./limits.ts";

/** From the site to the group, from the machine to the site, and that sent back. */
export const datagramKinds = { test: 1, question: 2, echo: 3 } as const;
export type DatagramKind = keyof typeof datagramKinds;

/** IPv4 and UDP headers. */
export const packetHeaderBytes = 28;
const magic = Buffer.from("VLYD", "latin1");
const taggedBytes = 32;
const tagBytes = 16;
const headerBytes = taggedBytes + tagBytes;

if (limits.doctorPacketBytesLeast !== headerBytes + packetHeaderBytes) {
  throw new Error("limits: the least packet of an examination is not its header");
}

export interface TestDatagram {
  kind: DatagramKind;
  burst: number;
  /** In its burst, from 0. */
  number: number;
  /** Of the whole IP packet. */
  packetBytes: number;
}

/** Makes and reads the datagrams of one examination. `id` is a UUID, `key` 32 bytes in hex. */
export class DatagramCodec {
  readonly #id: Buffer;
  readonly #key: Buffer;

  constructor(id: string, key: string) {
    this.#id = Buffer.from(id.replaceAll("-", ""), "hex");
    this.#key = Buffer.from(key, "hex");
  }

  /** The UDP payload. What follows the header is zeros. */
  write({ kind, burst, number, packetBytes }: TestDatagram): Buffer {
    const payload = Buffer.alloc(packetBytes - packetHeaderBytes);
    magic.copy(payload);
    payload.writeUInt8(datagramKinds[kind], 4);
    payload.writeUInt16LE(payload.length, 6);
    this.#id.copy(payload, 8);
    payload.writeUInt32LE(burst, 24);
    payload.writeUInt32LE(number, 28);
    this.#tag(payload).copy(payload, taggedBytes);
    return payload;
  }

  /** Null for what is not of this examination. */
  read(payload: Buffer): TestDatagram | null {
    if (payload.length < headerBytes || !payload.subarray(0, 4).equals(magic)) return null;
    if (payload.readUInt16LE(6) !== payload.length || !payload.subarray(8, 24).equals(this.#id)) return null;
    if (!timingSafeEqual(this.#tag(payload), payload.subarray(taggedBytes, headerBytes))) return null;
    const number = payload.readUInt8(4);
    const kind = (Object.keys(datagramKinds) as DatagramKind[]).find((one) => datagramKinds[one] === number);
    if (kind === undefined) return null;
    return {
      kind,
      burst: payload.readUInt32LE(24),
      number: payload.readUInt32LE(28),
      packetBytes: payload.length + packetHeaderBytes,
    };
  }

  #tag(payload: Buffer): Buffer {
    return createHmac("sha256", this.#key)
      .update(payload.subarray(0, taggedBytes))
      .digest()
      .subarray(0, tagBytes);
  }
}
