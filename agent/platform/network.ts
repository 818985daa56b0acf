/** Questions about the network that every system answers alike. */
import { createSocket } from "node:dgram";
import { VolleyError } from "../../contract/errors.ts";

/**
 * A connected UDP socket sends nothing, but makes the system choose the route, and with it the address to send from.
 */
export function sourceAddressTo(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const fail = (error: Error): void => {
      socket.close();
      reject(
        new VolleyError("E_SITE_UNREACHABLE", `No way to ${address}: ${error.message}`, { cause: error }),
      );
    };
    socket.once("error", fail);
    // Without a callback: one would be called without a route, too.
    socket.once("connect", () => {
      const source = socket.address().address;
      socket.close();
      resolve(source);
    });
    socket.connect(9, address);
  });
}
