/** Our side of the cast benchmarks: a caster and its receivers as processes of the room, over native/index.ts. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { buildManifest, importContent, receiverKey } from "../../native/index.ts";
import type { CasterStatistics, ReceiverStatistics } from "../../native/index.ts";
import type { Cost, FromReceiver, FromSender, ToReceiver, ToSender } from "./cast-messages.ts";
import { Peer, within } from "./peer.ts";
import type { Room } from "./room.ts";

const session = { session: 1, stream: 0, group: "239.77.0.1", port: 47_000, mtu: 1500 };
const startLimitMs = 60_000;

export interface Content {
  root: string;
  imageBytes: number;
  contentPath: string;
  manifest: Buffer;
}

/** Turns the image into content as the site's import does, and signs its manifest with a key made for it. */
export async function makeContent(source: string, imageBytes: number, contentPath: string): Promise<Content> {
  const imported = await importContent({ source, imageBytes, contentPath, threads: 2, level: 1 }).result;
  const facts = { imageBytes, smallestDiskBytes: imageBytes, sectorBytes: 512, firmware: 0 } as const;
  const body = buildManifest(facts, imported.chunkTable);
  const signature = sign(null, body, generateKeyPairSync("ed25519").privateKey);
  return { root: imported.root, imageBytes, contentPath, manifest: Buffer.concat([body, signature]) };
}

export interface Received {
  statistics: ReceiverStatistics;
  cost: Cost;
  /** When it had checked everything: nanoseconds of process.hrtime. */
  endedAt: bigint;
}

export interface ReceiverWish {
  /** Written to; null: checked and dropped. */
  device?: string | null;
  /** A receiver that comes again. */
  resume?: boolean;
  lossPerMillion?: number;
  lossSeed?: number;
  /** Called with the bytes of the image that it has verified. */
  onProgress?: (bytesVerified: number) => void;
}

/** A process that waits for the word to begin. */
export class OurReceiver {
  readonly #cast: OurCast;
  readonly #peer: Peer<ToReceiver, FromReceiver>;
  readonly #index: number;
  readonly ready: Promise<unknown>;

  constructor(cast: OurCast, room: Room, index: number) {
    const host = room.receivers[index];
    if (!host) throw new Error(`the room has no receiver ${index + 1}`);
    this.#cast = cast;
    this.#index = index;
    this.#peer = new Peer<ToReceiver, FromReceiver>(room, host, "./cast-receiver.js");
    this.ready = within(startLimitMs, "starting a receiver", this.#peer.next("ready"));
  }

  /** Joins; resolves when everything is checked. Rejects when it fails, is killed or has another root. */
  async receive(wish: ReceiverWish): Promise<Received> {
    const { content, feedbackSecret, sessionKey } = this.#cast;
    const { room, feedbackPort, unicastPort } = this.#cast;
    const receiver = this.#index + 1;
    const address = room.receivers[this.#index]?.address ?? "";
    const finished = this.#peer.next("finished", (other) => {
      if (other.kind === "progress") wish.onProgress?.(other.statistics.bytesVerified);
    });
    this.#peer.send({
      kind: "open",
      options: {
        ...session,
        manifest: content.manifest,
        device: wish.device ?? null,
        sessionKey,
        receiverKey: receiverKey({ feedbackSecret, session: session.session, receiver }),
        receiver,
        interfaceAddress: address,
        feedback: { address: room.sender.address, port: feedbackPort },
        unicast: { address: room.sender.address, port: unicastPort },
        groupSize: room.receivers.length,
        askBeforeScan: wish.resume !== true,
        silenceMs: 5000,
        chunkWaitMs: 30_000,
        lossPerMillion: wish.lossPerMillion ?? 0,
        lossSeed: wish.lossSeed ?? 1,
      },
    });
    const { root, statistics, cost } = await finished;
    if (root !== content.root) {
      throw new Error(`a receiver finished with the root ${root}, not ${content.root}`);
    }
    return { statistics, cost, endedAt: process.hrtime.bigint() };
  }

  kill(): void {
    this.#peer.kill();
  }
}

/** An open sender of the room. */
export class OurCast {
  readonly room: Room;
  readonly content: Content;
  readonly sessionKey = randomBytes(32);
  readonly feedbackSecret = randomBytes(32);
  feedbackPort = 0;
  unicastPort = 0;
  readonly #sender: Peer<ToSender, FromSender>;

  private constructor(room: Room, content: Content) {
    this.room = room;
    this.content = content;
    this.#sender = new Peer(room, room.sender, "./cast-sender.js");
  }

  static async open(room: Room, content: Content): Promise<OurCast> {
    const cast = new OurCast(room, content);
    const opened = cast.#sender.next("opened");
    cast.#sender.send({
      kind: "open",
      options: {
        ...session,
        manifest: content.manifest,
        contentPath: content.contentPath,
        sessionKey: cast.sessionKey,
        feedbackSecret: cast.feedbackSecret,
        start: 1,
        interfaceAddress: room.sender.address,
        feedbackPort: 0,
        unicastPort: 0,
        timeToLive: 1,
        rateBytesPerSecond: 0,
      },
    });
    ({ feedbackPort: cast.feedbackPort, unicastPort: cast.unicastPort } = await within(
      startLimitMs,
      "opening the sender",
      opened,
    ));
    return cast;
  }

  /** A process on a host of the room, which may have had one before. */
  async receiver(index: number): Promise<OurReceiver> {
    const receiver = new OurReceiver(this, this.room, index);
    await receiver.ready;
    return receiver;
  }

  async stop(): Promise<{ statistics: CasterStatistics; cost: Cost }> {
    const stopped = this.#sender.next("stopped");
    this.#sender.send({ kind: "stop" });
    const { statistics, cost } = await within(startLimitMs, "stopping the sender", stopped);
    return { statistics, cost };
  }
}

export interface CastOptions {
  lossPerMillion: number;
  lossSeed: number;
  /** All of the cast; beyond it the run has failed. */
  limitMs: number;
  /** Called with what the receivers have verified, bytes of them all. */
  onProgress: (bytesVerified: number) => void;
}

export interface CastResult {
  /** From the word to begin until the last receiver has checked everything. */
  seconds: number;
  sender: { statistics: CasterStatistics; cost: Cost };
  receivers: Received[];
}

/** One cast to every receiver of the room. */
export async function castOurs(room: Room, content: Content, options: CastOptions): Promise<CastResult> {
  const cast = await OurCast.open(room, content);
  const receivers = await Promise.all(room.receivers.map((_, index) => cast.receiver(index)));
  const verified = new Map<number, number>();
  const started = process.hrtime.bigint();
  const receiving = receivers.map((receiver, index) =>
    receiver.receive({
      lossPerMillion: options.lossPerMillion,
      lossSeed: options.lossSeed + index,
      onProgress: (bytes) => {
        verified.set(index, bytes);
        options.onProgress([...verified.values()].reduce((sum, each) => sum + each, 0));
      },
    }),
  );
  const results = await within(options.limitMs, "the cast", Promise.all(receiving));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  return { seconds, sender: await cast.stop(), receivers: results };
}
