/**
 * The registry of a Windows that does not run, read from its hives with hivexget (libhivex-bin). Answers keys and
 * values as a running Windows would name them.
 */
import { join } from "node:path";
import { toVolleyError, VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { parseValues } from "../../../windows/registry-values.ts";
import type { MachineRegistry, RegistryFact } from "../sequence-machine.ts";
import { runToolToEnd } from "../run-tool.ts";
import { listFolder } from "./hardware.ts";

/** Its complaints are read. */
const toolEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
};

/** `windowsFolder`: where the Windows folder is now, for example "/mnt/c/Windows"; null when there is none. */
export function openOfflineRegistry(windowsFolder: () => Promise<string | null>): MachineRegistry {
  return {
    async values(key) {
      const folder = await windowsFolder();
      if (folder === null) {
        throw cannot(`${key}: there is no Windows here whose registry could be read`);
      }
      const config = descend(folder, ["System32", "config"]);
      if (config === null) throw cannot(`${key}: ${folder} has no hives`);
      const place = await placeOf(key, config);
      const hive = descend(config, [place.hive]);
      if (hive === null) throw cannot(`${key}: ${config} has no hive ${place.hive}`);
      return readKey(hive, place.path);
    },
  };
}

interface Place {
  hive: string;
  path: string;
}

/** In which hive a key is, and where in it. */
async function placeOf(key: string, config: string): Promise<Place> {
  const [root = "", first = "", ...rest] = key.split("\\");
  const below = (hive: string, ...path: string[]): Place => ({ hive, path: path.join("\\") });
  if (root === "HKEY_CLASSES_ROOT") {
    return below("SOFTWARE", "Classes", ...[first, ...rest].filter((part) => part !== ""));
  }
  if (root === "HKEY_USERS" && first.toLowerCase() === ".default") return below("DEFAULT", ...rest);
  if (root === "HKEY_LOCAL_MACHINE") {
    const hive = first.toUpperCase();
    if (hive === "SYSTEM" && rest[0]?.toLowerCase() === "currentcontrolset") {
      return below("SYSTEM", await currentControlSet(config), ...rest.slice(1));
    }
    if (["SOFTWARE", "SYSTEM", "SAM", "SECURITY"].includes(hive)) return below(hive, ...rest);
  }
  throw cannot(`${key} is in no hive of a Windows that does not run`);
}

async function currentControlSet(config: string): Promise<string> {
  const hive = descend(config, ["SYSTEM"]);
  const select = hive === null ? null : await readKey(hive, "Select");
  const number = select?.get("current")?.data;
  if (number === undefined) throw cannot(`${config} has no current control set`);
  return `ControlSet${number.padStart(3, "0")}`;
}

/** Below `folder`, names in any case; null when it is not there. */
function descend(folder: string, names: readonly string[]): string | null {
  let path = folder;
  for (const name of names) {
    const found = listFolder(path).find((entry) => entry.toLowerCase() === name.toLowerCase());
    if (found === undefined) return null;
    path = join(path, found);
  }
  return path;
}

async function readKey(hive: string, path: string): Promise<Map<string, RegistryFact> | null> {
  // Each line is a command to the tool.
  if (/[\r\n\0]/.test(path)) throw cannot(`${path} is no key's name`);
  const command = ["hivexget", hive, `\\${path}`];
  const run = runToolToEnd(command, limits.slowToolMs, { environment: toolEnvironment });
  const { complaint, exitCode, output } = await run.catch((error: unknown) => {
    const { code, detail } = toVolleyError(error);
    if (code === "E_TOOL_MISSING") throw cannot("hivexget (package libhivex-bin) is not installed");
    throw cannot(`${hive} cannot be read: ${detail}`);
  });
  if (exitCode === 0) return parseValues(output.toString("utf8"));
  if (/subkey '.*' not found/s.test(complaint)) return null;
  throw cannot(`${hive} cannot be read: ${complaint.split("\n")[0] || `hivexget ended with ${exitCode}`}`);
}

function cannot(detail: string): VolleyError {
  return new VolleyError("E_CONDITION", detail);
}
