/** The registry of the running Windows, read by reg.exe, which Windows PE has too. */
import { VolleyError } from "../../../contract/errors.ts";
import type { MachineRegistry, RegistryFact } from "../sequence-machine.ts";
import type { WindowsTools } from "./tools.ts";

/** Keys below, by name, and values of one key. */
export interface RegistryKey {
  values: Map<string, RegistryFact>;
  /** Full names, such as "HKEY_LOCAL_MACHINE\\SYSTEM\\Setup". */
  keys: string[];
}

export function openRegistry(tools: WindowsTools): MachineRegistry {
  return { values: async (key) => (await readKey(key, tools))?.values ?? null };
}

/** Null for a key that is not there, or that this process may not read. Rejects with E_CONDITION. */
export async function readKey(key: string, tools: WindowsTools): Promise<RegistryKey | null> {
  const output = await query(key, "", tools);
  if (output === null) return null;
  const found = parseQuery(output, key);
  // What has no name is shown by a word of the system's language in brackets, which a value may be called as well.
  const bracketed = [...found.values.keys()].filter((name) => /^\(.*\)$/.test(name));
  if (bracketed.length > 0) {
    const unnamed = parseQuery((await query(key, "/ve", tools)) ?? "", key).values;
    const [shown] = unnamed;
    if (shown !== undefined) {
      found.values.delete(shown[0]);
      found.values.set("", shown[1]);
    }
  }
  return found;
}

/** By way of cmd.exe, which sets the output to UTF-8; it would take a percent sign for its own. */
function query(key: string, option: "" | "/ve", tools: WindowsTools): Promise<string | null> {
  if (/["\r\n\0]/.test(key)) throw new VolleyError("E_CONDITION", `${key} is no key's name`);
  if (key.includes("%")) return tools.run(["reg.exe", "query", key, ...(option === "" ? [] : [option])]);
  const line = `chcp 65001 >nul 2>nul & "${tools.path("reg.exe")}" query "${key}" ${option}`;
  return tools.run(["cmd.exe", "/d", "/v:off", "/s", "/c", `"${line}"`], { verbatim: true });
}

/** What `reg query` prints: the key, its values, each behind four blanks, then the keys below it. */
export function parseQuery(output: string, key: string): RegistryKey {
  const values = new Map<string, RegistryFact>();
  const keys: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    const [, name, type, data = ""] = /^ {4}(.*?) {4}(REG_[A-Z_]+)(?: {4}(.*))?$/.exec(line) ?? [];
    const isKey = line.startsWith("HKEY_") && line.toLowerCase() !== key.toLowerCase();
    if (isKey) keys.push(line.trimEnd());
    if (name === undefined || type === undefined) continue;
    values.set(name.toLowerCase(), { type, data: dataOf(type, data) });
  }
  return { values, keys };
}

function dataOf(type: string, data: string): string {
  if (type === "REG_DWORD" || type === "REG_QWORD") {
    return /^0x[0-9a-f]+$/i.test(data) ? String(BigInt(data)) : data;
  }
  if (type === "REG_MULTI_SZ") return data.replace(/(\\0)+$/, "").replaceAll("\\0", "\n");
  return type === "REG_BINARY" || type === "REG_NONE" ? data.toUpperCase() : data;
}
