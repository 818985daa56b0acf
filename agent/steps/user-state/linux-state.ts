/**
 * Users' state of a Linux as one encrypted archive: made in the running system, and brought back in the one that came
 * after it. tar keeps owners by name, so that files find theirs also where it has another number.
 */
import { randomUUID } from "node:crypto";
import { chmod, chown, mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import {
  accountsName,
  accountsText,
  addAccounts,
  leftOut,
  linuxUsers,
  readAccounts,
  statePaths,
  statePathsVariable,
  strangers,
  withTargets,
  type AccountTables,
  type LinuxUser,
} from "./linux-users.ts";

/** Of this system; "/" but in tests. */
export const systemRoot = (context: StepContext): string => context.services?.folders?.systemRoot ?? "/";

/** Rights and attributes of files go along, where the file systems have them. */
const attributes = ["--acls", "--xattrs", "--xattrs-include=*"];

/** Makes the archive at `path` in clear; what is in it, a phrase. The caller takes the file away. */
export async function archiveLinux(context: StepContext, path: string): Promise<string> {
  const root = systemRoot(context);
  const users = await linuxUsers(root);
  const more = await statePaths(root, context.variables.get(statePathsVariable));
  const homes = users.map(({ home }) => home.replace(/^\/|\/$/g, ""));
  const kept = await withTargets(root, [...new Set([...homes, ...more])]);
  const beside = join(await workFolder(context), `accounts-${randomUUID()}`);
  const list = `${path}.list`;
  try {
    await mkdir(beside, { mode: 0o700 });
    await writeFile(join(beside, accountsName), accountsText(users), { mode: 0o600 });
    await writeFile(list, kept.map((one) => `${one}\0`).join(""), { mode: 0o600 });
    // 1: files changed while they were read, which they do in a system that runs.
    await runOrFail(
      context,
      "archive the users' folders",
      {
        command: [
          ["tar", "--create", "--gzip", `--file=${path}`, ...attributes, "--warning=no-file-ignored"],
          ...leftOut.map((pattern) => `--exclude=${pattern}`),
          [`--directory=${beside}`, accountsName, `--directory=${root}`, "--null", `--files-from=${list}`],
        ].flat(),
      },
      [0, 1],
    );
  } finally {
    await rm(list, { force: true });
    await rm(beside, { recursive: true, force: true });
  }
  const beyond = more.length === 0 ? "" : ` and ${more.length} other places`;
  return `the folders of ${users.length} users${beyond}`;
}

/**
 * Unpacks the archive in clear at `path` into this system. `accounts`: users who are lacking are added; the folders of those
 * who are lacking still are nobody's but root's. `keepNewer`: files that are newer here stay.
 */
export async function unpackLinux(
  context: StepContext,
  path: string,
  { accounts, keepNewer }: { accounts: boolean; keepNewer: boolean },
): Promise<string> {
  const root = systemRoot(context);
  const beside = join(await workFolder(context), `accounts-${randomUUID()}`);
  const unpack = (folder: string, words: readonly string[]) =>
    runOrFail(context, "bring the users' folders back", {
      command: [["tar", "--extract", "--gzip", `--file=${path}`, `--directory=${folder}`], ...words].flat(),
    });
  let text: string;
  try {
    await mkdir(beside, { mode: 0o700 });
    await unpack(beside, [accountsName]);
    text = await readFile(join(beside, accountsName), "utf8");
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  const users = readAccounts(text);
  const added = accounts ? await addMissing(context, root, users) : [];
  const keeping = ["--preserve-permissions", "--same-owner", ...attributes];
  const over = keepNewer ? "--keep-newer-files" : "--overwrite";
  await unpack(root, [...keeping, over, `--exclude=${accountsName}`]);
  await closeStrangers(context, root, users);
  // What was kept is given up once this is done, and a power cut must not take both.
  await runOrFail(context, "write everything to the disks", { command: ["sync"] });
  const who = added.length === 0 ? "" : `, and the accounts of ${added.join(", ")}`;
  return `The folders of ${users.length} users are back${who}`;
}

/** tar gives what it knows nobody for to the number that it had, which is somebody else's here or will be. */
async function closeStrangers(
  context: StepContext,
  root: string,
  users: readonly LinuxUser[],
): Promise<void> {
  for (const { home, name } of strangers(await readFile(join(root, "etc/passwd"), "utf8"), users)) {
    const folder = await realpath(join(root, home)).catch(() => null);
    if (folder === null || folder === (await realpath(root))) continue;
    await chown(folder, 0, 0);
    await chmod(folder, 0o700);
    context.log.warning(`${name} has no account here: the folder ${home} is root's alone`);
  }
}

async function addMissing(
  context: StepContext,
  root: string,
  users: Parameters<typeof addAccounts>[1],
): Promise<string[]> {
  const at = (name: string): string => join(root, "etc", name);
  const read = (name: string): Promise<string> => readFile(at(name), "utf8").catch(() => "");
  const before: AccountTables = {
    passwd: await read("passwd"),
    group: await read("group"),
    shadow: await read("shadow"),
  };
  if (before.passwd === "") throw new StepFailure(codes.fileNotFound, "This system has no list of accounts");
  const { added, renumbered, tables } = addAccounts(before, users);
  for (const name of renumbered) {
    context.log.info(`${name} has another number here than before, which was another account's`);
  }
  // Who is listed before his password is has none until then, so that comes first.
  for (const [name, mode] of [
    ["shadow", 0o640],
    ["group", 0o644],
    ["passwd", 0o644],
  ] as const) {
    if (tables[name] !== before[name]) await replaceTable(context, at(name), tables[name], mode);
  }
  return added;
}

/** Whole or not at all, with the owner that it had. */
async function replaceTable(context: StepContext, path: string, text: string, mode: number): Promise<void> {
  const beside = `${path}.volley`;
  await writeFile(beside, text, { mode: 0o600 });
  await runOrFail(context, `replace ${path}`, { command: ["chown", `--reference=${path}`, beside] }, [0, 1]);
  await chmod(beside, mode);
  await rename(beside, path);
}
