/**
 * This computer's devices with the identifiers that drivers are chosen by. They are in the registry, where Windows' own
 * plug and play keeps them ("HKLM\\SYSTEM\\CurrentControlSet\\Enum Registry Tree"); there is no other way in Windows PE.
 */
import type { DeviceRow } from "../sequence-machine.ts";
import { parseQuery } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";

const tree = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum";

export async function listDevices(tools: WindowsTools): Promise<DeviceRow[]> {
  const [hardware, compatible, described] = await Promise.all(
    ["HardwareID", "CompatibleIDs", "DeviceDesc"].map((name) => valueOfAll(name, tools)),
  );
  return [...(hardware ?? [])].map(([key, identifiers]) => ({
    name: nameOf(described?.get(key) ?? "") || key.slice(tree.length + 1),
    hardwareIds: lines(identifiers),
    compatibleIds: lines(compatible?.get(key) ?? ""),
  }));
}

/** A value of that name, of every key below that has one, by the key's name. */
async function valueOfAll(name: string, tools: WindowsTools): Promise<Map<string, string>> {
  const output = (await tools.run(["reg.exe", "query", tree, "/s", "/v", name])) ?? "";
  const found = new Map<string, string>();
  for (const part of output.split(/(?=^HKEY_)/m)) {
    const [key = ""] = part.split(/\r?\n/);
    const data = parseQuery(part, key).values.get(name.toLowerCase())?.data;
    if (data !== undefined) found.set(key, data);
  }
  return found;
}

/** "@oem3.inf,%e2f.desc%;Intel(R) Ethernet" names where the text stands, then the text. */
const nameOf = (description: string): string => description.split(";").at(-1)?.trim() ?? "";

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
