/** Keeps secrets of the database under a key that is in a file beside it: AES-256-GCM, each under a nonce of its own. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import { writeFileDurably } from "../store/files.ts";

/** No variable begins so: it is what a person cannot type. */
const start = "\u0001sealed:";
const [keyBytes, nonceBytes, tagBytes] = [32, 12, 16];

export class Vault {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  isSealed(text: string): boolean {
    return text.startsWith(start);
  }

  /** `what` the secret is of: what was sealed opens for that alone. */
  seal(text: string, what: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(Buffer.from(what));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return start + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
  }

  /** Throws E_STORE: it is another site's, or was changed. */
  open(text: string, what: string): string {
    const bytes = Buffer.from(text.slice(start.length), "base64");
    try {
      const nonce = bytes.subarray(0, nonceBytes);
      const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
      const cipher = createDecipheriv("aes-256-gcm", this.#key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(what)).setAuthTag(tag);
      return cipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, "utf8") + cipher.final("utf8");
    } catch (cause) {
      throw new VolleyError("E_STORE", `The secret ${what} is not under this site's key.`, { cause });
    }
  }
}

/** The key in that file, which only its owner reads; made at the first start. Throws E_STORE. */
export function openVault(path: string): Vault {
  if (!existsSync(path)) writeFileDurably(path, `${randomBytes(keyBytes).toString("hex")}\n`, 0o600);
  const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
  if (key.length !== keyBytes) throw new VolleyError("E_STORE", `${path} is no key of a site.`);
  return new Vault(key);
}
