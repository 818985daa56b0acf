/** Whether this machine can leave its system for a PE on its own disk, and what is left of an earlier time. */
import { resolve } from "node:path";
import type { Policy } from "../../contract/deployment.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { WindowsGround } from "../platform/windows/ground.ts";
import type { Log } from "../report/logs.ts";
import { siteUrl } from "../site/transport.ts";
import type { StateFolder } from "../state-folder.ts";
import { efiEntry } from "./efi-entry.ts";
import { linuxEfiGround } from "./efi-ground.ts";
import { linuxStaging } from "./linux-staging.ts";
import type { LocalPe } from "./local-pe.ts";
import { canGoBack } from "./staging.ts";
import { WindowsStaging } from "./windows-staging.ts";

/** With what words the agent is started again. */
export interface ReturnOrder {
  name: string | null;
  site: { host: string; port: number };
  yes: boolean;
}

export interface OpenStagingOptions {
  machine: Pick<MachineFacts, "macAddresses" | "operatingSystem" | "smbiosUuid">;
  windows: WindowsGround | null;
  order: ReturnOrder;
  /** Starts this program again. */
  selfCommand: readonly string[];
  /** Path of this agent's executable; null when it runs from its sources. */
  program: string | null;
  hasService: boolean;
  state: StateFolder;
  log: Log;
}

/** Null in a PE, of whose start nothing is left to the firmware then: the system that knew may be overwritten. */
export async function openStaging(options: OpenStagingOptions): Promise<LocalPe | null> {
  const { hasService, log, machine, order, program, selfCommand, state, windows } = options;
  if (machine.operatingSystem === "linux-pe" && canGoBack(state) && linuxEfiGround.isUefi()) {
    await efiEntry(linuxEfiGround)
      .disarm()
      .catch((error: unknown) => log.warning(toVolleyError(error).detail));
  }
  const words = returnWords(order, state);
  if (machine.operatingSystem === "linux") {
    return linuxStaging({ state, command: [...selfCommand, ...words], hasService, log });
  }
  if (machine.operatingSystem !== "windows" || windows === null) return null;
  return new WindowsStaging({
    state,
    ground: windows,
    machine,
    bootId: await windows.bootId(),
    program,
    returnWords: words,
    running: selfCommand[0] ?? "",
    log,
  });
}

/** The authority and the machine's key are in the state folder by then. */
function returnWords({ name, site, yes }: ReturnOrder, state: StateFolder): string[] {
  return [
    ["deploy", "--site", siteUrl(site), "--state", resolve(state.path), "--once", "--allow-restart"],
    yes ? ["--yes"] : [],
    name === null ? [] : ["--name", name],
  ].flat();
}

export interface PolicyOptions {
  site: { policy(): Promise<Policy> };
  staging: LocalPe | null;
  operatingSystem: string;
  /** This process is for one deployment. */
  once: boolean;
  state: StateFolder;
}

/**
 * What the site wants now; what it does not want any more, and what failed in the PE, is taken back first. Rejects with
 * E_STAGING in a PE that a system on this disk has staged for what nobody wants any more, since that system is gone back
 * to; and there, when it failed in the PE and is what this process is for.
 */
export async function policyOf(options: PolicyOptions): Promise<Policy> {
  const { operatingSystem, site, staging, state } = options;
  const policy = await site.policy();
  if (policy.deployment?.failed === true && staging?.cameBack === true) {
    await staging.tidy(null);
    if (options.once) {
      throw new VolleyError("E_STAGING", "The task sequence failed in the PE, and the machine is as it was");
    }
    return policy;
  }
  const hadStaged = staging?.record !== null && staging !== null;
  await staging?.tidy(policy.deployment?.id ?? null);
  if (policy.deployment !== null) return policy;
  const isPe = operatingSystem === "linux-pe" || operatingSystem === "winpe";
  // In Windows the task that started this agent goes with what was staged.
  if ((isPe && canGoBack(state)) || (hadStaged && operatingSystem === "windows")) {
    throw new VolleyError("E_STAGING", "The site wants nothing of this machine any more");
  }
  return policy;
}
