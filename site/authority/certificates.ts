/** X.509 for the site: an authority that signs nothing but this site's own server certificates. */
import "reflect-metadata";
import { randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 3072,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
};
export type KeyKind = "ec" | "rsa";
const dayMs = 86_400_000;
const authorityDays = 3650;
/** What clients accept at most. */
const serverDays = 397;
/** A point asks for the next one while it has more than a month left; one that is lost cannot, and ends. */
const pointDays = 60;
const renewBeforeDays = 30;
/** Machines that boot into a small system may have a clock that is a day behind. */
const backdateDays = 2;
/** No host has that name: processes of a site know each other's certificates by fingerprint. */
const peerName = "process.invalid";
const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;

/** PEM both: the certificate, and the key as PKCS #8. */
export interface CertifiedKey {
  certificate: string;
  key: string;
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateDays * dayMs), notAfter: new Date(now + days * dayMs) };
}

/** Positive, as DER wants it, and never the same twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function newKeys(kind: KeyKind = "ec"): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(kind === "ec" ? algorithm : rsa, true, ["sign", "verify"]);
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY") + "\n";
}

export async function makeAuthority(): Promise<CertifiedKey> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Names differ, so that a client that knows several sites' authorities finds the right one.
    name: `CN=Volley site authority ${randomBytes(4).toString("hex")}`,
    ...validity(authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem") + "\n", key: await keyToPem(keys.privateKey) };
}

/** A certificate for all of `names` (IP addresses and host names), with a key of its own. */
export async function makeServerCertificate(
  authority: CertifiedKey,
  names: string[],
  kind: KeyKind = "ec",
): Promise<CertifiedKey> {
  const keys = await newKeys(kind);
  const subject = { name: "Volley site", publicKey: keys.publicKey, days: serverDays };
  const certificate = await issue(authority, subject, names);
  return { certificate, key: await keyToPem(keys.privateKey) };
}

/**
 * For a process of the site, with a key that lives no longer than it: the only certificate of the authority by which a
 * client may show who it is.
 */
export async function makePeerCertificate(authority: CertifiedKey): Promise<CertifiedKey> {
  const keys = await newKeys();
  const subject = { name: "Volley site process", publicKey: keys.publicKey, days: authorityDays };
  const certificate = await issue(authority, subject, [peerName], [clientAuth, serverAuth]);
  return { certificate, key: await keyToPem(keys.privateKey) };
}

/** For a distribution point, whose key (ECDSA P-256, SPKI in PEM) is its own. Throws for what is no such key. */
export async function certifyPoint(
  authority: CertifiedKey,
  address: string,
  publicKeyPem: string,
): Promise<string> {
  const [encoded] = x509.PemConverter.decode(publicKeyPem);
  if (!encoded) throw new Error("the point's key is not in PEM");
  const publicKey = await webcrypto.subtle.importKey("spki", encoded, algorithm, true, ["verify"]);
  return await issue(authority, { name: "Volley distribution point", publicKey, days: pointDays }, [address]);
}

async function issue(
  authority: CertifiedKey,
  subject: { name: string; publicKey: webcrypto.CryptoKey; days: number },
  names: string[],
  usages: x509.ExtendedKeyUsageType[] = [serverAuth],
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const [encoded] = x509.PemConverter.decode(authority.key);
  if (!encoded) throw new Error("the authority's key is not in PEM");
  const signingKey = await webcrypto.subtle.importKey("pkcs8", encoded, algorithm, false, ["sign"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${subject.name}`,
    issuer: issuer.subject,
    ...validity(subject.days),
    signingAlgorithm: algorithm,
    publicKey: subject.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) ? ("ip" as const) : ("dns" as const), value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(subject.publicKey),
    ],
  });
  return certificate.toString("pem") + "\n";
}

/** ECDSA P-256: the key as PKCS #8 and its public half as SPKI, in PEM both. */
export async function newPointKeys(): Promise<{ key: string; publicKey: string }> {
  const keys = await newKeys();
  const spki = await webcrypto.subtle.exportKey("spki", keys.publicKey);
  const publicKey = x509.PemConverter.encode(spki, "PUBLIC KEY") + "\n";
  return { key: await keyToPem(keys.privateKey), publicKey };
}

/** SHA-256 of the certificate, as people compare it: AA:BB:… */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256;
}

/** Whether a server certificate still does: signed by this authority, for exactly these names, not about to end. */
export function isCurrent(certificate: string, authority: string, names: string[]): boolean {
  const parsed = new X509Certificate(certificate);
  if (!parsed.verify(new X509Certificate(authority).publicKey)) return false;
  if (Date.parse(parsed.validTo) - Date.now() < renewBeforeDays * dayMs) return false;
  const stated = (parsed.subjectAltName ?? "")
    .split(", ")
    .map((name) => name.replace(/^(DNS|IP Address):/, ""));
  return stated.length === names.length && names.every((name) => stated.includes(name));
}
