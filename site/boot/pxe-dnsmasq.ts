/** One dnsmasq process: started, watched, started anew when it dies, and ended with the site however that ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { complaintCharacters, startFailure, toolEnvironment } from "../content/tools.ts";
import type { Log } from "../log.ts";
import { writeFileDurably } from "../store/files.ts";
import { Turns } from "../turns.ts";

export interface DnsmasqOptions {
  /** For messages: "DHCP" or "TFTP". */
  title: string;
  configurationFile: string;
  log: Log;
  /** Takes each line that it logs once it serves. */
  heard?: (line: string) => void;
}

/** What it takes to serve DHCP and TFTP; as root it would else keep every capability. */
const capabilities = ["net_bind_service", "net_admin", "net_raw"];
const startedLine = /: started, version /;
/** What setpriv ends with when there is no such program. */
const notFound = 127;

export class Dnsmasq {
  readonly #options: DnsmasqOptions;
  #child: ChildProcess | null = null;
  #wanted: string | null = null;
  #stopped = false;
  #failure: VolleyError | null = null;
  #revival: NodeJS.Timeout | undefined;
  /** One start or end at a time. */
  readonly #turns = new Turns();

  constructor(options: DnsmasqOptions) {
    this.#options = options;
  }

  /** Why it does not run although it should. */
  get failure(): VolleyError | null {
    return this.#failure;
  }

  /** Serves by this configuration from now on; by none it does not run. Throws E_TOOL_*, E_PXE_*, E_INTERNAL. */
  configure(configuration: string | null): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#stopped || (configuration === this.#wanted && this.#failure === null)) return;
      this.#wanted = configuration;
      clearTimeout(this.#revival);
      await this.#end();
      try {
        await this.#begin();
      } catch (error) {
        this.#beginLater(limits.pxeRestartLeastMs);
        throw error;
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#revival);
    // A start that is under way ends first.
    await this.#turns.take(async () => undefined);
    clearTimeout(this.#revival);
    await this.#end();
  }

  async #begin(): Promise<void> {
    this.#failure = null;
    if (this.#wanted === null) return;
    const { configurationFile } = this.#options;
    try {
      writeFileDurably(configurationFile, this.#wanted);
      this.#child = await this.#start(configurationFile);
    } catch (error) {
      this.#failure = toVolleyError(error);
      throw error;
    }
  }

  /** Resolves when it serves. */
  #start(configurationFile: string): Promise<ChildProcess> {
    const isRoot = process.getuid?.() === 0;
    const bounds = isRoot ? [`--bounding-set=-all,${capabilities.map((name) => `+${name}`).join(",")}`] : [];
    const guard = ["--pdeathsig", "KILL", "--no-new-privs", ...bounds];
    const words = [...guard, "dnsmasq", `--conf-file=${configurationFile}`];
    const child = spawn("setpriv", words, { stdio: ["ignore", "ignore", "pipe"], env: toolEnvironment() });
    let said = "";
    let unfinished = "";
    let isServing = false;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(this.#failureOf(`it did not start within ${limits.toolTimeMs} ms`));
      }, limits.toolTimeMs);
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-complaintCharacters);
        const logged = (unfinished + text).split("\n");
        unfinished = (logged.pop() ?? "").slice(-complaintCharacters);
        for (const line of logged) this.#options.heard?.(line);
        if (isServing || !startedLine.test(said)) return;
        isServing = true;
        clearTimeout(timer);
        resolve(child);
      });
      child.on("error", (error) => {
        clearTimeout(timer);
        reject(startFailure("setpriv", error));
      });
      child.on("close", (code) => {
        clearTimeout(timer);
        if (!isServing) {
          reject(
            code === notFound
              ? new VolleyError("E_TOOL_MISSING", "dnsmasq is not installed (package dnsmasq-base).")
              : this.#failureOf(complaintOf(said)),
          );
        } else if (this.#child === child) {
          this.#died(complaintOf(said));
        }
      });
    });
  }

  #died(complaint: string): void {
    this.#child = null;
    this.#failure = this.#failureOf(complaint);
    this.#options.log.error(`${this.#failure.code}: ${this.#failure.detail}`);
    this.#beginLater(limits.pxeRestartLeastMs);
  }

  #beginLater(waitMs: number): void {
    const begin = async (): Promise<void> => {
      if (this.#stopped || this.#failure === null) return;
      try {
        await this.#begin();
        this.#options.log.info(`${this.#options.title} is served again`);
      } catch (error) {
        this.#options.log.error(toVolleyError(error).detail);
        this.#beginLater(Math.min(waitMs * 2, limits.pxeRestartMostMs));
      }
    };
    this.#revival = setTimeout(() => {
      void this.#turns.take(begin);
    }, waitMs);
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), limits.toolTimeMs);
    await ended;
    clearTimeout(timer);
  }

  #failureOf(complaint: string): VolleyError {
    const detail = `dnsmasq, which serves ${this.#options.title}: ${complaint}.`;
    if (/address already in use/i.test(complaint)) return new VolleyError("E_PXE_PORT", detail);
    if (/unknown interface/i.test(complaint)) return new VolleyError("E_PXE_INTERFACE", detail);
    return new VolleyError("E_TOOL_FAILED", detail);
  }
}

/** The last line that says something, without time and process. */
function complaintOf(said: string): string {
  const texts = said
    .split("\n")
    .map((line) => line.replace(/^.*?dnsmasq(-[a-z]+)?(\[\d+\])?: /, "").trim())
    .filter((line) => line !== "" && line !== "FAILED to start up");
  return texts.at(-1) ?? "it ended without a word";
}
