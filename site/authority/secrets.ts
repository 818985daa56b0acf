/** Tokens and keys: made at random, kept as hashes, compared in constant time. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
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

const apiTokenStart = "volley_";

/** Told from other secrets at a glance, by people and by programs that look for what leaked. */
export function newApiToken(): string {
  return `${apiTokenStart}${newToken()}`;
}

export function isApiToken(text: string): boolean {
  return text.startsWith(apiTokenStart);
}

/** What the page shows beside its cookie with each change: who has only the cookie's effect cannot know it. */
export function pageMarkOf(cookie: string): string {
  return createHash("sha256").update("volley page mark\0").update(cookie).digest("base64url");
}
