/** How a command says which site is meant, why it may be trusted, and who this machine is to it. */
import { isIPv4 } from "node:net";
import { limits } from "../../contract/limits.ts";
import { usage } from "./options.ts";
import { parseFingerprint } from "../site/authority.ts";
import { parseSiteAddress, type SiteAddress } from "../site/transport.ts";

export interface SiteChoice {
  site: SiteAddress;
  /** 64 hex digits. */
  fingerprint: string | null;
  authorityFile: string | null;
  credentialFile: string | null;
  stateFolder: string | null;
  name: string | null;
  interfaceAddress: string | null;
}

const text = { type: "string" } as const;
export const siteOptions = {
  site: text,
  fingerprint: text,
  authority: text,
  "credential-file": text,
  state: text,
  name: text,
  interface: text,
} as const;

/** Throws E_USAGE. */
export function chooseSite(values: { [Name in keyof typeof siteOptions]?: string }): SiteChoice {
  if (values.site === undefined) throw usage("--site is missing");
  if (values.fingerprint !== undefined && values.authority !== undefined) {
    throw usage("--fingerprint and --authority say the same in two ways: give one");
  }
  if (values.interface !== undefined && !isIPv4(values.interface)) {
    throw usage(`--interface is to be an IPv4 address, not ${values.interface}`);
  }
  return {
    site: parseSiteAddress(values.site),
    fingerprint: values.fingerprint === undefined ? null : parseFingerprint(values.fingerprint),
    authorityFile: values.authority ?? null,
    credentialFile: values["credential-file"] ?? null,
    stateFolder: values.state ?? null,
    name: checkName(values.name),
    interfaceAddress: values.interface ?? null,
  };
}

/** Throws E_USAGE. */
export function checkName(name: string | undefined): string | null {
  if (name === undefined) return null;
  if (name.length < 1 || name.length > limits.nameCharacters) {
    throw usage(`--name is to have 1 to ${limits.nameCharacters} characters`);
  }
  return name;
}
