/** Our side of the cast benchmark: a caster and N receivers as processes of the room, over native/index.ts. */
import type { ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { fileURLToPath } from "node:url";
import { buildManifest, importContent, receiverKey } from "../../native/index.ts";
import type { CasterStatistics, ReceiverOptions, ReceiverStatistics } from "../../native/index.ts";
import type { Cost, FromReceiver, FromSender, ToReceiver, ToSender } from "./cast-messages.ts";
import type { Host, Room } from "./room.ts";

const group = "239.77.0.1";
const port = 47_000;
const maximumTransmissionUnit = 1500;

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

export interface CastOptions {
  content: Content;
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
  receivers: { statistics: ReceiverStatistics; cost: Cost }[];
}

/** A process of the benchmark and its messages. */
class Peer<To extends object, From extends { kind: string }> {
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(room: Room, host: Host, script: string) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#name = `${script} on ${host.address}`;
    this.#child = room.start(host, process.execPath, [path], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
  }

  send(message: To): void {
    this.#child.send(message);
  }

  /** The next message of one kind; others go to `onOther`. Rejects when the process fails or ends before it. */
  async next<Kind extends From["kind"]>(
    kind: Kind,
    onOther: (message: From) => void = () => undefined,
  ): Promise<Extract<From, { kind: Kind }>> {
    const child = this.#child;
    const { promise, resolve, reject } = promiseParts<Extract<From, { kind: Kind }>>();
    const onMessage = (message: From): void => {
      if (message.kind === kind) {
        resolve(message as Extract<From, { kind: Kind }>);
      } else if (message.kind === "failed" && "message" in message) {
        reject(new Error(`${this.#name}: ${String(message.message)}`));
      } else {
        onOther(message);
      }
    };
    const onExit = (): void => reject(new Error(`${this.#name} ended before it said '${kind}'`));
    child.on("message", onMessage).once("exit", onExit);
    try {
      return await promise;
    } finally {
      child.off("message", onMessage).off("exit", onExit);
    }
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function promiseParts<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((whenDone, whenFailed) => {
    resolve = whenDone;
    reject = whenFailed;
  });
  return { promise, resolve, reject };
}

async function within<Value>(limitMs: number, what: string, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = promiseParts<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} was not done after ${limitMs / 1000} s`)),
    limitMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export async function castOurs(room: Room, options: CastOptions): Promise<CastResult> {
  const { content } = options;
  const sessionKey = randomBytes(32);
  const feedbackSecret = randomBytes(32);
  const session = { session: 1, stream: 0, group, port, mtu: maximumTransmissionUnit };

  const sender = new Peer<ToSender, FromSender>(room, room.sender, "./cast-sender.js");
  const peers = room.receivers.map(
    (host) => new Peer<ToReceiver, FromReceiver>(room, host, "./cast-receiver.js"),
  );
  const allReady = Promise.all(peers.map((peer) => peer.next("ready")));
  const opened = sender.next("opened");
  sender.send({
    kind: "open",
    options: {
      ...session,
      manifest: content.manifest,
      contentPath: content.contentPath,
      sessionKey,
      feedbackSecret,
      start: 1,
      interfaceAddress: room.sender.address,
      feedbackPort: 0,
      unicastPort: 0,
      timeToLive: 1,
      rateBytesPerSecond: 0,
    },
  });
  const { feedbackPort, unicastPort } = await within(options.limitMs, "opening the sender", opened);
  await within(options.limitMs, "starting the receivers", allReady);

  const verified = new Map<number, number>();
  const started = process.hrtime.bigint();
  const finished = peers.map((peer, index) => {
    const message = peer.next("finished", (other) => {
      if (other.kind !== "progress") return;
      verified.set(index, other.statistics.bytesVerified);
      options.onProgress([...verified.values()].reduce((sum, bytes) => sum + bytes, 0));
    });
    const receiver = index + 1;
    const host = room.receivers[index];
    if (!host) throw new Error(`the room has no receiver ${receiver}`);
    const receiverOptions: ReceiverOptions = {
      ...session,
      manifest: content.manifest,
      device: null,
      sessionKey,
      receiverKey: receiverKey({ feedbackSecret, session: session.session, receiver }),
      receiver,
      interfaceAddress: host.address,
      feedback: { address: room.sender.address, port: feedbackPort },
      unicast: { address: room.sender.address, port: unicastPort },
      groupSize: peers.length,
      askBeforeScan: true,
      silenceMs: 5000,
      chunkWaitMs: 30_000,
      lossPerMillion: options.lossPerMillion,
      lossSeed: options.lossSeed + index,
    };
    peer.send({ kind: "open", options: receiverOptions });
    return message;
  });
  const results = await within(options.limitMs, "the cast", Promise.all(finished));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;

  const stopped = sender.next("stopped");
  sender.send({ kind: "stop" });
  const { statistics, cost } = await within(options.limitMs, "stopping the sender", stopped);
  const wrong = results.find(({ root }) => root !== content.root);
  if (wrong) throw new Error(`a receiver finished with the root ${wrong.root}, not ${content.root}`);
  return {
    seconds,
    sender: { statistics, cost },
    receivers: results.map(({ statistics: received, cost: spent }) => ({
      statistics: received,
      cost: spent,
    })),
  };
}
