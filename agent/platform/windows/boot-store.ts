/** A boot configuration of a Windows that does not run, read by reg.exe: a store is a registry hive. */
import type { BootStore } from "../../../windows/boot-store.ts";
import { parseQuery } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";

const place = "HKEY_LOCAL_MACHINE\\VolleyBoot";

/** Of its elements those that are bytes, devices among them. Null when reg.exe does not take `path`, a file of our own. */
export async function loadedBootStore(path: string, tools: WindowsTools): Promise<BootStore | null> {
  const short = place.replace("HKEY_LOCAL_MACHINE", "HKLM");
  if ((await tools.run(["reg.exe", "load", short, path])) === null) return null;
  try {
    const output = await tools.run(["reg.exe", "query", `${short}\\Objects`, "/s"]);
    return output === null ? null : storeOf(output);
  } finally {
    await tools.run(["reg.exe", "unload", short]);
  }
}

/** `output`: of `reg query KEY /s`, a block for each key with its values below it. */
function storeOf(output: string): BootStore {
  const store: BootStore = new Map();
  for (const block of output.split(/\r?\n(?=HKEY_)/)) {
    const [, id, element] =
      /^\s*HKEY_[^\r\n]*\\Objects\\(\{[^\\]+\})\\Elements\\([0-9a-f]{8})/i.exec(block) ?? [];
    const value = parseQuery(block, "").values.get("element");
    if (id === undefined || element === undefined || value?.type !== "REG_BINARY") continue;
    const object = store.get(id.toLowerCase()) ?? { type: null, elements: new Map() };
    object.elements.set(element.toLowerCase(), { registryType: 3, bytes: Buffer.from(value.data, "hex") });
    store.set(id.toLowerCase(), object);
  }
  return store;
}
