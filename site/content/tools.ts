/** Runs the site's programs. They see a path and options, never a secret. */
import { spawn } from "node:child_process";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

const packages: Record<string, string> = {
  "qemu-img": "qemu-utils",
  "qemu-nbd": "qemu-utils",
  nbdcopy: "libnbd-bin",
  mkfifo: "coreutils",
  setpriv: "util-linux",
  ip: "iproute2",
  blockdev: "util-linux",
  mmdebstrap: "mmdebstrap",
  depmod: "kmod",
  "grub-mkimage": "grub-common",
  mformat: "mtools",
  xorriso: "xorriso",
  sfdisk: "fdisk",
  "wimlib-imagex": "wimtools",
  mkntfs: "ntfs-3g",
  hivexget: "libhivex-bin",
  hivexregedit: "libwin-hivex-perl",
  mcopy: "mtools",
  mmd: "mtools",
  dd: "coreutils",
  fallocate: "util-linux",
  "partclone.restore": "partclone",
  mkswap: "util-linux",
  zstd: "zstd",
  xz: "xz-utils",
  bzip2: "bzip2",
  lz4: "lz4",
  lzop: "lzop",
};
/** The end of what a program printed, which is where it says why it failed. */
export const complaintCharacters = 1500;

export interface ToolResult {
  exitCode: number;
  output: string;
  /** The same, as it was printed. */
  bytes: Buffer;
  complaint: string;
}

export interface ToolOptions {
  /** In place of limits.imageToolMs. */
  limitMs?: number;
  environment?: Record<string, string>;
  /** Where it works; by default where the site does. */
  folder?: string;
  /** For its standard input. */
  input?: string;
  /** Called with each piece of its output, which then is not kept. */
  heard?: (piece: string) => void;
}

/** Runs a program to its end, bounded in time and output. Throws E_TOOL_MISSING, E_TOOL_FAILED, E_CANCELLED. */
export function runTool(
  program: string,
  parameters: readonly string[],
  signal?: AbortSignal,
  { environment = {}, folder, heard, input, limitMs = limits.imageToolMs }: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const env = { ...toolEnvironment(), ...environment };
    const child = spawn(program, parameters, {
      stdio: ["pipe", "pipe", "pipe"],
      env,
      ...(folder !== undefined && { cwd: folder }),
    });
    // A program that reads nothing may have ended before.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
    const output: Buffer[] = [];
    let outputBytes = 0;
    let complaint = "";
    let refusal: VolleyError | undefined;
    const refuse = (error: VolleyError): void => {
      refusal ??= error;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => {
      refuse(new VolleyError("E_TOOL_FAILED", `${program} did not end within ${limitMs} ms.`));
    }, limitMs);
    const cancel = (): void => refuse(new VolleyError("E_CANCELLED", `${program} was cancelled.`));
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted) cancel();
    child.stdout.on("data", (chunk: Buffer) => {
      if (heard !== undefined) return heard(chunk.toString());
      outputBytes += chunk.length;
      if (outputBytes <= limits.toolOutputBytes) output.push(chunk);
      else {
        refuse(
          new VolleyError("E_TOOL_FAILED", `${program} printed more than ${limits.toolOutputBytes} bytes.`),
        );
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-complaintCharacters);
    });
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    };
    child.on("error", (error) => {
      settled();
      reject(refusal ?? startFailure(program, error));
    });
    child.on("close", (exitCode) => {
      settled();
      if (refusal) reject(refusal);
      else {
        resolve({
          exitCode: exitCode ?? -1,
          output: Buffer.concat(output).toString(),
          bytes: Buffer.concat(output),
          complaint: complaint.trim(),
        });
      }
    });
  });
}

/** Standard output of a program that ended well. Throws E_TOOL_MISSING, E_TOOL_FAILED. */
export async function runToolWell(
  program: string,
  parameters: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { complaint, exitCode, output } = await runTool(program, parameters, undefined, options);
  if (exitCode === 0) return output;
  throw new VolleyError("E_TOOL_FAILED", `${program} (${exitCode}): ${complaint}`);
}

export function startFailure(program: string, error: Error): VolleyError {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    const from = packages[program];
    return new VolleyError(
      "E_TOOL_MISSING",
      `${program} is not installed${from ? ` (package ${from})` : ""}.`,
    );
  }
  return new VolleyError("E_TOOL_FAILED", `${program} cannot be started: ${error.message}`, { cause: error });
}

/** Only what finding programs takes, and messages in one language. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
}
