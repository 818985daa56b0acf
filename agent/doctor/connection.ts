/** Whether TCP reaches the site, and what kind of silence it is when it does not. */
import { connect } from "node:net";

export type Connection =
  | { end: "connected" }
  | { end: "silent" }
  /** `code` is the system's, for example ECONNREFUSED. */
  | { end: "failed"; code: string };

/** Says nothing there, and closes again. */
export function tryConnection(host: string, port: number, timeMs: number): Promise<Connection> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (found: Connection): void => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(timeMs, () => end({ end: "silent" }));
    socket.once("connect", () => end({ end: "connected" }));
    socket.once("error", (error: NodeJS.ErrnoException) => end({ end: "failed", code: error.code ?? "" }));
  });
}

/**
 * Whether something short comes back from a server that speaks TLS: it answers what is no TLS with an alert, or hangs
 * up. Where this works and TLS does not, long packets are lost.
 */
export function answersShortly(host: string, port: number, timeMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(timeMs, () => end(false));
    socket.once("connect", () => socket.write("HEAD / HTTP/1.0\r\n\r\n"));
    socket.once("data", () => end(true));
    socket.once("end", () => end(true));
    socket.once("error", () => end(false));
  });
}
