/**
 * The only door to the C++ addon. Image bytes stay behind it: what crosses are paths, keys, small tables and
 * statistics. Arguments are checked here and asserted again in C++.
 */
import { loadAddon } from "./addon.ts";
import * as check from "./arguments.ts";
import type { Task } from "./task.ts";

export * from "./disk-rewrite.ts";
export type { Task } from "./task.ts";
export * from "./windows-machine.ts";

/** An error of the native side. `code` is a registry code (contract/errors.ts); the rest says where it happened. */
export interface NativeError extends Error {
  code: string;
  /** errno, or the Windows error number; 0 when the system was not involved. */
  systemError: number;
  /** The system call or operation, for example "pwrite". */
  call: string;
  /** Device or file. */
  device: string;
  /** Byte offset on the device, or -1. */
  offset: number;
  /** Chunk of the image, or -1. */
  chunk: number;
}

export interface ImportOptions {
  /** Raw image: a file, a block device, or a FIFO that something writes the raw image to. */
  source: string;
  /** Size that has to come from `source`, bytes. More or less is E_IMAGE_TRUNCATED. */
  imageBytes: number;
  /**
   * File that is created with the content (docs/PROTOCOL.md 1), flushed to disk before the result and removed when
   * there is none. Something that is there already is left alone: E_CONTENT_WRITE.
   */
  contentPath: string;
  threads: number;
  /** zstd level, 1 to 19. */
  level: number;
}
export interface ImportResult {
  /** Hex BLAKE3 of the raw image. */
  root: string;
  contentBytes: number;
  /** For `buildManifest`. */
  chunkTable: Buffer;
  /** The first and last bytes of the image (at most 64 KiB each), to look for partition tables. */
  firstBytes: Buffer;
  lastBytes: Buffer;
}

export interface ManifestFacts {
  imageBytes: number;
  smallestDiskBytes: number;
  sectorBytes: 512 | 4096;
  /** Bit 0 BIOS, bit 1 UEFI. */
  firmware: number;
}
export interface ManifestSummary extends ManifestFacts {
  root: string;
  contentBytes: number;
  chunks: number;
  holes: number;
}

export interface CasterOptions {
  manifest: Buffer;
  contentPath: string;
  /** 32 bytes each, docs/PROTOCOL.md 3. */
  sessionKey: Buffer;
  feedbackSecret: Buffer;
  session: number;
  start: number;
  stream: number;
  /** IPv4 multicast group and UDP port. */
  group: string;
  port: number;
  /** IPv4 address of the interface to send from, and to listen on for reports and unicast. */
  interfaceAddress: string;
  /** UDP port for reports and TCP port for unicast; 0 = any free one (see `ports`). Null: no unicast is served. */
  feedbackPort: number;
  unicastPort: number | null;
  timeToLive: number;
  mtu: number;
  /** What goes by multicast and by unicast (docs/PROTOCOL.md 3.1); false if nothing is said. */
  encrypted?: boolean;
  /** Bytes per second on the wire; 0 = what receivers take. */
  rateBytesPerSecond: number;
  /** Which receivers: most of them, if nothing is said, or the quickest quarter. */
  paceBy?: "most" | "quickest";
}
export interface CasterStatistics {
  dataDatagrams: number;
  announceDatagrams: number;
  paritySymbols: number;
  sourceSymbols: number;
  reports: number;
  reportsRefused: number;
  receivers: number;
  blocksPending: number;
  rateBytesPerSecond: number;
  multicastBytes: number;
  unicastBytes: number;
  idle: boolean;
  /**
   * What keeps it from sending faster: its rate, the network to most receivers, the receiver that sets the pace (its
   * number in limitingReceiver), or this computer; "nothing" while it finds its rate or has nothing to do.
   */
  limit: "nothing" | "policy" | "network" | "receiver" | "sender";
  limitingReceiver: number;
  /** Receivers that the repair budget has moved: each as long as it is moved, and for three seconds at least. */
  overBudget: number[];
}
export interface Caster {
  /** `unicast` 0: none. */
  readonly ports: { feedback: number; unicast: number };
  statistics(): CasterStatistics;
  setRate(rateBytesPerSecond: number): void;
  /** Policy moves a receiver, by its number, to unicast, or takes it back. */
  setMoved(receiver: number, moved: boolean): void;
  /** Rejects with a NativeError when the caster stops by itself (content unreadable, socket gone). */
  readonly finished: Promise<void>;
  /** Ends its threads and sockets; `finished` resolves. */
  stop(): Promise<void>;
}

