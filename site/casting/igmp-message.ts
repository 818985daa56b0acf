/** IGMP messages: queries of versions 2 and 3 are written, everything of versions 1 to 3 is read (RFC 2236, RFC 3376). */
import { isIPv4 } from "node:net";

export type IgmpVersion = 2 | 3;

export interface IgmpQuery {
  kind: "query";
  version: 1 | IgmpVersion;
  /** The group that is asked after; null = all. */
  group: string | null;
  responseMs: number;
  /** Of version 3, 0 where it does not say: how often messages are repeated, and how often is asked. */
  robustness: number;
  intervalMs: number;
}
/** What a machine says about groups: that it wants them, or that it does so no longer. */
export interface IgmpReport {
  kind: "report";
  groups: { group: string; wanted: boolean }[];
}

export const allSystems = "224.0.0.1";

const types = { query: 0x11, report1: 0x12, report2: 0x16, leave2: 0x17, report3: 0x22 } as const;
/** Of records of a version 3 report (RFC 3376, 4.2.12). */
const includes = 1;
const changesToInclude = 3;
const blocksSources = 6;
const query3Bytes = 12;
const recordBytes = 8;

/** RFC 1071. Over a message whose checksum is right it is 0. */
function checksum(message: Buffer): number {
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) {
    sum += at + 1 < message.length ? message.readUInt16BE(at) : message.readUInt8(at) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The floating point of RFC 3376, 4.1.1 and 4.1.7: exact below 128, otherwise the next smaller one. */
export function writeCode(value: number): number {
  const whole = Math.min(Math.floor(value), 0x7fff);
  if (whole < 128) return whole;
  const exponent = Math.floor(Math.log2(whole)) - 7;
  return 0x80 | (exponent << 4) | ((whole >> (exponent + 3)) & 0x0f);
}

export function readCode(code: number): number {
  return code < 128 ? code : ((code & 0x0f) | 0x10) << (((code >> 4) & 0x07) + 3);
}

const addressAt = (message: Buffer, at: number): string => [...message.subarray(at, at + 4)].join(".");

export interface QueryOptions {
  version: IgmpVersion;
  group: string | null;
  responseMs: number;
  /** What routers keep in mind is left as it is (RFC 3376, 4.1.5). */
  suppress: boolean;
  robustness: number;
  intervalMs: number;
}

export function writeQuery(options: QueryOptions): Buffer {
  const { group, intervalMs, responseMs, robustness, suppress, version } = options;
  const message = Buffer.alloc(version === 3 ? query3Bytes : recordBytes);
  const tenths = Math.max(Math.round(responseMs / 100), 1);
  message.writeUInt8(types.query, 0);
  message.writeUInt8(version === 3 ? writeCode(tenths) : Math.min(tenths, 255), 1);
  if (group !== null && isIPv4(group)) Buffer.from(group.split(".").map(Number)).copy(message, 4);
  if (version === 3) {
    message.writeUInt8((suppress ? 8 : 0) | (robustness > 7 ? 0 : robustness), 8);
    message.writeUInt8(writeCode(intervalMs / 1000), 9);
  }
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** Null for what is damaged, or none of these. */
export function readIgmp(message: Buffer): IgmpQuery | IgmpReport | null {
  if (message.length < recordBytes || checksum(message) !== 0) return null;
  const group = addressAt(message, 4);
  switch (message[0]) {
    case types.query:
      return readQuery(message);
    case types.report1:
    case types.report2:
      return { kind: "report", groups: [{ group, wanted: true }] };
    case types.leave2:
      return { kind: "report", groups: [{ group, wanted: false }] };
    case types.report3:
      return readReport3(message);
    default:
      return null;
  }
}

/** Which version a query is of is told by its length and its second byte (RFC 3376, 7.1). */
function readQuery(message: Buffer): IgmpQuery | null {
  const code = message.readUInt8(1);
  const address = addressAt(message, 4);
  const query = { kind: "query", group: address === "0.0.0.0" ? null : address } as const;
  const untold = { robustness: 0, intervalMs: 0 };
  if (message.length >= query3Bytes) {
    return {
      ...query,
      version: 3,
      responseMs: readCode(code) * 100,
      robustness: message.readUInt8(8) & 7,
      intervalMs: readCode(message.readUInt8(9)) * 1000,
    };
  }
  if (message.length !== recordBytes) return null;
  if (code === 0) return { ...query, ...untold, version: 1, responseMs: 10_000 };
  return { ...query, ...untold, version: 2, responseMs: code * 100 };
}

function readReport3(message: Buffer): IgmpReport {
  const groups: IgmpReport["groups"] = [];
  let at = 8;
  for (let left = message.readUInt16BE(6); left > 0 && at + recordBytes <= message.length; left -= 1) {
    const type = message.readUInt8(at);
    const sources = message.readUInt16BE(at + 2);
    // To want a group from no source is to leave it; whoever blocks some sources may want others.
    const wanted = !((type === includes || type === changesToInclude) && sources === 0);
    if (type >= includes && type < blocksSources) groups.push({ group: addressAt(message, at + 4), wanted });
    at += recordBytes + sources * 4 + message.readUInt8(at + 1) * 4;
  }
  return { kind: "report", groups };
}
