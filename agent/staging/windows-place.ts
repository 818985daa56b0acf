/** Where a Windows keeps what a PE on its own disk needs, and how the agent in a Windows PE finds its state there. */
import { cp, readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { WindowsGround } from "../platform/windows/ground.ts";
import type { Log } from "../report/logs.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";
import { originFile } from "./carried-files.ts";

/** From the root of the drive that Windows is on. */
export const placeFolder = "\\Windows\\Volley\\PE";
/** In that place. */
export const carriedFolder = "state";

/** A system root below which that place is. */
export const isUsualRoot = (systemRoot: string): boolean => /^[A-Z]:\\Windows$/i.test(systemRoot);

/** In the state that goes along: for which run, and whose it is. */
export const Origin = z.object({
  deploymentId: Identifier,
  smbiosUuid: z.string().nullable(),
  macAddresses: z.array(z.string()),
});
export type Origin = z.infer<typeof Origin>;

type Machine = Pick<MachineFacts, "macAddresses" | "operatingSystem" | "smbiosUuid">;

/**
 * In a Windows PE that has no state yet: that of the system that has staged it, from a disk of this very machine. It is in
 * memory then, so that the disk can be overwritten. Answers whether there was any.
 */
export async function adoptState(
  state: StateFolder,
  { ground, log, machine }: { ground: WindowsGround | null; machine: Machine; log: Log },
): Promise<boolean> {
  if (ground === null || machine.operatingSystem !== "winpe") return false;
  if (existsSync(join(state.path, stateFiles.enrolment))) return false;
  for (const root of ground.fixedVolumes()) {
    const folder = join(root, ...placeFolder.split("\\"), carriedFolder);
    const origin = await readOrigin(join(folder, originFile));
    if (origin === null || !isSame(origin, machine)) continue;
    log.info(`The run goes on that the Windows on ${root} has begun`);
    ground.markStaged();
    await cp(folder, state.path, { recursive: true });
    return true;
  }
  return false;
}

async function readOrigin(path: string): Promise<Origin | null> {
  try {
    return Origin.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

/** A disk may have come from another computer. */
function isSame(origin: Origin, { macAddresses, smbiosUuid }: Machine): boolean {
  if (origin.smbiosUuid !== null && smbiosUuid !== null) return origin.smbiosUuid === smbiosUuid;
  return origin.macAddresses.some((address) => macAddresses.includes(address));
}
