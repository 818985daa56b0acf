/** Serves PXE on this computer's networks: DHCP or proxyDHCP by dnsmasq, the boot files by HTTP, and by atftpd. */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PxeStatus } from "../../contract/pxe.ts";
import type { Log } from "../log.ts";
import { dhcpConfiguration, dhcpProgram } from "./pxe-configuration.ts";
import { PxeDaemon } from "./pxe-daemon.ts";
import { GrubAnswers } from "./pxe-grub.ts";
import { mediaFiles, PxeFiles, winpeLoaders } from "./pxe-files.ts";
import { pxeInterfaces, type PxeInterface, type PxeRange } from "./pxe-interfaces.ts";
import { otherDhcpServer } from "./pxe-probe.ts";
import type { Pxe } from "./pxe.ts";
import { grubBootstrap } from "./pxe-scripts.ts";
import { TftpLog, tftpProgram, tftpRules } from "./pxe-tftp.ts";
import { winpeDescriptionName, winpeFolder } from "./winpe-texts.ts";

/** What `volley site` is told of PXE. */
export interface PxePlace {
  interfaces: readonly string[];
  mediaFolder: string;
  /** Null: another DHCP server hands addresses out. */
  range: PxeRange | null;
  router: string | null;
  nameServers: readonly string[];
  /** Of the boot files. */
  port: number;
}
export interface PxeResponderOptions extends PxePlace {
  pxe: Pxe;
  /** Its own. */
  folder: string;
  log: Log;
}

/** Without any of these no machine boots. */
const leastFiles = new Set(["vmlinuz", "initrd.zst"]);

export class PxeResponder {
  readonly #options: PxeResponderOptions;
  readonly #interfaces: PxeInterface[];
  readonly #files: PxeFiles;
  /** Of TFTP. */
  readonly #root: string;
  readonly #grub: GrubAnswers;
  /** One for each interface. */
  readonly #tftp: PxeDaemon[];
  readonly #dhcp: PxeDaemon;
  #settling: NodeJS.Timeout | null = null;

