/**
 * One site to a data folder. Each process puts down a claim named after itself and then looks who else has one;
 * a claim of a dead process is removed, one of a live process wins. A claim is never taken over, so that there is
 * no moment in which two could take the same one; two that come at once both step back and try again.
 */
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from "node:fs";
import { randomInt } from "node:crypto";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { VolleyError } from "../../contract/errors.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

const attempts = 5;

export interface Lock {
  release(): void;
}

/** Throws E_SITE_BUSY when a live process has the folder. */
export async function lockFolder(folder: string): Promise<Lock> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new VolleyError("E_STORE", `The data folder ${folder} cannot be made: ${(error as Error).message}`);
  }
  const own = ownIdentity();
  const name = `lock-${own.pid}-${own.startTicks}`;
  const path = join(folder, name);
  for (let attempt = 1; ; attempt += 1) {
    putDown(path, own, folder);
    const other = otherClaim(folder, name);
    if (other === undefined) return { release: () => rmSync(path, { force: true }) };
    rmSync(path, { force: true });
    if (attempt === attempts) {
      throw new VolleyError("E_SITE_BUSY", `The data folder ${folder} is in use by process ${other}.`);
    }
    await delay(randomInt(20, 120));
  }
}

function putDown(path: string, own: ProcessIdentity, folder: string): void {
  try {
    const descriptor = openSync(path, "wx", 0o600);
    writeSync(descriptor, JSON.stringify(own));
    closeSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new VolleyError("E_SITE_BUSY", `The data folder ${folder} is already open in this process.`);
    }
    throw new VolleyError(
      "E_STORE",
      `The data folder ${folder} cannot be written: ${(error as Error).message}`,
    );
  }
}

/** The process number of a live claim other than `own`. */
function otherClaim(folder: string, own: string): number | undefined {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith("lock-") || name === own) continue;
    const path = join(folder, name);
    const claim = readClaim(path);
    if (claim !== undefined && isAlive(claim)) return claim.pid;
    if (claim !== undefined) rmSync(path, { force: true });
  }
  return undefined;
}

/** Undefined when the claim went away. Of one that is not written whole yet, or was cut off, the name says enough. */
function readClaim(path: string): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    const [, pid, startTicks] = basename(path).split("-");
    return { ...ownIdentity(), pid: Number(pid), startTicks: startTicks ?? "" };
  }
}
