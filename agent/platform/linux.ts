/** Linux: an installed system or a PE in memory. */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { findDisk } from "./linux/find-disk.ts";
import { fitDisk, fitVolume, partitionsOf } from "./linux/fit-disk.ts";
import { listDisks } from "./linux/disks.ts";
import { identify } from "./linux/hardware.ts";
import { linuxNetwork } from "./linux/machine-network.ts";
import { linuxSequenceMachine } from "./linux/sequence-machine.ts";
import { sourceAddressTo } from "./network.ts";
import type { Hold, Platform, PlatformOptions } from "./platform.ts";
import { linuxStateFolder } from "../state-folder.ts";
import { runTool } from "./run-tool.ts";

export function linuxPlatform(options: PlatformOptions): Platform {
  return {
    identify: () => identify(options.selfCommand),
    listDisks: () => listDisks(),
    findDisk: (path) => findDisk(path),
    fitting: { fit: fitDisk, fitVolume, partitionsOf },
    interfaceAddressTo: sourceAddressTo,
    defaultStateFolder: () =>
      process.getuid?.() === 0 ? `/${linuxStateFolder}` : join(homedir(), ".local/state/volley-agent"),
    // It was made with a mode that says the same.
    protectStateFolder: () => Promise.resolve(),
    hold,
    flushFolder,
    // Whose firewall is closed here has closed it on purpose; "volley-agent doctor" says what it lets through.
    firewall: { open: () => Promise.resolve(true), close: () => Promise.resolve() },
    network: linuxNetwork(),
    sequenceMachine: linuxSequenceMachine,
    windows: null,
    restart,
  };
}

const restartMs = 60_000;

/** Through the service manager where there is one; a PE has none. */
async function restart(): Promise<void> {
  if ((await runTool(["systemctl", "reboot"], restartMs)) !== null) return;
  if ((await runTool(["reboot", "-f"], restartMs)) !== null) return;
  throw new VolleyError("E_TOOL_FAILED", "Neither systemctl nor reboot restarts this machine");
}

/** An abstract socket's name belongs to one process of a network namespace, and to nobody once that has ended. */
function hold(subject: string): Promise<Hold | null> {
  const name = `\0volley-agent-${createHash("sha256").update(subject).digest("hex")}`;
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(name, () => {
      server.unref();
      resolve({ release: () => server.close() });
    });
  });
}

function flushFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
