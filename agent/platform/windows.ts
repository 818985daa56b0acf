/** Windows: an installed one, or Windows PE. */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { unpackAddonIn } from "../../native/packaged-addon.ts";
import { sourceAddressTo } from "./network.ts";
import type { Hold, Platform, PlatformOptions } from "./platform.ts";
import { findDisk, listDisks } from "./windows/disks.ts";
import { fitDisk, partitionsOf, type FittingWorld } from "./windows/fit-disk.ts";
import { fitVolume } from "./windows/fit-volume.ts";
import { nativeFacts, type WindowsFacts } from "./windows/facts.ts";
import { windowsFirewall } from "./windows/firewall.ts";
import { windowsGround } from "./windows/ground.ts";
import { identify } from "./windows/identity.ts";
import { windowsNetwork } from "./windows/machine-network.ts";
import { isOrdinaryUser } from "./windows/ordinary-user.ts";
import { protectFolder } from "./windows/protect-folder.ts";
import { windowsSequenceMachine } from "./windows/sequence-machine.ts";
import { windowsTools, type WindowsTools } from "./windows/tools.ts";

export interface WindowsWorld {
  facts: WindowsFacts;
  tools: WindowsTools;
}

const defaultSystemRoot = "C:\\Windows";

export function windowsPlatform(options: PlatformOptions, world?: WindowsWorld): Platform {
  const systemRoot = options.systemRoot ?? defaultSystemRoot;
  // Unlike in ProgramData, none but administrators can have made a folder there before us.
  const own = `${systemRoot}\\Volley`;
  unpackAddonIn({ folder: own, mayBeTemporary: () => isOrdinaryUser(systemRoot) });
  const { facts, tools } = world ?? { facts: nativeFacts, tools: windowsTools(systemRoot) };
  const ground = windowsGround({ facts, tools, systemRoot });
  return {
    identify: () => Promise.resolve(identify(facts)),
    listDisks: async () => listDisks(facts, ground.isStaged()),
    findDisk: (path) => findDisk(path, facts, ground.isStaged()),
    fitting: {
      fit: (path, wish) => fitDisk(path, wish, { facts, tools, rewrite }),
      fitVolume: (device) => fitVolume(device, { facts, tools, rewrite }),
      partitionsOf: (path) => partitionsOf(path, { facts, tools }),
    },
    interfaceAddressTo: sourceAddressTo,
    defaultStateFolder: () => `${own}\\State`,
    protectStateFolder: (folder) => protectFolder(folder, facts.system().elevated, tools),
    hold,
    flushFolder,
    firewall: windowsFirewall({ inPe: () => facts.system().winPe, program: process.execPath, tools }),
    network: windowsNetwork(facts),
    sequenceMachine: windowsSequenceMachine(facts, tools),
    windows: ground,
    restart: () => restart(facts, tools),
  };
}

/** The addon is loaded when it is needed, which is once it is known where to unpack it. */
const rewrite: FittingWorld["rewrite"] = async (options) => {
  const { rewriteDisk } = await import("../../native/index.ts");
  await rewriteDisk(options).result;
};

/** "Wpeutil Command-Line Options" for Windows PE, "shutdown" for an installed Windows: now, and planned (2:4). */
async function restart(facts: WindowsFacts, tools: WindowsTools): Promise<void> {
  const command: [string, ...string[]] = facts.system().winPe
    ? ["wpeutil.exe", "Reboot"]
    : ["shutdown.exe", "/r", "/t", "0", "/d", "p:2:4"];
  if ((await tools.run(command)) !== null) return;
  throw new VolleyError("E_TOOL_FAILED", `${command.join(" ")} does not restart this machine`);
}

/** The first instance of a pipe's name belongs to one process, and to nobody once that has ended. */
function hold(subject: string): Promise<Hold | null> {
  const name = createHash("sha256").update(subject).digest("hex");
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(null);
      else reject(error);
    });
    server.listen(`\\\\.\\pipe\\volley-agent-${name}`, () => {
      server.unref();
      resolve({ release: () => server.close() });
    });
  });
}

/**
 * Windows flushes files and no folders. NTFS writes its log in order, so a new file that is durable says that the
 * rename before it is.
 */
function flushFolder(folder: string): void {
  const path = join(folder, "flush.tmp");
  const descriptor = openSync(path, "w");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
    rmSync(path, { force: true });
  }
}
