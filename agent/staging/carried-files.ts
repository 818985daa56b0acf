/** Which files of the agent's state go along into a PE. */
import { copyFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../../contract/limits.ts";

export interface Carried {
  /** The agent's state folder. */
  state: string;
  deploymentId: string;
  /** Names of files of the state folder that are about this system alone. */
  leftOut: readonly string[];
}

/** In the agent's folder of the PE; see `wasStaged`. */
export const originFile = "origin.json";

/** Who the machine is to its site, reports that have not been taken, and where the run stands; into folders that are there. */
export async function copyCarried({ deploymentId, leftOut, state }: Carried, target: string): Promise<void> {
  for (const folder of [".", join("deployments", deploymentId)]) {
    for (const name of await readdir(join(state, folder))) {
      const from = join(state, folder, name);
      const facts = await stat(from);
      const isState =
        facts.isFile() && facts.size <= limits.carriedFileBytes && !/\.(part|gz|sealed)$/.test(name);
      if (isState && !leftOut.includes(name)) await copyFile(from, join(target, folder, name));
    }
  }
}
