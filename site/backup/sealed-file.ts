/**
 * A file that opens with a passphrase alone: a line that names it, a line of JSON with how the key is made of the
 * passphrase (scrypt, RFC 7914), then pieces, each its length (4 bytes, big-endian) and AES-256-GCM's text and tag. A
 * piece's nonce is its number; what is bound to it is the file's head and whether it is the last, so that nothing can be
 * changed, reordered or cut off unseen.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";

const firstLine = "volley-backup 1\n";
const [keyBytes, nonceBytes, tagBytes, lengthBytes] = [32, 12, 16, 4];
const pieceBytes = 1_048_576;
const headBytesMost = 1024;
/** 128 MiB of memory and a good part of a second for each passphrase that somebody tries. */
const cost = { n: 131_072, r: 8, p: 1 };
/** What a file may ask for. */
const memoryBytesMost = 2 ** 30;

const Head = z.object({
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  n: z.int().min(2).max(1_048_576),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(4),
});

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
const keyOf = (passphrase: string, { n, p, r, salt }: z.output<typeof Head>): Promise<Buffer> =>
  derive(passphrase.normalize("NFC"), Buffer.from(salt, "hex"), keyBytes, {
    N: n,
    r,
    p,
    maxmem: memoryBytesMost,
  });

function nonceOf(piece: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeBigUInt64BE(BigInt(piece), nonceBytes - 8);
  return nonce;
}
const boundTo = (head: Buffer, isLast: boolean): Buffer => Buffer.concat([head, Buffer.of(isLast ? 1 : 0)]);

function broken(reason: string, cause?: unknown): VolleyError {
  return new VolleyError("E_BACKUP", reason, { cause });
}

/** To put into a pipeline: takes bytes, gives the file's. */
export function seal(passphrase: string): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    const facts = { salt: randomBytes(16).toString("hex"), ...cost };
    const text = Buffer.from(`${firstLine}${JSON.stringify(facts)}\n`);
    yield text;
    const key = await keyOf(passphrase, facts);
    const head = createHash("sha256").update(text).digest();
    let count = 0;
    const piece = (bytes: Buffer, isLast: boolean): Buffer => {
      const cipher = createCipheriv("aes-256-gcm", key, nonceOf(count)).setAAD(boundTo(head, isLast));
      count += 1;
      const sealed = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32BE(sealed.length);
      return Buffer.concat([length, sealed]);
    };
    let waiting = Buffer.alloc(0);
    for await (const bytes of source) {
      waiting = Buffer.concat([waiting, bytes]);
      for (; waiting.length > pieceBytes; waiting = waiting.subarray(pieceBytes)) {
        yield piece(waiting.subarray(0, pieceBytes), false);
      }
    }
    yield piece(waiting, true);
  };
}

/** The other way. Throws E_BACKUP for another passphrase, another file, and one that is not whole or was changed. */
export function unseal(passphrase: string): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    const reader = new Reader(source);
    const head = await reader.head();
    const key = await keyOf(passphrase, head.facts).catch((error: unknown) => {
      throw broken("Its head is damaged.", error);
    });
    const hash = createHash("sha256").update(head.text).digest();
    for (let count = 0; ; count += 1) {
      const length = (await reader.take(lengthBytes)).readUInt32BE();
      if (length < tagBytes || length > pieceBytes + tagBytes) throw broken("It is damaged.");
      const sealed = await reader.take(length);
      const isLast = await reader.isAtEnd();
      const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(count), { authTagLength: tagBytes });
      decipher.setAAD(boundTo(hash, isLast)).setAuthTag(sealed.subarray(length - tagBytes));
      const bytes = decipher.update(sealed.subarray(0, length - tagBytes));
      try {
        decipher.final();
      } catch (cause) {
        throw broken(
          count === 0
            ? "The passphrase is another one, or the file is damaged."
            : `It is cut off or damaged after ${count} MiB.`,
          cause,
        );
      }
      yield bytes;
      if (isLast) return;
    }
  };
}

/** Exact numbers of bytes out of a stream. */
class Reader {
  readonly #source: AsyncIterator<Buffer>;
  #waiting = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#waiting = Buffer.concat([this.#waiting, next.value]);
    return true;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#waiting.length === 0) if (!(await this.#more())) return true;
    return false;
  }

  async take(length: number): Promise<Buffer> {
    while (this.#waiting.length < length) if (!(await this.#more())) throw broken("It is cut off.");
    const taken = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    return taken;
  }

  async head(): Promise<{ text: Buffer; facts: z.output<typeof Head> }> {
    const second = (): number => this.#waiting.indexOf("\n", firstLine.length);
    while (second() < 0 && this.#waiting.length < headBytesMost && (await this.#more()));
    const text = this.#waiting.subarray(0, second() + 1);
    if (!text.toString("latin1").startsWith(firstLine)) throw broken("It is no backup of a site.");
    let facts: z.output<typeof Head>;
    try {
      facts = Head.parse(JSON.parse(text.subarray(firstLine.length).toString()));
    } catch (error) {
      throw broken("Its head is damaged.", error);
    }
    this.#waiting = this.#waiting.subarray(text.length);
    return { text, facts };
  }
}
