/** Holds a request to a time for each of its phases, as WinHTTP's timeouts do ("WinHttpSetTimeouts"). */
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";

/** Milliseconds. */
export interface PhaseLimits {
  resolveMs: number;
  connectMs: number;
  sendMs: number;
  receiveMs: number;
}

/** Ends the request with an error that names the phase. A connection that is there already begins with sending. */
export function holdToPhases(outgoing: ClientRequest, times: PhaseLimits): void {
  let timer: NodeJS.Timeout | undefined;
  const enter = (phase: string, timeMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => outgoing.destroy(new Error(`${phase} took longer than ${timeMs / 1000} s`)),
      timeMs,
    );
  };
  const sending = (): void => enter("sending the request", times.sendMs);
  const receiving = (): void => enter("the answer", times.receiveMs);
  outgoing.once("socket", (socket: Socket) => {
    if (!socket.connecting) return sending();
    enter("resolving the name", times.resolveMs);
    socket.once("lookup", () => enter("connecting", times.connectMs));
    socket.once("secureConnect", sending);
  });
  outgoing.once("finish", receiving);
  outgoing.once("response", (incoming) => incoming.once("end", () => clearTimeout(timer)));
  outgoing.once("close", () => clearTimeout(timer));
}
