/** What a running task sequence asks of a Windows machine. */
import { createHash } from "node:crypto";
import type { SequenceMachine } from "../sequence-machine.ts";
import { adapterSettings } from "./adapter-settings.ts";
import { listDevices } from "./devices.ts";
import type { WindowsFacts } from "./facts.ts";
import { endProcessTree } from "./process-tree.ts";
import { openRegistry } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";
import { wmiRows } from "./wmi-facts.ts";
import { askWmi } from "./wmi-query.ts";

export function windowsSequenceMachine(facts: WindowsFacts, tools: WindowsTools): SequenceMachine {
  return {
    wmiRows: (className) => wmiRows(className, { facts, tools }),
    askWmi: (namespace, query) => askWmi(namespace, query, tools),
    gateways: () => [...new Set(facts.adapters().flatMap((adapter) => adapter.gateways))],
    startedFrom: () => "",
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
