/**
 * A stream of udpcast's, received by its own program udp-receiver and written by programs: no byte of it passes through here
 * but its head, by which it is known what the stream is before anything is written.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { VolleyError } from "../../contract/errors.ts";
import {
  type Compression,
  compressionOf,
  ntfsCopyOffset,
  ntfsSectorBytes,
  otherImageProgram,
  partcloneHead,
  type PartcloneHead,
  streamHeadBytes,
} from "../../contract/saved-stream.ts";
import { cancelled } from "../back-off.ts";

export interface Udpcast {
  portBase: number;
  /** Name or IPv4 address; null lets udp-receiver choose. */
  interfaceName: string | null;
  /** IPv4; null for udpcast's own. */
  rendezvousAddress: string | null;
  /** How long to wait for a sender, and for its next byte. */
  waitSeconds: number;
}

/** Where it goes. "raw" is a device that takes the bytes as they come. */
export type Target =
  | { kind: "file"; path: string }
  | { kind: "raw"; path: string }
  | { kind: "restore"; path: string; bytes: number }
  | { kind: "output" };

export interface Reception {
  udpcast: Udpcast;
  target: Target;
  signal: AbortSignal;
  line(text: string): void;
}

/** Parameters: "$1" head, "$2" target, "$3" log, the others udp-receiver's. Descriptor 3 says how to go on, 4 that the head is there. */
const script = `set -o pipefail
head=$1; target=$2; log=$3; shift 3
udp-receiver "$@" 3<&- 4>&- | {
  head -c ${streamHeadBytes} >"$head" && echo head >&4 && read -r way decompress <&3 || exit 1
  rest() { cat -- "$head" -; }
  case $way in
    output) rest ;;
    file) rest >"$target" ;;
    raw) rest | dd of="$target" bs=1M iflag=fullblock conv=notrunc,fsync status=none ;;
    restore) rest | $decompress | partclone.restore --source - --overwrite "$target" --logfile "$log" --no_block_detail --UI-fresh 1 ;;
  esac
}`;
const keptCharacters = 4000;
const progressMs = 3000;

/**
 * Throws E_NO_SENDER, E_IMAGE_FORMAT for a stream that is not for this target, E_IMAGE_TRUNCATED for one that partclone
 * refuses, E_DEVICE_FULL, E_TOOL_MISSING, E_CANCELLED.
 */