  private constructor(options: PxeResponderOptions, interfaces: PxeInterface[]) {
    const { folder, log } = options;
    this.#options = options;
    this.#interfaces = interfaces;
    this.#files = new PxeFiles({ ...options, addresses: interfaces.map(({ address }) => address) });
    this.#root = join(folder, "tftp");
    makeTftpRoot(this.#root, options.mediaFolder);
    this.#grub = new GrubAnswers({ root: this.#root, pxe: options.pxe, log });
    this.#tftp = interfaces.map(({ address, name }) => {
      const program = tftpProgram({ address, card: name, root: this.#root });
      const said = new TftpLog();
      return new PxeDaemon({
        program,
        title: `TFTP on ${name}`,
        configurationFile: join(folder, "tftp.rules"),
        log,
        heard: (line) => {
          const request = said.heard(line);
          if (request !== null) this.#grub.asked(request);
        },
      });
    });
    const configurationFile = join(folder, "dhcp.conf");
    this.#dhcp = new PxeDaemon({ program: dhcpProgram, title: "DHCP", configurationFile, log });
  }

  /** Throws E_PXE_INTERFACE, E_PXE_MEDIA, E_PXE_OTHER_SERVER, E_PXE_PORT, E_TOOL_MISSING and E_TOOL_FAILED. */
  static async start(options: PxeResponderOptions): Promise<PxeResponder> {
    const interfaces = await pxeInterfaces(options.interfaces, options.range);
    checkMedia(options.mediaFolder, options.log);
    for (const one of interfaces) await refuseOtherServer(one, options.log);
    const responder = new PxeResponder(options, interfaces);
    try {
      await responder.#start();
      return responder;
    } catch (error) {
      await responder.stop();
      throw error;
    }
  }

  get status(): NonNullable<PxeStatus["serving"]> {
    const [failure = null] = [this.#dhcp, ...this.#tftp].flatMap((daemon) => daemon.failure ?? []);
    return {
      interfaces: this.#interfaces.map(({ address, name, range }) => ({
        name,
        address,
        mode: range === null ? "proxy" : "server",
      })),
      port: this.#options.port,
      failure: failure === null ? null : failure.detail,
    };
  }

  async stop(): Promise<void> {
    this.#options.pxe.changed = () => undefined;
    this.#options.pxe.hasWinpe = () => false;
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#files.stop();
    await this.#dhcp.stop();
    for (const tftp of this.#tftp) await tftp.stop();
    this.#grub.stop();
  }

  async #start(): Promise<void> {
    const { pxe } = this.#options;
    await this.#files.start();
    for (const tftp of this.#tftp) await tftp.configure(tftpRules());
    await this.#serveDhcp();
    pxe.changed = () => this.#settle();
    pxe.hasWinpe = () => existsSync(join(this.#options.mediaFolder, winpeFolder, winpeDescriptionName));
    for (const { mode, name, address } of this.status.interfaces) {
      const as = mode === "server" ? "the DHCP server" : "proxyDHCP beside another server";
      this.#options.log.info(`PXE is answered on ${name} (${address}) as ${as}`);
    }
  }

  /** Many machines enrol at once: what follows from that is done once. */
  #settle(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = null;
      this.#serveDhcp().catch((error: unknown) => {
        const failure = toVolleyError(error);
        this.#options.log.error(`${failure.code}: ${failure.detail}`);
      });
    }, limits.pxeSettleMs);
  }

  async #serveDhcp(): Promise<void> {
    const { folder, nameServers, port, pxe, router } = this.#options;
    const { properties } = pxe;
    const chosen = properties.interfaces;
    const interfaces = this.#interfaces.filter(
      ({ name, range }) =>
        (chosen.length === 0 || chosen.includes(name)) && (properties.respond || range !== null),
    );
    const configuration = dhcpConfiguration({
      interfaces,
      properties,
      known: (await pxe.devices.index()).known(),
      winpeNext: pxe.winpeNext,
      router,
      nameServers,
      port,
      leaseFile: join(folder, "leases"),
    });
    // Without an interface dnsmasq would take all.
    await this.#dhcp.configure(interfaces.length === 0 ? null : configuration);
  }
}

/** The media's files under the names they are asked for with, and GRUB's first configuration. */
function makeTftpRoot(root: string, mediaFolder: string): void {
  rmSync(root, { recursive: true, force: true });
  for (const [path, file] of mediaFiles) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    symlinkSync(join(mediaFolder, file), join(root, path));
  }
  // A Windows PE may be made while the site runs.
  for (const name of winpeLoaders) symlinkSync(join(mediaFolder, winpeFolder, name), join(root, name));
  writeFileSync(join(root, "grub", "grub.cfg"), grubBootstrap());
}

function checkMedia(folder: string, log: Log): void {
  const missing = [...mediaFiles.values()].filter((name) => !existsSync(join(folder, name)));
  const needed = missing.filter((name) => leastFiles.has(name));
  if (needed.length > 0) {
    throw new VolleyError("E_PXE_MEDIA", `There is no ${needed.join(" and no ")} in ${folder}.`);
  }
  if (missing.length > 0) log.warn(`the boot media in ${folder} has no ${missing.join(", ")}`);
}

async function refuseOtherServer(one: PxeInterface, log: Log): Promise<void> {
  let found: string | null;
  try {
    found = await otherDhcpServer(one);
  } catch (error) {
    const { detail } = toVolleyError(error);
    log.warn(`whether another DHCP server answers on ${one.name} is not known (UDP port 68): ${detail}`);
    return;
  }
  if (found !== null && one.range !== null) {
    throw new VolleyError("E_PXE_OTHER_SERVER", `A DHCP server at ${found} answers on ${one.name}.`);
  } else if (found === null && one.range === null) {
    log.warn(`no DHCP server answers on ${one.name}: machines there get no address, and boot only with one`);
  }
}
