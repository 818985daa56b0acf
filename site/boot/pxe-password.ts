/**
 * The password that is asked for before a computer boots from the network. iPXE proves it by HTTP's digest
 * authentication (RFC 7616 with MD5, which is what iPXE has), so that it crosses the network in no readable form; GRUB
 * checks it by itself, against a PBKDF2 hash in its configuration.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { limits } from "../../contract/limits.ts";
import type { PxePasswordProof } from "../store/password-proofs.ts";

/** What has to be given as the name beside it. */
export const passwordUser = "volley";
const realm = "Volley";
const iterations = 10_000;
const hashBytes = 64;

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

export function proofOf(password: string): PxePasswordProof {
  const salt = randomBytes(hashBytes);
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, "sha512");
  const hex = (bytes: Buffer): string => bytes.toString("hex").toUpperCase();
  return {
    digest: md5(`${passwordUser}:${realm}:${password}`),
    grub: `grub.pbkdf2.sha512.${iterations}.${hex(salt)}.${hex(hash)}`,
  };
}

/** Challenges and checks answers to them; a challenge counts for a while, and only from the one who made it. */
export class PasswordGate {
  readonly #key = randomBytes(32);

  /** The value of WWW-Authenticate. */
  challenge(nowMs: number): string {
    return `Digest realm="${realm}", qop="auth", algorithm=MD5, nonce="${this.#nonce(nowMs)}"`;
  }

  /** `authorization` is the header's value. */
  opens(proof: PxePasswordProof, request: { method: string; authorization: string; nowMs: number }): boolean {
    const fields = digestFields(request.authorization);
    const { nonce = "", uri = "", qop = "", nc = "", cnonce = "", response = "" } = fields;
    if (fields["username"] !== passwordUser || !this.#isFresh(nonce, request.nowMs)) return false;
    const second = md5(`${request.method}:${uri}`);
    const middle = qop === "auth" ? `${nonce}:${nc}:${cnonce}:${qop}` : nonce;
    const expected = Buffer.from(md5(`${proof.digest}:${middle}:${second}`));
    const given = Buffer.from(response.toLowerCase());
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #nonce(nowMs: number): string {
    const tag = createHmac("sha256", this.#key).update(String(nowMs)).digest("hex").slice(0, 32);
    return `${nowMs}-${tag}`;
  }

  #isFresh(nonce: string, nowMs: number): boolean {
    const madeMs = Number(nonce.split("-")[0]);
    if (!(madeMs <= nowMs && nowMs - madeMs < limits.pxeNonceMs)) return false;
    const expected = Buffer.from(this.#nonce(madeMs));
    const given = Buffer.from(nonce);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function digestFields(authorization: string): Record<string, string> {
  if (!/^Digest /i.test(authorization)) return {};
  const pairs = authorization.slice("Digest ".length).matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,"]+))/gi);
  return Object.fromEntries(
    [...pairs].map(([, name = "", quoted, bare]) => [name.toLowerCase(), quoted ?? bare ?? ""]),
  );
}
