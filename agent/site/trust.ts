/** Which authority a command trusts, and files that a command line names. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";
import { fingerprintOf } from "./authority.ts";
import type { SiteAddress } from "./transport.ts";

export interface TrustChoice {
  site: SiteAddress;
  /** 64 hex digits. */
  fingerprint: string | null;
  authorityFile: string | null;
}

const KeptAuthority = z.object({ site: z.string(), authority: z.string() });

/** PEM of the authority to trust: from a file, from an earlier start, or from the site if the fingerprint is right. */
export async function trust(
  command: TrustChoice,
  state: StateFolder,
  fetch: (fingerprint: string) => Promise<string>,
): Promise<string> {
  const site = `${command.site.host}:${command.site.port}`;
  if (command.authorityFile !== null) {
    const authority = readNamedFile("--authority", command.authorityFile);
    fingerprintOf(authority);
    return authority;
  }
  const kept = state.read(stateFiles.authority, KeptAuthority);
  const { fingerprint } = command;
  if (
    kept !== null &&
    (fingerprint === null ? kept.site === site : fingerprintOf(kept.authority) === fingerprint)
  ) {
    return kept.authority;
  }
  if (fingerprint === null) throw new VolleyError("E_USAGE", "--fingerprint (or --authority) is missing");
  const authority = await fetch(fingerprint);
  state.write(stateFiles.authority, { site, authority });
  return authority;
}

/** Throws E_USAGE. */
export function readNamedFile(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new VolleyError("E_USAGE", `${option} ${path} cannot be read: ${(error as Error).message}`);
  }
}
