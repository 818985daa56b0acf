/** Where the process that serves takes what the others pass on to it. Nobody else is let in: TLS asks for a certificate. */
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { isIP, type AddressInfo } from "node:net";
import { X509Certificate } from "node:crypto";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Authority } from "../authority/authority.ts";
import { listenAt, refuse } from "../doors.ts";
import { clientHeader, markPassedOn } from "../passed-on.ts";
import type { PeerLocation } from "../store/holder-location.ts";

export interface PeerDoorOptions {
  /** IPv4. */
  address: string;
  /** 0 = any free one. */
  port: number;
  authority: Authority;
  /** Is asked what the others were asked. */
  handler: RequestListener;
}
export interface PeerDoor {
  readonly location: PeerLocation;
  close(): void;
}

/** Throws E_SOCKET. */
export async function openPeerDoor(options: PeerDoorOptions): Promise<PeerDoor> {
  const { address, authority, handler } = options;
  const { certificate, key } = await authority.peerCertificate();
  const tls = {
    cert: certificate,
    key,
    minVersion: "TLSv1.3",
    // The authority gives no certificate for clients but to a process of the site; OpenSSL holds it to its purpose.
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  } as const;
  const server = createServer(tls, (request, response) => {
    const { [clientHeader]: client } = request.headers;
    if (typeof client !== "string" || isIP(client) === 0) {
      return refuse(response, new VolleyError("E_REQUEST_INVALID", "For whom this is asked is not said."));
    }
    delete request.headers[clientHeader];
    markPassedOn(request, client);
    handler(request, response);
  });
  // Whoever keeps connections ends them: one that is ended here may have a request on its way already.
  server.keepAliveTimeout = limits.peerIdleMs * 2;
  await listenAt(server, address, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    location: { address, port, fingerprint: new X509Certificate(certificate).fingerprint256 },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
