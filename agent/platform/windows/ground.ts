/** What a PE put on a Windows machine's own disk needs to know of that Windows, or of the Windows PE that it has become. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname, join } from "node:path";
import { comesAndGoes, type WindowsFacts } from "./facts.ts";
import { readKey } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";

export interface WindowsGround {
  /** "C:\\Windows". */
  systemRoot: string;
  tools: WindowsTools;
  /** An administrator's rights. */
  elevated(): boolean;
  firmware(): "bios" | "uefi" | "unknown";
  /** Roots such as "C:\\" of volumes on disks that stay in the machine. */
  fixedVolumes(): string[];
  /** In a Windows PE: a system on a fixed disk of this machine has put it there, and it runs in memory. */
  isStaged(): boolean;
  /** From now on, until it is restarted. */
  markStaged(): void;
  /** Another one after each start of Windows. */
  bootId(): Promise<string>;
}

export function windowsGround(of: {
  facts: WindowsFacts;
  tools: WindowsTools;
  systemRoot: string;
}): WindowsGround {
  const { facts, systemRoot, tools } = of;
  const mark = join(systemRoot, "Volley", "staged");
  return {
    systemRoot,
    tools,
    elevated: () => facts.system().elevated,
    firmware: () => facts.system().firmware,
    fixedVolumes: () =>
      facts
        .disks()
        .filter((disk) => !disk.offline && !comesAndGoes(disk))
        .flatMap(({ partitions }) => partitions.flatMap(({ mountPoints }) => mountPoints))
        .filter((place) => /^[A-Z]:\\$/i.test(place)),
    isStaged: () => facts.system().winPe && existsSync(mark),
    markStaged() {
      mkdirSync(dirname(mark), { recursive: true });
      writeFileSync(mark, "");
    },
    bootId: () => readBootId(tools),
  };
}

const prefetch =
  "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters";
const shutdowns = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Windows";
/** Where Windows counts nothing, the time of its start; its clock may be set a little meanwhile. */
const startGrainSeconds = 100;

/** Windows counts its starts, and notes when it was shut down last. */
async function readBootId(tools: WindowsTools): Promise<string> {
  const values = await Promise.all(
    [[prefetch, "bootid"] as const, [shutdowns, "shutdowntime"] as const].map(
      async ([key, name]) => (await readKey(key, tools))?.values.get(name)?.data ?? "",
    ),
  );
  if (values.some((value) => value !== "")) return values.join(" ");
  return `started ${Math.round((Date.now() / 1000 - uptime()) / startGrainSeconds)}`;
}
