/** One program that serves PXE: started, watched, started anew when it dies, and ended with the site however that ends. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { complaintCharacters, startFailure, toolEnvironment } from "../content/tools.ts";
import type { Log } from "../log.ts";
import { writeFileDurably } from "../store/files.ts";
import { Turns } from "../turns.ts";

/** A program, as it is started to serve. */
export interface DaemonProgram {
  name: string;
  /** The Debian package that has it. */
  package: string;
  /** All that it keeps of the site's rights. */
  capabilities: readonly string[];
  /** It has nobody's identity, and of the capabilities alone what it may do beyond that. */
  isNobody: boolean;
  /** Where it works; null: where the site does. */
  folder: string | null;
  /** What it has for standard input, as inetd gives it; null: nothing. */
  socket: DaemonSocket | null;
  words(configurationFile: string): string[];
  /** What it says once it serves. */
  isServing: RegExp;
  endedBy: "SIGTERM" | "SIGKILL";
}

/** A UDP socket that is given nothing that came in by another interface, although it was sent to the address. */
export interface DaemonSocket {
  /** Its name. */
  card: string;
  /** IPv4. */
  address: string;
  port: number;
}

export interface DaemonOptions {
  program: DaemonProgram;
  /** For messages: "DHCP" or "TFTP". */
  title: string;
  configurationFile: string;
  log: Log;
  /** Takes each line that it logs. */
  heard?: (line: string) => void;
}

/** What setpriv ends with when there is no such program. */
const notFound = 127;

/**
 * Node binds sockets to addresses alone, and by Linux an address is the computer's, whichever card a datagram came in by. So
 * Perl, which every Debian has, opens the socket and becomes the program. 25 is SO_BINDTODEVICE ("socket(7)").
 */
const openSocket = String.raw`
my ($card, $address, $port) = splice @ARGV, 0, 3;
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "No socket: $!\n";
setsockopt($socket, SOL_SOCKET, 25, "$card\0") or die "Not to be bound to interface $card: $!\n";
bind($socket, pack_sockaddr_in($port, inet_aton($address))) or die "Not to be bound to $address:$port: $!\n";
open(STDIN, "<&", $socket) or die "No socket as standard input: $!\n";
{ no warnings; exec { $ARGV[0] } @ARGV; }
exit ${notFound};`;

export class PxeDaemon {
  readonly #options: DaemonOptions;
  #child: ChildProcess | null = null;
  #wanted: string | null = null;
  #stopped = false;
  #failure: VolleyError | null = null;
  #revival: NodeJS.Timeout | undefined;
  /** One start or end at a time. */
  readonly #turns = new Turns();

  constructor(options: DaemonOptions) {
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
    const { configurationFile } = this.#options;
    try {
      if (this.#wanted !== null) {
        writeFileDurably(configurationFile, this.#wanted);
        this.#child = await this.#start(configurationFile);
      }
      this.#failure = null;
    } catch (error) {
      this.#failure = toVolleyError(error);
      throw error;
    }
  }

  /** Resolves when it serves. */
  #start(configurationFile: string): Promise<ChildProcess> {
    const { program } = this.#options;
    const socket = program.socket === null ? [] : socketWords(program.socket);
    const words = [...guardOf(program), ...socket, program.name, ...program.words(configurationFile)];
    const child = spawn("setpriv", words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: toolEnvironment(),
      ...(program.folder !== null && { cwd: program.folder }),
    });
    let said = "";
    let isServing = false;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(this.#failureOf(`it did not start within ${limits.toolTimeMs} ms`));
      }, limits.toolTimeMs);
      const hear = (line: string): void => {
        said = `${said}${line}\n`.slice(-complaintCharacters);
        this.#options.heard?.(line);
        if (isServing || !program.isServing.test(line)) return;
        isServing = true;
        clearTimeout(timer);
        resolve(child);
      };
      for (const stream of [child.stdout, child.stderr]) eachLine(stream, hear);
      child.on("error", (error) => {
        clearTimeout(timer);
        reject(startFailure("setpriv", error));
      });
      child.on("close", (code) => {
        clearTimeout(timer);
        if (!isServing) {
          reject(
            code === notFound
              ? new VolleyError(
                  "E_TOOL_MISSING",
                  `${program.name} is not installed (package ${program.package}).`,
                )
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
    child.kill(this.#options.program.endedBy);
    const timer = setTimeout(() => child.kill("SIGKILL"), limits.toolTimeMs);
    await ended;
    clearTimeout(timer);
  }

  #failureOf(complaint: string): VolleyError {
    const detail = `${this.#options.program.name}, which serves ${this.#options.title}: ${complaint}.`;
    const isTaken = /address already in use|can't bind port/i.test(complaint);
    if (isTaken) return new VolleyError("E_PXE_PORT", detail);
    const isUnknown = /unknown interface|no such device/i.test(complaint);
    if (isUnknown) return new VolleyError("E_PXE_INTERFACE", detail);
    return new VolleyError("E_TOOL_FAILED", detail);
  }
}

function socketWords({ address, card, port }: DaemonSocket): string[] {
  return ["perl", "-MSocket", "-e", openSocket, "--", card, address, String(port)];
}

/** The words for setpriv that keep from a program what it does not need. */
function guardOf({ capabilities, isNobody }: DaemonProgram): string[] {
  const isRoot = process.getuid?.() === 0;
  const kept = `-all,${capabilities.map((name) => `+${name}`).join(",")}`;
  const identity = ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"];
  return [
    "--pdeathsig",
    "KILL",
    "--no-new-privs",
    ...(isNobody ? [...identity, `--inh-caps=${kept}`, `--ambient-caps=${kept}`] : []),
    ...(isRoot ? [`--bounding-set=${kept}`] : []),
  ];
}

function eachLine(stream: Readable, heard: (line: string) => void): void {
  let unfinished = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (unfinished + text).split("\n");
    unfinished = (lines.pop() ?? "").slice(-complaintCharacters);
    for (const line of lines) heard(line);
  });
}

/** The last line that says something, without time and process. */
function complaintOf(said: string): string {
  const texts = said
    .split("\n")
    .map((line) => line.replace(/^.*?(dnsmasq(-[a-z]+)?|atftpd)(\[[\d.]+\])?: /, "").trim())
    .filter((line) => line !== "" && line !== "FAILED to start up");
  return texts.at(-1) ?? "it ended without a word";
}
