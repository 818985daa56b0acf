/** What a running task sequence asks of a Linux machine. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SequenceMachine, StartPlace } from "../sequence-machine.ts";
import { readText, systemRoots, type SystemRoots } from "./hardware.ts";
import { openOfflineRegistry } from "./hives.ts";
import { endProcessTree } from "./process-tree.ts";
import { mountToRead } from "./mount-to-read.ts";
import { releaseVolumes } from "./release-volumes.ts";
import { wmiRows } from "./wmi-facts.ts";
import { readGateways } from "./wmi-network.ts";

export const linuxSequenceMachine: SequenceMachine = {
  wmiRows: (className) => wmiRows(className),
  gateways: () => [...readGateways(systemRoots).values()].flat(),
  startedFrom: () => Promise.resolve(startedFrom(systemRoots)),
  secureBoot,
  registry: openOfflineRegistry,
  endProcessTree: (root, mark) => endProcessTree(root, mark),
  driveFolder: () => null,
  socketPath,
  mountToRead,
  releaseVolumes,
};

/** Of a path of a Unix socket, with room for its name. */
const socketFolderCharacters = 80;

function socketPath(folder: string): string {
  const isShort = folder.length <= socketFolderCharacters;
  return join(isShort ? folder : mkdtempSync(join(tmpdir(), "volley-")), "environment.socket");
}

/** The site's menu for GRUB puts its word on the kernel's command line: "cd0", "hd0,gpt1", "tftp,192.0.2.1". */
export function startedFrom({ proc }: SystemRoots): StartPlace | null {
  const root = /(?:^|\s)volley\.root=(\S+)/.exec(readText(join(proc, "cmdline")) ?? "")?.[1];
  if (root === undefined) return null;
  if (root.startsWith("cd")) return "disc";
  return root.startsWith("hd") ? "stick" : "network";
}

/** Of UEFI's variable the fifth byte, behind the attributes. */
function secureBoot(): "NA" | "Enabled" | "Disabled" {
  const variable = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  try {
    return readFileSync(join(systemRoots.sys, variable))[4] === 1 ? "Enabled" : "Disabled";
  } catch {
    return "NA";
  }
}
