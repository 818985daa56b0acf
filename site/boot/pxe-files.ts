/**
 * The files that machines boot from, by HTTP without S, which is all that boot loaders speak: nothing secret is asked for
 * or answered here but what the media holds anyway, and what the kernel and the initial file system are is checked by the
 * firmware's Secure Boot, not by this way.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { FailedAttempts } from "../failed-attempts.ts";
import type { Log } from "../log.ts";
import { hostOf } from "./pxe-configuration.ts";
import { macOf, uuidOf } from "../devices/device-identity.ts";
import { PasswordGate } from "./pxe-password.ts";
import type { Pxe } from "./pxe.ts";
import * as scripts from "./pxe-scripts.ts";
import { winpeFolder } from "./winpe-texts.ts";

export interface PxeFilesOptions {
  pxe: Pxe;
  mediaFolder: string;
  addresses: readonly string[];
  port: number;
  log: Log;
}

/** Of a media folder, by the path they are asked for with. */
export const mediaFiles: ReadonlyMap<string, string> = new Map([
  ...["vmlinuz", "initrd.zst", "shimx64.efi", "grubx64.efi", "ipxe.efi", "undionly.kpxe", "boot.ipxe"].map(
    (name) => [`/${name}`, name] as const,
  ),
  ["/grub/media.cfg", "grub/grub.cfg"],
]);
/** Of its folder for a Windows PE, which wimboot takes. */
const winpeFiles: ReadonlyMap<string, string> = new Map(
  ["wimboot", "Boot/BCD.bios", "Boot/boot.sdi", "Boot/boot.wim"].map((name) => [
    `/winpe/${name}`,
    `${winpeFolder}/${name}`,
  ]),
);
/** By TFTP Windows' boot managers ask for all else below Boot. */
export const winpeLoaders = ["bootmgfw.efi", "bootmgr.exe", "pxeboot.n12", "Boot"];
const question = /^\/boot\/ipxe\/([^/]{0,64})\/([^/]{0,64}?)(\/accepted)?$/;

export class PxeFiles {
  readonly #options: PxeFilesOptions;
  readonly #servers: Server[] = [];
  readonly #gate = new PasswordGate();
  readonly #attempts = new FailedAttempts();

  constructor(options: PxeFilesOptions) {
    this.#options = options;
  }

  /** Throws E_PXE_PORT. */
  async start(): Promise<void> {
    const { addresses, port } = this.#options;
    for (const address of addresses) {
      const server = createServer((request, response) => void this.#serve(request, response));
      server.maxConnections = limits.pxeConnections;
      server.requestTimeout = limits.requestTimeoutMs;
      server.timeout = limits.pxeStalledMs;
      this.#servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error) => {
          const detail = `The boot files cannot be served at ${address}, port ${port}: ${error.message}.`;
          reject(new VolleyError("E_PXE_PORT", detail, { cause: error }));
        });
        server.listen({ host: address, port }, resolve);
      });
    }
  }

  stop(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { method = "", url = "/" } = request;
      const [path = "/"] = url.split("?");
      const host = hostOf(localAddress(request), this.#options.port);
      if (method !== "GET" && method !== "HEAD") return sendText(request, response, 405, "Only GET.\n");
      const file = mediaFiles.get(path) ?? winpeFiles.get(path);
      if (file !== undefined) return await this.#sendFile(request, response, file);
      if (path === "/boot/ipxe") return sendText(request, response, 200, scripts.ipxeBootstrap(host));
      const asked = question.exec(path);
      if (asked === null) return sendText(request, response, 404, "The site has no such boot file.\n");
      await this.#answer(request, response, { asked, host, path });
    } catch (error) {
      this.#options.log.error(`a boot file is not served: ${toVolleyError(error).detail}`);
      if (response.headersSent) response.destroy();
      else sendText(request, response, 500, "The site's log says more.\n");
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { asked, host, path }: { asked: RegExpExecArray; host: string; path: string },
  ): Promise<void> {
    const { pxe } = this.#options;
    const [, uuid = "", mac = "", accepted] = asked;
    const identity = { uuid: uuidOf(uuid), mac: macOf(mac) };
    const proof = pxe.passwordProof;
    const isAccepted = accepted !== undefined;
    if (isAccepted && proof !== null && !this.#isOpen(request, response)) return;
    const address = request.socket.remoteAddress ?? "";
    const answer = await pxe.answer(identity, address);
    const isToBoot = answer.kind === "boot" || answer.kind === "prompt";
    if (isAccepted && isToBoot) return sendText(request, response, 200, this.#bootScript(request, host));
    const place = { host, path: path.replace(/\/accepted$/, ""), hasPassword: proof !== null };
    sendText(request, response, 200, scripts.ipxeScript(answer, place));
  }

  #bootScript(request: IncomingMessage, host: string): string {
    const { mediaFolder, pxe } = this.#options;
    if (pxe.properties.bootImage === "linux") return scripts.ipxeBoot(host);
    const hasWimboot = existsSync(join(mediaFolder, winpeFolder, "wimboot"));
    return scripts.ipxeWinpe(host, localAddress(request), hasWimboot);
  }

  /** False: the request is answered with a challenge, or that there were too many. */
  #isOpen(request: IncomingMessage, response: ServerResponse): boolean {
    const proof = this.#options.pxe.passwordProof;
    const { authorization = "" } = request.headers;
    const address = request.socket.remoteAddress ?? "";
    const [method, nowMs] = [request.method ?? "", Date.now()];
    try {
      this.#attempts.check(address);
    } catch (error) {
      sendText(request, response, 429, `${toVolleyError(error).detail}\n`);
      return false;
    }
    if (proof !== null && this.#gate.opens(proof, { method, authorization, nowMs })) return true;
    if (authorization !== "") {
      this.#attempts.failed(address);
      this.#options.log.warn(`a PXE password from ${address} was wrong`);
    }
    response.setHeader("www-authenticate", this.#gate.challenge(nowMs));
    sendText(request, response, 401, "A password is asked for.\n");
    return false;
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const path = join(this.#options.mediaFolder, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (!facts?.isFile()) return sendText(request, response, 404, "The boot media has no such file.\n");
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": facts.size });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const file = createReadStream(path);
    let isOurs = false;
    // It comes before the pipeline takes down the response, and after that where the machine was switched off.
    file.once("error", () => {
      isOurs = !response.destroyed;
    });
    try {
      await pipeline(file, response);
    } catch (error) {
      if (isOurs) throw error;
    }
  }
}

const localAddress = (request: IncomingMessage): string =>
  (request.socket.localAddress ?? "").replace(/^::ffff:/, "");

function sendText(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(request.method === "HEAD" ? undefined : text);
}
