/** What a Linux keeps of its users: their home folders, what a sequence names beside, and the accounts they belong to. */
import { lstat, readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, normalize, relative } from "node:path";
import { z } from "zod";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";

/** Paths beside the home folders, with ";" between them; "/etc/cups;/srv/results". */
export const statePathsVariable = "VolleyStatePaths";
/** The accounts, in the archive; no path of a system's own begins so. */
export const accountsName = ".volley-accounts.json";

/** Of a home folder, what programs make again by themselves. */
export const leftOut = ["*/.cache", "*/.local/share/Trash", "*/lost+found"];

/** "User ID ranges" of login.defs: below are the system's own accounts, above are made-up ones. */
const firstUserId = 1000;
const lastUserId = 59_999;

export interface LinuxUser {
  name: string;
  userId: number;
  home: string;
  /** Lines of passwd, group (of the same number as the user's primary group) and shadow; null where there is none. */
  passwd: string;
  group: string | null;
  shadow: string | null;
}

const line = z
  .string()
  .max(4000)
  .regex(/^[^\n\r]+$/);
const Accounts = z.array(
  z
    .object({
      name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/),
      userId: z.int().min(firstUserId).max(lastUserId),
      home: z.string().startsWith("/"),
      passwd: line,
      group: line.nullable(),
      shadow: line.nullable(),
    })
    .refine(({ name, passwd, userId }) => {
      const [own, , number] = passwd.split(":");
      return own === name && number === String(userId);
    }),
);

export const accountsText = (users: readonly LinuxUser[]): string => `${JSON.stringify(users)}\n`;

/** Throws StepFailure for what is no list of accounts. */
export function readAccounts(text: string): LinuxUser[] {
  try {
    return Accounts.parse(JSON.parse(text));
  } catch {
    throw new StepFailure(codes.invalidData, "The store's list of accounts is damaged");
  }
}

const fields = (text: string): string[] => text.split(":");
const linesOf = (text: string): string[] => text.split("\n").filter((one) => one.includes(":"));

async function readTable(root: string, name: string): Promise<string[]> {
  return linesOf(await readFile(join(root, "etc", name), "utf8").catch(() => ""));
}

/** People's accounts of the system below `root`, those whose home folder is there. */
export async function linuxUsers(root: string): Promise<LinuxUser[]> {
  const [passwd, group, shadow] = await Promise.all(
    ["passwd", "group", "shadow"].map((name) => readTable(root, name)),
  );
  const users: LinuxUser[] = [];
  for (const one of passwd ?? []) {
    const [name = "", , uid = "", gid, , home = ""] = fields(one);
    const userId = Number(uid);
    if (!(userId >= firstUserId && userId <= lastUserId) || !isAbsolute(home) || normalize(home) === "/") {
      continue;
    }
    const found = await stat(join(root, home)).catch(() => null);
    if (found?.isDirectory() !== true) continue;
    users.push({
      name,
      userId,
      home,
      passwd: one,
      group: group?.find((entry) => fields(entry)[2] === gid) ?? null,
      shadow: shadow?.find((entry) => fields(entry)[0] === name) ?? null,
    });
  }
  return users;
}

/** Paths from the root of the system, without their first slash, that are there. Throws StepFailure for what is none. */
export async function statePaths(root: string, written: string): Promise<string[]> {
  const paths: string[] = [];
  for (const part of written.split(";").map((text) => text.trim())) {
    if (part === "") continue;
    if (!isAbsolute(part) || normalize(part) === "/" || part.split("/").includes("..")) {
      throw new StepFailure(codes.invalidSetting, `"${part}" in ${statePathsVariable} is no absolute path`);
    }
    const path = normalize(part).replace(/^\/|\/$/g, "");
    if ((await stat(join(root, path)).catch(() => null)) !== null) paths.push(path);
  }
  return paths;
}

/**
 * `paths` from the root of the system, and for each that is a symbolic link also what it leads to: the link alone would keep
 * nothing. Throws StepFailure for a link to the whole system.
 */
export async function withTargets(root: string, paths: readonly string[]): Promise<string[]> {
  const base = await realpath(root);
  const all = new Set(paths);
  for (const path of paths) {
    const full = join(root, path);
    if (!(await lstat(full)).isSymbolicLink()) continue;
    const target = relative(base, await realpath(full));
    if (target === "" || target.startsWith("..")) {
      throw new StepFailure(codes.invalidSetting, `/${path} leads to /${target}, which is not kept`);
    }
    all.add(target);
  }
  return [...all];
}

export interface AccountTables {
  passwd: string;
  group: string;
  shadow: string;
}

/** Those of `users` of whom `passwd` knows nothing. */
export function strangers(passwd: string, users: readonly LinuxUser[]): LinuxUser[] {
  const names = new Set(linesOf(passwd).map((one) => fields(one)[0]));
  return users.filter(({ name }) => !names.has(name));
}

/**
 * The three tables with the accounts of `users` that are lacking, and the names of those. An account whose name is there
 * stays as it is there; one whose number another has gets a free one and is named in `renumbered`: tar finds owners by name.
 */
export function addAccounts(
  tables: AccountTables,
  users: readonly LinuxUser[],
): { tables: AccountTables; added: string[]; renumbered: string[] } {
  const result = { ...tables };
  const added: string[] = [];
  const renumbered: string[] = [];
  const wanted = new Set(users.map(({ userId }) => userId));
  const has = (table: keyof AccountTables, at: number, value: string | undefined): boolean =>
    linesOf(result[table]).some((one) => fields(one)[at] === value);
  const append = (table: keyof AccountTables, one: string): void => {
    const text = result[table];
    result[table] = `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${one}\n`;
  };
  const isGroup = (number: string): boolean => has("group", 2, number) || has("passwd", 3, number);
  /** Free as an account's and as a group's. */
  const freeNumber = (): string | null => {
    for (let number = firstUserId; number <= lastUserId; number += 1) {
      const text = String(number);
      if (!wanted.has(number) && !has("passwd", 2, text) && !isGroup(text)) return text;
    }
    return null;
  };
  /** The number of the user's primary group here, which is there then; null when no number is free. */
  const groupHere = ({ group, name }: LinuxUser, number: string): string | null => {
    const [groupName = name, password = "x", , members = ""] = fields(group ?? `${name}:x::`);
    const there = linesOf(result.group).find((one) => fields(one)[0] === groupName);
    if (there !== undefined) return fields(there)[2] ?? null;
    const own = isGroup(number) ? freeNumber() : number;
    if (own !== null) append("group", `${groupName}:${password}:${own}:${members}`);
    return own;
  };
  for (const user of users) {
    if (has("passwd", 0, user.name)) continue;
    const [name = "", password = "", before = "", group = "", ...rest] = fields(user.passwd);
    const number = has("passwd", 2, before) ? freeNumber() : before;
    const groupNumber = number === null ? null : groupHere(user, group === before ? number : group);
    if (number === null || groupNumber === null) continue;
    append("passwd", [name, password, number, groupNumber, ...rest].join(":"));
    if (user.shadow !== null && !has("shadow", 0, user.name)) append("shadow", user.shadow);
    added.push(user.name);
    if (number !== before) renumbered.push(user.name);
  }
  return { tables: result, added, renumbered };
}
