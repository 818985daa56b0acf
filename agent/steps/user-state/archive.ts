/**
 * A store of users' files made without USMT: a compressed tar archive, encrypted with AES-256 in Galois/Counter Mode.
 * The file is: 8 bytes of mark, 12 of nonce, the encrypted archive, 16 of tag. Nothing of it is used before the tag was
 * found right.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";

const mark = Buffer.from("VOLSTATE", "latin1");
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = mark.length + nonceBytes;
const algorithm = "aes-256-gcm";

/** `key`: 64 hexadecimal digits. What was at `target` is replaced. */
export async function encryptFile(source: string, target: string, key: string): Promise<void> {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, keyBytes(key), nonce);
  cipher.setAAD(mark);
  const output = createWriteStream(target, { mode: 0o600 });
  output.write(Buffer.concat([mark, nonce]));
  await pipeline(createReadStream(source), cipher, output, { end: false });
  await new Promise<void>((resolve, reject) => {
    output.once("error", reject);
    output.end(cipher.getAuthTag(), resolve);
  });
}

/** Throws StepFailure for a wrong key or a changed file; nothing is at `target` then. */
export async function decryptFile(source: string, target: string, key: string): Promise<void> {
  const { size } = await stat(source);
  const handle = await open(source, "r");
  const head = Buffer.alloc(headBytes);
  const tag = Buffer.alloc(tagBytes);
  try {
    await handle.read(head, 0, headBytes, 0);
    await handle.read(tag, 0, tagBytes, Math.max(size - tagBytes, 0));
  } finally {
    await handle.close();
  }
  if (size < headBytes + tagBytes || !head.subarray(0, mark.length).equals(mark)) {
    throw new StepFailure(codes.invalidData, `${source} is no store of user state`);
  }
  const decipher = createDecipheriv(algorithm, keyBytes(key), head.subarray(mark.length));
  decipher.setAAD(mark);
  decipher.setAuthTag(tag);
  try {
    const end = size - tagBytes - 1;
    const archive = end < headBytes ? Readable.from([]) : createReadStream(source, { start: headBytes, end });
    await pipeline(archive, decipher, createWriteStream(target, { mode: 0o600 }));
  } catch (error) {
    await rm(target, { force: true });
    if (typeof (error as NodeJS.ErrnoException).syscall === "string") throw error;
    throw new StepFailure(codes.invalidData, `${source} was changed, or was made with another key`);
  }
}

function keyBytes(key: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(key)) throw new StepFailure(codes.invalidData, "The state store gave no key");
  return Buffer.from(key, "hex");
}