export interface ReceiverOptions {
  manifest: Buffer;
  /** Block device, or a file of the disk's size; null = check everything, write nothing (benchmarks). */
  device: string | null;
  sessionKey: Buffer;
  receiverKey: Buffer;
  receiver: number;
  session: number;
  stream: number;
  group: string;
  port: number;
  /** IPv4 address of the interface to join on. */
  interfaceAddress: string;
  /** Where reports and unicast requests go; unicast null = none. */
  feedback: { address: string; port: number };
  unicast: { address: string; port: number } | null;
  mtu: number;
  /** As the session's caster has it. */
  encrypted?: boolean;
  groupSize: number;
  /** False on a resume: ask only for what the scan finds lacking. */
  askBeforeScan: boolean;
  silenceMs: number;
  chunkWaitMs: number;
  /** Tests and benchmarks: datagrams dropped after super-packets are split, per million, by `lossSeed`. */
  lossPerMillion?: number;
  lossSeed?: number;
}
export interface ReceiverStatistics {
  /** "preparing" (boot sectors cleared), "receiving", "finishing" (boot chunks, flush), "done", "failed". */
  phase: "preparing" | "receiving" | "finishing" | "done" | "failed";
  chunksTotal: number;
  chunksPresent: number;
  /** Chunks that the disk already held. */
  chunksFound: number;
  chunksByMulticast: number;
  chunksByUnicast: number;
  /** Raw bytes of the image verified on the disk so far (holes count), and in all. */
  bytesVerified: number;
  bytesTotal: number;
  /** Stored bytes taken from each path. */
  multicastBytes: number;
  unicastBytes: number;
  /** Source symbols rebuilt from parity; datagrams missed. */
  repairedSymbols: number;
  lostDatagrams: number;
  refusedDatagrams: number;
  /** Chunks fetched again because a read-back did not match. */
  chunksRewritten: number;
  multicastAlive: boolean;
  moved: boolean;
  /** The most lately, per thousand: datagrams that wait for the processor, chunks that wait for the disk. */
  processorBacklogPerThousand: number;
  diskBacklogPerThousand: number;
  /** Bytes of memory allocated at start for buffers. */
  bufferBytes: number;
  /** Whether reads and writes bypass the page cache. */
  direct: boolean;
}
export interface Receiver {
  statistics(): ReceiverStatistics;
  /** Resolves when every chunk is on the disk, read back and flushed; rejects with a NativeError. */
  readonly finished: Promise<{ root: string }>;
  /** `finished` rejects with E_CANCELLED once threads have ended and the device is closed. */
  cancel(): void;
}

/** An IGMP message without its IP header, whose checksum was not looked at. */
export interface IgmpArrival {
  from: string;
  to: string;
  message: Buffer;
}
/** IGMP on one interface, as a router hears and speaks it. Nothing waits: ask again and again. */
export interface IgmpSocket {
  /** False where it cannot leave now. */
  send(to: string, message: Buffer): boolean;
  /** What has arrived from this network (time to live 1), own messages among it; at most some hundred. */
  receive(): IgmpArrival[];
  close(): void;
}
/** Sees what a card receives and sends for some groups, and for others that share their Ethernet addresses. */
export interface GroupEar {
  /** The groups that something but IGMP and UDP to the ignored port was seen for since the last call. */
  heard(): string[];
  close(): void;
}
export interface GroupEarOptions {
  interfaceAddress: string;
  /** 1 to 16. A card receives only what was joined. */
  groups: string[];
  ignoredPort: number;
}

interface Addon {
  importContent(options: ImportOptions): Task<ImportResult>;
  verifyContent(options: {
    manifest: Buffer;
    contentPath: string;
    threads: number;
  }): Task<{ badChunks: number[] }>;
  hashDisk(options: {
    path: string;
    bytes: number;
    threads: number;
  }): Task<{ root: string; direct: boolean }>;
  buildManifest(facts: ManifestFacts, chunkTable: Buffer): Buffer;
  readManifest(manifest: Buffer): ManifestSummary;
  receiverKey(options: { feedbackSecret: Buffer; session: number; receiver: number }): Buffer;
  openCaster(options: CasterOptions): Caster;
  openReceiver(options: ReceiverOptions): Receiver;
  openIgmpSocket(options: { interfaceAddress: string }): IgmpSocket;
  openGroupEar(options: GroupEarOptions): GroupEar;
}

const addon = loadAddon() as Addon;

/** Reads a raw image once and writes its content file, using `threads` for compression and hashing. */
export function importContent(options: ImportOptions): Task<ImportResult> {
  check.path("source", options.source);
  check.path("contentPath", options.contentPath);
  check.integer("imageBytes", options.imageBytes, 512, 2 ** 46);
  check.integer("threads", options.threads, 1, 64);
  check.integer("level", options.level, 1, 19);
  return addon.importContent(options);
}

/** Reads the content file and names the chunks whose bytes are not what the manifest says. */
export function verifyContent(options: {
  manifest: Buffer;
  contentPath: string;
  threads: number;
}): Task<{ badChunks: number[] }> {
  check.bytes("manifest", options.manifest);
  check.path("contentPath", options.contentPath);
  check.integer("threads", options.threads, 1, 64);
  return addon.verifyContent(options);
}

/** Hashes the first `bytes` of a disk or file, past the page cache where that is possible (`direct`). */
export function hashDisk(options: {
  path: string;
  bytes: number;
  threads: number;
}): Task<{ root: string; direct: boolean }> {
  check.path("path", options.path);
  check.integer("bytes", options.bytes, 1, 2 ** 46);
  check.integer("threads", options.threads, 1, 64);
  return addon.hashDisk(options);
}

