/** Whether this machine can leave its system for a PE on its own disk, and what is left of an earlier time. */
import { resolve } from "node:path";
import type { Policy } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { DeployCommand } from "../commands/command-line.ts";
import type { Log } from "../report/logs.ts";
import type { StateFolder } from "../state-folder.ts";
import { linuxStaging } from "./linux-staging.ts";
import { canGoBack, type Staging } from "./staging.ts";

export interface OpenStagingOptions {
  operatingSystem: string;
  command: DeployCommand;
  /** Starts this program again. */
  selfCommand: readonly string[];
  hasService: boolean;
  state: StateFolder;
  log: Log;
}

/** Null in a PE, and on Windows, whose own tools stage a PE. */
export function openStaging(options: OpenStagingOptions): Promise<Staging | null> {
  const { command, hasService, log, operatingSystem, selfCommand, state } = options;
  if (operatingSystem !== "linux") return Promise.resolve(null);
  return linuxStaging({ state, command: [...selfCommand, ...returnWords(command, state)], hasService, log });
}

/** The authority and the machine's key are in the state folder by then. */
function returnWords({ name, site: { host, port }, yes }: DeployCommand, state: StateFolder): string[] {
  const site = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return [
    ["deploy", "--site", site, "--state", resolve(state.path), "--once", "--allow-restart"],
    yes ? ["--yes"] : [],
    name === null ? [] : ["--name", name],
  ].flat();
}

export interface PolicyOptions {
  site: { policy(): Promise<Policy> };
  staging: Staging | null;
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
  await staging?.tidy(policy.deployment?.id ?? null);
  if (policy.deployment === null && operatingSystem === "linux-pe" && canGoBack(state)) {
    throw new VolleyError("E_STAGING", "The site wants nothing of this machine any more");
  }
  return policy;
}
