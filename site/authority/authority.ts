/** The site's authority folder: its certificate authority, its server certificate and its manifest key. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { makeFolder, writeFileDurably } from "../store/files.ts";
import {
  certifyPoint,
  fingerprintOf,
  isCurrent,
  makeAuthority,
  makePeerCertificate,
  makeServerCertificate,
  type CertifiedKey,
  type KeyKind,
} from "./certificates.ts";

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly fingerprint: string;
  /** The certificate the server shows, issued anew when `names` or the kind changed or it is about to end. */
  serverCertificate(names: string[], kind: KeyKind): Promise<CertifiedKey>;
  /** Ed25519 public key in SPKI PEM: what manifests are signed with. */
  readonly manifestKey: string;
  signManifest(bytes: Uint8Array): Buffer;
  verifyManifest(bytes: Uint8Array, signature: Uint8Array): boolean;
  /** A distribution point's server certificate, PEM, for its own key (ECDSA P-256, SPKI in PEM). */
  certifyPoint(address: string, publicKey: string): Promise<string>;
  /** By which a process of the site knows another; made anew with each call and kept nowhere. */
  peerCertificate(): Promise<CertifiedKey>;
}

/**
 * Keys are made at the first start and then kept; the server's certificate in a folder of its own where several processes,
 * each with its addresses, have the authority in common. Throws E_STORE.
 */
export async function openAuthority(folder: string, serverFolder = folder): Promise<Authority> {
  try {
    makeFolder(folder);
    makeFolder(serverFolder);
    const authority = await keptPair(folder, "authority", makeAuthority);
    const manifestKey = keptManifestKey(folder);
    const manifestPublicKey = createPublicKey(manifestKey);
    return {
      certificate: authority.certificate,
      fingerprint: fingerprintOf(authority.certificate),
      serverCertificate: (names, kind) => currentServerCertificate(serverFolder, authority, names, kind),
      manifestKey: manifestPublicKey.export({ type: "spki", format: "pem" }).toString(),
      signManifest: (bytes) => sign(null, bytes, manifestKey),
      verifyManifest: (bytes, signature) => verify(null, bytes, manifestPublicKey, signature),
      certifyPoint: (address, publicKey) => certifyPoint(authority, address, publicKey),
      peerCertificate: () => makePeerCertificate(authority),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new VolleyError("E_STORE", `The site's keys in ${folder} cannot be opened: ${message}`, {
      cause: error,
    });
  }
}

/** NAME.key is written first: a certificate without its key would be of no use. */
async function keptPair(
  folder: string,
  name: string,
  make: () => Promise<CertifiedKey>,
): Promise<CertifiedKey> {
  const certificatePath = join(folder, `${name}.pem`);
  const keyPath = join(folder, `${name}.key`);
  if (existsSync(certificatePath) && existsSync(keyPath)) {
    return { certificate: readFileSync(certificatePath, "utf8"), key: readFileSync(keyPath, "utf8") };
  }
  const made = await make();
  writeFileDurably(keyPath, made.key, 0o600);
  writeFileDurably(certificatePath, made.certificate, 0o644);
  return made;
}

async function currentServerCertificate(
  folder: string,
  authority: CertifiedKey,
  names: string[],
  kind: KeyKind,
): Promise<CertifiedKey> {
  const issue = () => makeServerCertificate(authority, names, kind);
  const kept = await keptPair(folder, "server", issue);
  // A cut between the two writes leaves a key that is not the certificate's; it is made anew as well.
  const ofKey = createPublicKey(kept.key);
  const publicOfKey = ofKey.export({ type: "spki", format: "pem" });
  const publicOfCertificate = createPublicKey(kept.certificate).export({ type: "spki", format: "pem" });
  const isOfKind = ofKey.asymmetricKeyType === kind && publicOfKey === publicOfCertificate;
  if (isOfKind && isCurrent(kept.certificate, authority.certificate, names)) {
    return kept;
  }
  const made = await issue();
  writeFileDurably(join(folder, "server.key"), made.key, 0o600);
  writeFileDurably(join(folder, "server.pem"), made.certificate, 0o644);
  return made;
}

function keptManifestKey(folder: string): KeyObject {
  const path = join(folder, "manifest.key");
  if (existsSync(path)) return createPrivateKey(readFileSync(path));
  const { privateKey } = generateKeyPairSync("ed25519");
  writeFileDurably(path, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  return privateKey;
}