/** The manifest's bytes before the signature. */
export function buildManifest(facts: ManifestFacts, chunkTable: Buffer): Buffer {
  check.integer("imageBytes", facts.imageBytes, 512, 2 ** 46);
  check.integer("smallestDiskBytes", facts.smallestDiskBytes, facts.imageBytes, 2 ** 46);
  check.choice("sectorBytes", facts.sectorBytes, [512, 4096]);
  check.integer("firmware", facts.firmware, 0, 3);
  check.bytes("chunkTable", chunkTable);
  return addon.buildManifest(facts, chunkTable);
}

/** Parses a whole manifest file (signature included, unchecked); throws E_MANIFEST_INVALID with what is wrong. */
export function readManifest(manifest: Buffer): ManifestSummary {
  check.bytes("manifest", manifest);
  return addon.readManifest(manifest);
}

/** The key of one receiver's reports (docs/PROTOCOL.md 3), 32 bytes: what a join hands out. */
export function receiverKey(options: { feedbackSecret: Buffer; session: number; receiver: number }): Buffer {
  check.bytes("feedbackSecret", options.feedbackSecret, 32);
  check.integer("session", options.session, 0, 2 ** 32 - 1);
  check.integer("receiver", options.receiver, 0, 2 ** 32 - 1);
  return addon.receiverKey(options);
}

/** Starts the sending end of a session, and its unicast side. It sends nothing until a receiver asks. */
export function openCaster(options: CasterOptions): Caster {
  check.bytes("manifest", options.manifest);
  check.path("contentPath", options.contentPath);
  check.bytes("sessionKey", options.sessionKey, 32);
  check.bytes("feedbackSecret", options.feedbackSecret, 32);
  check.integer("session", options.session, 0, 2 ** 32 - 1);
  check.integer("start", options.start, 1, 2 ** 32 - 1);
  check.integer("stream", options.stream, 0, 65_535);
  check.multicastGroup("group", options.group);
  check.integer("port", options.port, 1, 65_535);
  check.address("interfaceAddress", options.interfaceAddress);
  check.integer("feedbackPort", options.feedbackPort, 0, 65_535);
  if (options.unicastPort !== null) check.integer("unicastPort", options.unicastPort, 0, 65_535);
  check.integer("timeToLive", options.timeToLive, 0, 255);
  check.integer("mtu", options.mtu, 576, 9000);
  check.flag("encrypted", options.encrypted ?? false);
  check.integer("rateBytesPerSecond", options.rateBytesPerSecond, 0, 2 ** 40);
  check.choice("paceBy", options.paceBy ?? "most", ["most", "quickest"]);
  return addon.openCaster(options);
}

/** Starts the receiving end: scan, receive, write, verify. */
export function openReceiver(options: ReceiverOptions): Receiver {
  check.bytes("manifest", options.manifest);
  if (options.device !== null) check.path("device", options.device);
  check.bytes("sessionKey", options.sessionKey, 32);
  check.bytes("receiverKey", options.receiverKey, 32);
  check.integer("receiver", options.receiver, 0, 2 ** 32 - 1);
  check.integer("session", options.session, 0, 2 ** 32 - 1);
  check.integer("stream", options.stream, 0, 65_535);
  check.multicastGroup("group", options.group);
  check.integer("port", options.port, 1, 65_535);
  check.address("interfaceAddress", options.interfaceAddress);
  check.address("feedback.address", options.feedback.address);
  check.integer("feedback.port", options.feedback.port, 1, 65_535);
  if (options.unicast !== null) {
    check.address("unicast.address", options.unicast.address);
    check.integer("unicast.port", options.unicast.port, 1, 65_535);
  }
  check.integer("mtu", options.mtu, 576, 9000);
  check.flag("encrypted", options.encrypted ?? false);
  check.integer("groupSize", options.groupSize, 0, 2 ** 32 - 1);
  check.flag("askBeforeScan", options.askBeforeScan);
  check.integer("silenceMs", options.silenceMs, 0, 2 ** 32 - 1);
  check.integer("chunkWaitMs", options.chunkWaitMs, 0, 2 ** 32 - 1);
  check.integer("lossPerMillion", options.lossPerMillion ?? 0, 0, 1_000_000);
  check.integer("lossSeed", options.lossSeed ?? 0, 0, 2 ** 32 - 1);
  return addon.openReceiver(options);
}

/** Throws E_RAW_SOCKET where the system does not permit it, E_SOCKET. */
export function openIgmpSocket(options: { interfaceAddress: string }): IgmpSocket {
  check.address("interfaceAddress", options.interfaceAddress);
  return addon.openIgmpSocket(options);
}

/** Throws E_RAW_SOCKET where the system does not permit it, E_SOCKET. */
export function openGroupEar(options: GroupEarOptions): GroupEar {
  check.address("interfaceAddress", options.interfaceAddress);
  check.integer("the number of groups", options.groups.length, 1, 16);
  for (const group of options.groups) check.multicastGroup("groups", group);
  check.integer("ignoredPort", options.ignoredPort, 0, 65_535);
  return addon.openGroupEar(options);
}
