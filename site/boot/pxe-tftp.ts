/**
 * TFTP by Debian's atftpd, one process for each address: unlike dnsmasq it sends several blocks before it waits for their
 * acknowledgement (RFC 7440), which Windows' boot manager asks for. It would take files as well as send them, and cannot be told
 * not to: so it has nobody's identity, which may write nowhere, and one capability with which it reads what the site may.
 */
import { limits } from "../../contract/limits.ts";
import type { DaemonProgram } from "./pxe-daemon.ts";

const port = 69;
/** It would end when nobody has asked for this long, and knows no "never". */
const idleSecondsMost = 2 ** 31 - 1;

/** `card`: the interface with that address; `root`: the folder of all that is served. */
export function tftpProgram({
  address,
  card,
  root,
}: {
  address: string;
  card: string;
  root: string;
}): DaemonProgram {
  return {
    name: "atftpd",
    package: "atftpd",
    capabilities: ["net_bind_service", "dac_read_search"],
    isNobody: true,
    // It joins what it is asked for to its folder's path, which may have 255 characters in all.
    folder: root,
    // By itself it binds the address alone, and would answer what came to that by any card.
    socket: { card, address, port },
    words: (rulesFile) => {
      const server = ["--tftpd-timeout", String(idleSecondsMost), "--no-multicast"];
      const bounds = ["--maxthread", String(limits.pxeTftpTransfers), "--retry-timeout", "2"];
      return [...server, ...bounds, "--logfile", "-", "--verbose=6", "--pcre", rulesFile, "."];
    },
    // The last of what it says at its start.
    isServing: / PCRE: using file: /,
    // It would wait until the last of its clients has noticed.
    endedBy: "SIGKILL",
  };
}

/** Below the root, in the case they have there. */
const windowsFiles = ["BCD", "BCD.bios", "boot.sdi", "boot.wim"];

/**
 * What a name that is not there stands for: Windows' boot managers ask with backslashes, and for some files in another case. Each
 * line is a Perl expression and what takes its place.
 */
export function tftpRules(): string {
  const separator = "[\\\\/]+";
  const start = `(?i)^[\\\\/]*boot${separator}`;
  const rules = [
    ...windowsFiles.map((name) => `${start}${name.replace(".", "\\.")}$ Boot/${name}`),
    `${start}fonts${separator}([^\\\\/]+)$ Boot/Fonts/$1`,
    // At the root.
    "^[\\\\/]+([^\\\\/]+)$ $1",
  ];
  return `${rules.join("\n")}\n`;
}

export interface TftpRequest {
  /** Without a slash before it. */
  file: string;
  address: string;
  /** Sent, as far as the client took it; else it was not there. */
  outcome: "sent" | "missing";
}

const line = / atftpd\[([\d.]+)\]: (.*)$/;
const serving = /^Serving \/*(\S+) to ([\d.]+):\d+$/;
const missing = /^File .* not found$/;
const ended = "Server thread exiting";

/** What atftpd was asked for and what came of it, read from its log: each line names the thread that says it. */
export class TftpLog {
  readonly #asked = new Map<string, { file: string; address: string }>();

  /** Null for a line after which nothing has come of a request yet. */
  heard(text: string): TftpRequest | null {
    const [, thread = "", said = ""] = line.exec(text) ?? [];
    const [, file, address = ""] = serving.exec(said) ?? [];
    if (file !== undefined) this.#asked.set(thread, { file, address });
    // A name may hold a line's end, and then what looks like more lines of the log.
    const [oldest = ""] = this.#asked.keys();
    if (this.#asked.size > 2 * limits.pxeTftpTransfers) this.#asked.delete(oldest);
    const request = this.#asked.get(thread);
    const isMissing = missing.test(said);
    if (request === undefined || (!isMissing && said !== ended)) return null;
    this.#asked.delete(thread);
    return { ...request, outcome: isMissing ? "missing" : "sent" };
  }
}
