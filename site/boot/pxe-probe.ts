/** Asks, as any computer would, whether a DHCP server answers on a network: RFC 2131. */
import { createSocket, type Socket } from "node:dgram";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { limits } from "../../contract/limits.ts";
import type { PxeInterface } from "./pxe-interfaces.ts";

const serverPort = 67;
const clientPort = 68;
const cookie = 0x63825363;
const optionsOffset = 240;
const discover = 1;
const offer = 2;

/** The address of a server that offers one, or null. Throws the system's error where it could not ask. */
export async function otherDhcpServer(at: Pick<PxeInterface, "broadcast" | "mac">): Promise<string | null> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  try {
    socket.bind(clientPort, "0.0.0.0");
    await once(socket, "listening");
    socket.setBroadcast(true);
    return await offered(socket, at);
  } finally {
    socket.close();
  }
}

function offered(socket: Socket, at: Pick<PxeInterface, "broadcast" | "mac">): Promise<string | null> {
  const transaction = randomInt(2 ** 32);
  return new Promise((resolve, reject) => {
    const request = discovery(transaction, at.mac);
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    // Without a function that takes it, the error of a send is lost.
    const sent = (error: Error | null): void => {
      if (error !== null) fail(error);
    };
    const ask = (): void => socket.send(request, serverPort, at.broadcast, sent);
    const again = setInterval(ask, limits.pxeProbeMs / 3);
    const end = (): void => {
      clearInterval(again);
      clearTimeout(timer);
    };
    const timer = setTimeout(() => {
      end();
      resolve(null);
    }, limits.pxeProbeMs);
    socket.on("error", fail);
    socket.on("message", (message, { address }) => {
      const isAnswer =
        message.length > optionsOffset && message[0] === 2 && message.readUInt32BE(4) === transaction;
      if (!isAnswer || messageType(message) !== offer) return;
      end();
      resolve(address);
    });
    ask();
  });
}

function discovery(transaction: number, mac: string): Buffer {
  const message = Buffer.alloc(optionsOffset + 60);
  message.set([1, 1, 6, 0]);
  message.writeUInt32BE(transaction, 4);
  // The answer is to be broadcast.
  message.writeUInt16BE(0x8000, 10);
  message.set(Buffer.from(mac.replaceAll(":", ""), "hex"), 28);
  message.writeUInt32BE(cookie, 236);
  message.set([53, 1, discover, 55, 2, 1, 3, 255], optionsOffset);
  return message;
}

function messageType(message: Buffer): number | undefined {
  for (let at = optionsOffset; at + 1 < message.length;) {
    const code = message[at];
    if (code === 255) return undefined;
    if (code === 53) return message[at + 2];
    at += code === 0 ? 1 : 2 + (message[at + 1] ?? 0);
  }
  return undefined;
}
