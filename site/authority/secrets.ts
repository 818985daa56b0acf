/** Tokens and keys: made at random, kept as hashes, compared in constant time. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFileDurably } from "../store/files.ts";

export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/** 32 secret bytes in hex. */
export function newKey(): string {
  return randomBytes(32).toString("hex");
}

/** For random secrets of at least 128 bits, which need no slow hash. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

export function matchesHash(secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(secret), "hex"), Buffer.from(hash, "hex"));
}

/** The administrator's token, in a file only its owner reads; made at the first start. */
export function adminToken(path: string): string {
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const token = newToken();
  writeFileDurably(path, `${token}\n`, 0o600);
  return token;
}

/**
 * The page's cookie: until when it counts, and a tag that only the holder of the admin token can make. It outlives
 * a restart of the site, and ends when the token is changed.
 */
export class PageCookie {
  readonly #key: Buffer;

  constructor(token: string) {
    this.#key = createHash("sha256").update("volley page cookie\0").update(token).digest();
  }

  make(expiresMs: number): string {
    return `${expiresMs}.${this.#tag(String(expiresMs)).toString("base64url")}`;
  }

  isValid(value: string, nowMs: number): boolean {
    const dot = value.indexOf(".");
    const expires = value.slice(0, dot);
    const given = Buffer.from(value.slice(dot + 1), "base64url");
    const expected = this.#tag(expires);
    return given.length === expected.length && timingSafeEqual(given, expected) && Number(expires) > nowMs;
  }

  #tag(expires: string): Buffer {
    return createHmac("sha256", this.#key).update(expires).digest();
  }
}
