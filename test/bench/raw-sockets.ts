/** What the room's sockets alone can do: UDP_SEGMENT and UDP_GRO bursts that nobody checks or keeps. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Host, Room } from "./room.ts";

const group = "239.77.0.2";
const port = "47010";
const program = "build/native/volley_raw_cast";

interface Received {
  bytes: number;
  seconds: number;
}

/** Millions of bytes a second that the slowest receiver took, while the sender sent as fast as it could. */
export async function castRaw(room: Room, imageBytes: number): Promise<number> {
  const listening = room.receivers.map((host) => listen(room, host));
  await Promise.all(listening.map(({ ready }) => ready));
  const words = ["send", group, port, room.sender.address, String(imageBytes)];
  const sender = room.start(room.sender, program, words, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = (await once(sender, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  const received = await Promise.all(listening.map(({ result }) => result));
  return Math.min(...received.map(({ bytes, seconds }) => bytes / 1e6 / seconds));
}

function listen(room: Room, host: Host): { ready: Promise<void>; result: Promise<Received> } {
  const words = ["receive", group, port, host.address];
  const child = room.start(host, program, words, { stdio: ["ignore", "pipe", "inherit"] });
  if (!child.stdout) throw new Error("a child has no output");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`${program} ended early`);
    return value;
  };
  const ready = line().then(() => undefined);
  const result = ready.then(async () => JSON.parse(await line()) as Received);
  result.catch(() => undefined);
  return { ready, result };
}
