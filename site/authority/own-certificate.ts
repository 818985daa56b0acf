/**
 * A certificate of the site's owner, for people and programs that come by a host name that it names. Machines come by
 * address, or by a name of the site's own certificate, and trust the site's authority alone. The files are looked at
 * now and then, so that a renewed certificate is used without a restart.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { KeyKind } from "./certificates.ts";
import type { Log } from "../log.ts";

export interface CertificateFiles {
  certificatePath: string;
  keyPath: string;
}
export interface OwnCertificate {
  /**
   * Which kind of key the site's own certificate has to have beside this one: Node puts a certificate into the place of
   * the default's key kind and leaves one of another kind, which the client may then choose.
   */
  readonly kind: KeyKind;
  /** Null: the certificate does not name that host, or there is none. */
  contextFor(host: string): SecureContext | null;
  stop(): void;
}

/** Throws E_CERTIFICATE for what cannot be used now; later the last good one stays, and the log says why. */
export function watchCertificate(files: CertificateFiles | null, log: Log): OwnCertificate {
  if (files === null) return { kind: "ec", contextFor: () => null, stop: () => undefined };
  let seen = stampOf(files);
  let current = load(files);
  const { kind } = current;
  const timer = setInterval(() => {
    const stamp = stampOf(files);
    if (stamp === seen) return;
    seen = stamp;
    try {
      const fresh = load(files);
      if (fresh.kind !== kind) {
        throw new VolleyError("E_CERTIFICATE", `A key of kind ${fresh.kind} needs a restart of the site.`);
      }
      current = fresh;
      log.info(`certificate ${files.certificatePath} is used anew, until ${current.certificate.validTo}`);
    } catch (error) {
      log.error(`${toVolleyError(error).detail} The one before stays.`);
    }
  }, limits.certificateLookMs);
  timer.unref();
  return {
    kind,
    contextFor: (host) => (current.certificate.checkHost(host) === undefined ? null : current.context),
    stop: () => clearInterval(timer),
  };
}

function stampOf({ certificatePath, keyPath }: CertificateFiles): string {
  return [certificatePath, keyPath]
    .map((path) => {
      const status = statSync(path, { throwIfNoEntry: false });
      return `${status?.ino} ${status?.mtimeMs} ${status?.size}`;
    })
    .join(" ");
}

interface Loaded {
  certificate: X509Certificate;
  context: SecureContext;
  kind: KeyKind;
}

function load(files: CertificateFiles): Loaded {
  const { certificatePath, keyPath } = files;
  const refuse = (why: string, cause?: unknown): VolleyError =>
    new VolleyError("E_CERTIFICATE", `${certificatePath} with ${keyPath}: ${why}.`, { cause });
  let certificate: X509Certificate;
  let context: SecureContext;
  try {
    const [cert, key] = [readFileSync(certificatePath), readFileSync(keyPath)];
    certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      throw new Error("the key is another certificate's");
    }
    context = createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  const now = Date.now();
  const { validFrom, validTo } = certificate;
  if (Date.parse(validFrom) > now) throw refuse(`it is valid only from ${validFrom} on`);
  if (Date.parse(validTo) <= now) throw refuse(`it ended on ${validTo}`);
  if (!/\bDNS:/.test(certificate.subjectAltName ?? "")) {
    throw refuse("it names no host, and who comes by an address is shown the site's own");
  }
  const kind = certificate.publicKey.asymmetricKeyType;
  if (kind !== "rsa" && kind !== "ec") throw refuse(`its key is of kind ${kind}, not RSA or ECDSA`);
  return { certificate, context, kind };
}
