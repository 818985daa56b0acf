/** How the agent comes to trust a site: by the fingerprint of the site's authority, from the boot media or a person. */
import { X509Certificate } from "node:crypto";
import { apiPrefix } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { openTransport, type SiteAddress } from "./transport.ts";

/** 64 hex digits in lower case, from any usual way to write a SHA-256. Throws E_USAGE. */
export function parseFingerprint(text: string): string {
  const digits = text
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(/[:\s]/g, "")
    .toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new VolleyError("E_USAGE", "--fingerprint is to be a SHA-256: 64 hexadecimal digits");
  }
  return digits;
}

/** SHA-256 of the certificate's DER form. Throws E_SITE_UNTRUSTED for what is no certificate of an authority. */
export function fingerprintOf(pem: string): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw new VolleyError("E_SITE_UNTRUSTED", "What stands for the site's authority is no certificate", {
      cause: error,
    });
  }
  if (!certificate.ca) {
    throw new VolleyError("E_SITE_UNTRUSTED", "The certificate given is not that of an authority");
  }
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

/**
 * Asks the site for its authority's certificate and believes it only if it has this fingerprint. Nothing secret is
 * said before that. Answers PEM; throws E_SITE_UNREACHABLE, E_SITE_UNTRUSTED.
 */
export async function fetchAuthority(address: SiteAddress, fingerprint: string): Promise<string> {
  const transport = openTransport(address, null);
  try {
    const answer = await transport.call({
      method: "GET",
      path: `${apiPrefix}/authority`,
      answerBytesMost: 65_536,
    });
    if (answer.status !== 200) {
      const where = `${address.host}:${address.port}`;
      throw new VolleyError(
        "E_SITE_UNREACHABLE",
        `${where} answered ${answer.status} when asked for its authority`,
      );
    }
    const pem = answer.body.toString("latin1");
    const found = fingerprintOf(pem);
    if (found !== fingerprint) {
      throw new VolleyError(
        "E_SITE_UNTRUSTED",
        `The site's authority has the fingerprint ${found}, not ${fingerprint}`,
      );
    }
    return new X509Certificate(pem).toString();
  } finally {
    transport.close();
  }
}