export async function receiveUdpcast(reception: Reception): Promise<void> {
  const { target } = reception;
  for (const program of ["udp-receiver", ...(target.kind === "restore" ? ["partclone.restore"] : [])]) {
    need(program);
  }
  const folder = mkdtempSync(join(tmpdir(), "volley-udpcast-"));
  try {
    const head = await run(reception, folder);
    if (target.kind === "file") renameSync(`${target.path}.part`, target.path);
    if (target.kind === "restore" && head?.fileSystem === "NTFS") writeBootSectorCopy(target);
  } catch (error) {
    if (target.kind === "file") rmSync(`${target.path}.part`, { force: true });
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const packages: Record<string, string> = { "udp-receiver": "udpcast", "partclone.restore": "partclone" };

function need(program: string): void {
  const found = spawnSync("sh", ["-c", 'command -v -- "$1"', "sh", program], { stdio: "ignore" });
  if (found.status === 0) return;
  const from = packages[program] ?? program;
  throw new VolleyError("E_TOOL_MISSING", `${program} is not on this machine (Debian's package ${from})`);
}

function receiverWords({ interfaceName, portBase, rendezvousAddress, waitSeconds }: Udpcast): string[] {
  const times = ["--start-timeout", String(waitSeconds), "--receive-timeout", String(waitSeconds)];
  return [
    "--nokbd",
    "--portbase",
    String(portBase),
    ...times,
    ...(interfaceName === null ? [] : ["--interface", interfaceName]),
    ...(rendezvousAddress === null ? [] : ["--mcast-rdv-address", rendezvousAddress]),
  ];
}

/** Answers what partclone says of the stream; null where that does not matter. */
function run(reception: Reception, folder: string): Promise<PartcloneHead | null> {
  const { line, signal, target, udpcast } = reception;
  if (signal.aborted) throw cancelled();
  const headFile = join(folder, "head");
  const path = target.kind === "output" ? "" : target.kind === "file" ? `${target.path}.part` : target.path;
  const words = ["-c", script, "bash", headFile, path, join(folder, "log"), ...receiverWords(udpcast)];
  const output = target.kind === "output" ? "inherit" : "ignore";
  return new Promise((resolve, reject) => {
    const child = spawn("bash", words, {
      stdio: ["ignore", output, "pipe", "pipe", "pipe"],
      detached: true,
    });
    let said = "";
    let head: PartcloneHead | null = null;
    let refusal: VolleyError | null = null;
    let hasBegun = false;
    let toldAt = 0;
    const end = (): void => {
      // A group of its own: the programs of the pipe end with it.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    };
    signal.addEventListener("abort", end, { once: true });
    const [, , errors, control, ready] = child.stdio as [null, null, Readable, Writable, Readable];
    control.on("error", () => {});
    errors.on("data", (piece: Buffer) => {
      const text = piece.toString("latin1");
      said = (said + text).slice(-keptCharacters);
      const bytes = [...text.matchAll(/bytes=([\d ]+[KMG]?)/g)].at(-1)?.[1]?.replaceAll(" ", "");
      if (bytes === undefined || Date.now() - toldAt < progressMs) return;
      toldAt = Date.now();
      line(`Received ${bytes} bytes`);
    });
    ready.once("data", () => {
      hasBegun = true;
      try {
        const bytes = readFileSync(headFile);
        // An empty stream is what udp-receiver leaves when nobody sent.
        if (bytes.length === 0) return control.end();
        const decided = decide(target, bytes, headFile);
        head = decided.head;
        if (decided.text !== "") line(decided.text);
        control.end(`${target.kind} ${decided.compression.decompress}\n`);
      } catch (error) {
        refusal = error as VolleyError;
        end();
      }
    });
    child.on("error", (error) => reject(new VolleyError("E_TOOL_MISSING", `bash: ${error.message}`)));
    child.on("close", (code) => {
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(cancelled());
      else if (refusal !== null) reject(refusal);
      else if (code === 0 && hasBegun) resolve(head);
      else reject(failure(said, udpcast));
    });
  });
}

interface Decision {
  compression: Compression;
  head: PartcloneHead | null;
  text: string;
}

/** Whether the stream may go where it is to go. Throws E_IMAGE_FORMAT, E_DEVICE_TOO_SMALL, E_TOOL_MISSING. */
function decide(target: Target, bytes: Buffer, headFile: string): Decision {
  const compression = compressionOf(bytes);
  if (target.kind === "file" || target.kind === "output") return { compression, head: null, text: "" };
  if (compression.name !== "none") need(compression.name);
  const peek = ["-c", `${compression.decompress} <"$1" 2>/dev/null | head -c 4096`, "bash", headFile];
  const head = partcloneHead(spawnSync("bash", peek, { maxBuffer: 1_048_576 }).stdout);
  if (target.kind === "raw") {
    const what = notRaw(bytes, { compression, head, path: target.path });
    if (what === null) return { compression, head, text: "" };
    throw new VolleyError("E_IMAGE_FORMAT", `The stream is ${what}`);
  }
  if (head === null) {
    throw new VolleyError("E_IMAGE_FORMAT", "The stream is no partclone image, and nothing was written");
  }
  if (head.deviceBytes > target.bytes) {
    const sizes = `${head.deviceBytes} bytes, and ${target.path} has ${target.bytes}`;
    throw new VolleyError("E_DEVICE_TOO_SMALL", `The stream is of a partition of ${sizes}`);
  }
  return {
    compression,
    head,
    text: `The stream is ${head.fileSystem} of a partition of ${head.deviceBytes} bytes`,
  };
}

/** Why a stream is not what a device is to hold, and what to do; null for a raw one. */
function notRaw(
  bytes: Buffer,
  { compression, head, path }: Pick<Decision, "compression" | "head"> & { path: string },
): string | null {
  if (head !== null) return `a partclone image, and no raw one: use --restore ${path}`;
  if (compression.name !== "none") {
    return `compressed (${compression.name}), and no raw one: use --restore ${path}`;
  }
  const program = otherImageProgram(bytes);
  if (program === null) return null;
  return `an image of ${program}'s, and no raw one: take it into a file, and restore it by ${program}`;
}

function failure(said: string, { portBase, waitSeconds }: Udpcast): VolleyError {
  const reason = said
    .replaceAll(/(bytes=|Elapsed:|current block:)[^\r\n]*?(\/min,|bps|%|$)/gm, "\n")
    .split(/[\r\n]+/)
    .map((text) => text.trim())
    .filter((text) => /err|fail|time|drop|lost|unexpected|no space|corrupt/i.test(text))
    .slice(0, 3)
    .join("; ");
  if (/no space left/i.test(said)) return new VolleyError("E_DEVICE_FULL", reason);
  if (/partclone fail|CRC error|unexpected end/i.test(said)) {
    return new VolleyError("E_IMAGE_TRUNCATED", reason);
  }
  const detail = `No sender within ${waitSeconds} s on port base ${portBase}, or it stopped`;
  return new VolleyError("E_NO_SENDER", reason === "" ? detail : `${detail}: ${reason}`);
}

function writeBootSectorCopy({ bytes, path }: { bytes: number; path: string }): void {
  const file = openSync(path, "r+");
  try {
    const sector = Buffer.alloc(ntfsSectorBytes);
    readSync(file, sector, 0, sector.length, 0);
    const offset = ntfsCopyOffset(sector);
    if (offset !== null && offset + sector.length <= bytes) writeSync(file, sector, 0, sector.length, offset);
  } finally {
    closeSync(file);
  }
}
