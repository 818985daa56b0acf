/** A folder of another computer, connected as an account; its password is in no argument of a program. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "./codes.ts";
import { runOrFail, StepFailure, workFolder } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { connectedFolder, isLinux, noteConnected } from "./volumes.ts";

export interface NetworkShare {
  server: string;
  /** The share, and folders below it: "share\sub". */
  folder: string;
  /** "DOMAIN\user"; empty for whoever the computer is. */
  account: string;
  password: string;
}

/** "\\server\share\…"; null for anything else. */
export function parseShare(path: string): Pick<NetworkShare, "server" | "folder"> | null {
  const match = /^\\\\([^\\/:*?"<>|]+)\\([^:*?"<>|]+)$/.exec(path.replaceAll("/", "\\"));
  return match?.[1] === undefined || match[2] === undefined ? null : { server: match[1], folder: match[2] };
}

export function refuseIncomplete({ account, password }: Pick<NetworkShare, "account" | "password">): void {
  if (account !== "" && password === "") {
    throw new StepFailure(
      codes.invalidSetting,
      `The password of ${account} is not given: exports leave it out`,
    );
  }
  if (/[\r\n]/.test(account + password)) {
    throw new StepFailure(codes.invalidSetting, "Account and password must not hold a line end");
  }
}

/** "Net use": the password after the prompt that "*" asks for. `letter` is "Z", or null for the share by its own name. */
export async function connectOnWindows(
  context: StepContext,
  share: NetworkShare,
  letter: string | null,
): Promise<void> {
  const where = `\\\\${share.server}\\${share.folder}`;
  const login = share.account === "" ? [] : ["*", `/user:${share.account}`];
  const device = letter === null ? [] : [`${letter}:`];
  await runOrFail(context, `connect to ${where}`, {
    command: ["net.exe", "use", ...device, where, ...login, "/persistent:no"],
    ...(share.account !== "" && { input: `${share.password}\r\n` }),
  });
}

/** Mounts it at `folder`. The credentials are in a file that only root reads, for as long as mount takes. */
export async function mountOnLinux(context: StepContext, share: NetworkShare, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(await workFolder(context), randomUUID());
  const [first = "", second] = share.account.split("\\");
  const lines = [`username=${second ?? first}`, `password=${share.password}`];
  if (second !== undefined) lines.push(`domain=${first}`);
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const source = `//${share.server}/${share.folder.replaceAll("\\", "/")}`;
  const option = share.account === "" ? "guest" : `credentials=${file}`;
  try {
    await runOrFail(context, `connect to ${source}`, {
      command: ["mount.cifs", source, folder, "-o", option],
    });
  } finally {
    await rm(file, { force: true });
  }
}

/** Under its own name, until the system restarts: paths on it are then paths like any. */
export async function connectForRun(context: StepContext, share: NetworkShare): Promise<void> {
  if (!isLinux(context)) return connectOnWindows(context, share, null);
  const [name = ""] = share.folder.split("\\");
  const root = `\\\\${share.server}\\${name}`;
  if (connectedFolder(context, root) !== null) return;
  const folder = join(await workFolder(context), "shares", `own-${randomUUID()}`);
  try {
    await mountOnLinux(context, { ...share, folder: name }, folder);
  } catch (error) {
    await rmdir(folder);
    throw error;
  }
  noteConnected(context, root, folder);
}

/**
 * Connects the share that `path` is on, for as long as `use` takes; it gets the path as the system takes it. The share
 * alone is connected, so that folders below it may be made.
 */
export async function withShare<Result>(
  context: StepContext,
  { account, password, path }: { account: string; password: string; path: string },
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const parsed = parseShare(path);
  const [name = "", ...below] = (parsed?.folder ?? "").split("\\").filter((part) => part !== "");
  if (parsed === null || name === "" || below.length === 0 || below.includes("..")) {
    throw new StepFailure(
      codes.invalidSetting,
      `"${path}" is no file on a network folder: \\\\server\\share\\file`,
    );
  }
  const share = { server: parsed.server, folder: name, account, password };
  refuseIncomplete(share);
  if (!isLinux(context)) {
    if (account === "") return use(path);
    await connectOnWindows(context, share, null);
    try {
      return await use(path);
    } finally {
      await context.tools.run({
        command: ["net.exe", "use", `\\\\${share.server}\\${name}`, "/delete", "/y"],
      });
    }
  }
  const folder = join(await workFolder(context), "shares", `own-${randomUUID()}`);
  await mountOnLinux(context, share, folder);
  try {
    return await use(join(folder, ...below));
  } finally {
    const { exitCode } = await context.tools.run({ command: ["umount", folder] });
    if (exitCode === 0) await rm(folder, { recursive: true, force: true });
    else context.log.warning(`The network folder stays connected at ${folder}`);
  }
}
