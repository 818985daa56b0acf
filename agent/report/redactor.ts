/** Keeps secrets out of whatever is written for people: the ones it was told of, and anything that looks like one. */

export interface Redactor {
  /**
   * From now on `secret` is never written. Texts of fewer than `least` characters (8 when nothing is said) are no
   * secrets: they would black out ordinary words.
   */
  add(secret: string, least?: number): void;
  clean(text: string): string;
}

const blackout = "[redacted]";
const shortestSecret = 8;

/** What follows a word for a secret, in JSON, in an assignment, in a header or in a URL. */
const named =
  /(["']?(?:[a-z]*key|credential|authorization|password|secret|token)["']?\s*[=:]\s*)(?:Bearer\s+)?("[^"]*"|'[^']*'|[^\s,;&"'}]+)/gi;
const bearer = /\bBearer\s+[A-Za-z0-9._~+/=-]+/g;
/** PEM of a private key. */
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;

export function createRedactor(): Redactor {
  // Longest first, so that one secret inside another does not leave the rest of it readable.
  let secrets: string[] = [];
  return {
    add(secret, least = shortestSecret) {
      if (secret.length < least || secrets.includes(secret)) return;
      secrets = [...secrets, secret].sort((a, b) => b.length - a.length);
    },
    clean(text) {
      let clean = text;
      for (const secret of secrets) clean = clean.replaceAll(secret, blackout);
      return clean
        .replace(privateKey, blackout)
        .replace(bearer, `Bearer ${blackout}`)
        .replace(named, (_, name: string) => `${name}${blackout}`);
    },
  };
}
