/** What a running task sequence asks of a Windows machine. */
import { createHash } from "node:crypto";
import type { SequenceMachine, StartPlace } from "../sequence-machine.ts";
import { adapterSettings } from "./adapter-settings.ts";
import { listDevices } from "./devices.ts";
import { comesAndGoes, type WindowsFacts } from "./facts.ts";
import { endProcessTree } from "./process-tree.ts";
import { openRegistry, readKey } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";
import { wmiRows } from "./wmi-facts.ts";
import { askWmi } from "./wmi-query.ts";

const control = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control";

export function windowsSequenceMachine(facts: WindowsFacts, tools: WindowsTools): SequenceMachine {
  return {
    wmiRows: (className) => wmiRows(className, { facts, tools }),
    askWmi: (namespace, query) => askWmi(namespace, query, tools),
    gateways: () => [...new Set(facts.adapters().flatMap((adapter) => adapter.gateways))],
    startedFrom: () => startedFrom(facts, tools),
    timeZoneName: async () =>
      (await readKey(`${control}\\TimeZoneInformation`, tools))?.values.get("timezonekeyname")?.data ?? null,
    secureBoot() {
      const { secureBoot } = facts.system();
      if (secureBoot === null) return "NA";
      return secureBoot ? "Enabled" : "Disabled";
    },
    registry: () => openRegistry(tools),
    endProcessTree: (root) => endProcessTree(root, tools),
    devices: { list: () => listDevices(tools) },
    networkState: { adapters: () => adapterSettings(facts, tools) },
    driveFolder: (letter) => `${letter}:\\`,
    // One for each state folder, of which one agent at most has hold.
    socketPath: (folder) =>
      `\\\\.\\pipe\\volley-${createHash("sha256").update(folder.toLowerCase()).digest("hex").slice(0, 32)}`,
    // Volumes have their letters already.
    mountToRead: () => Promise.resolve(false),
    releaseVolumes: () => Promise.resolve([]),
  };
}

/**
 * "Wpeutil Command-Line Options", UpdateBootInfo, which wpeinit runs: it puts down the drive that a boot image was read from,
 * and none for one from the network. An optical drive is no disk.
 */
async function startedFrom(facts: WindowsFacts, tools: WindowsTools): Promise<StartPlace | null> {
  if (!facts.system().winPe) return null;
  const shown = await readKey(control, tools);
  if ((shown?.values.get("pebootramdisksourcedrive")?.data ?? "") === "") return null;
  const medium = facts.disks().find(({ systemUses }) => systemUses.includes("boot medium"));
  if (medium === undefined) return "disc";
  return comesAndGoes(medium) ? "stick" : "disk";
}
