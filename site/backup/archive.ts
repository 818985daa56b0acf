/**
 * What is inside a backup: lines, compressed. A line that begins with "{" is one of the records below; one that begins with
 * "r" is a row of the table that was named last.
 */
import { createReadStream, createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { seal, unseal } from "./sealed-file.ts";

export const Start = z.object({
  record: z.literal("start"),
  form: z.literal(1),
  made: z.iso.datetime(),
  /** Of the site's authority, SHA-256. */
  fingerprint: z.string(),
  /** What the database had been through. */
  migrations: z.array(z.string()),
});
/** Below the data folder, of plain names. */
const Path = z
  .string()
  .max(1000)
  .regex(/^(?!\.)[^/\0]+(\/(?!\.)[^/\0]+)*$/);
export const ContentFile = z.object({
  path: Path,
  bytes: z.int().nonnegative(),
  /** Of the image or package, null for what is neither. */
  name: z.string().nullable(),
  /** "blake3:" and the root of the image that it holds, or "sha256:" of the file; null where the site keeps none. */
  hash: z.string().nullable(),
});
export type ContentFile = z.output<typeof ContentFile>;

export const ArchiveRecord = z.discriminatedUnion("record", [
  Start,
  z.object({ record: z.literal("table"), name: z.string() }),
  z.object({ record: z.literal("counter"), name: z.string(), value: z.string().regex(/^-?\d+$/) }),
  z.object({
    record: z.literal("file"),
    path: Path,
    mode: z.int(),
    /** When it was written; earlier versions did not say. */
    changed: z.iso.datetime().optional(),
    data: z.base64(),
  }),
  /** What is too large to be in a backup. */
  z.object({ record: z.literal("content"), ...ContentFile.shape }),
  z.object({ record: z.literal("end"), rows: z.int(), files: z.int() }),
]);
export type ArchiveRecord = z.output<typeof ArchiveRecord>;
export type ArchiveLine = ArchiveRecord | { record: "row"; json: string };

const lineOf = (line: ArchiveLine): string =>
  line.record === "row" ? `r${line.json}\n` : `${JSON.stringify(line)}\n`;

/** Makes the file, which must not be there; durable when this resolves. */
export async function writeArchive(
  path: string,
  passphrase: string,
  fill: (put: (line: ArchiveLine) => Promise<void>) => Promise<void>,
): Promise<void> {
  const gzip = createGzip({ level: 6 });
  const ended = new AbortController();
  const written = pipeline(
    gzip,
    seal(passphrase),
    createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }),
    { signal: ended.signal },
  );
  const put = async (line: ArchiveLine): Promise<void> => {
    if (gzip.write(lineOf(line))) return;
    await new Promise<void>((resolve, reject) => {
      gzip.once("drain", resolve);
      written.catch(reject);
    });
  };
  try {
    await fill(put);
    gzip.end();
    await written;
  } catch (error) {
    ended.abort();
    await written.catch(() => undefined);
    throw error;
  }
}

/** Every line, in order. Throws E_BACKUP, E_SOURCE_READ. Nothing is to be relied upon before the record "end" came. */
export async function* readArchive(path: string, passphrase: string): AsyncGenerator<ArchiveLine> {
  const gunzip = createGunzip();
  const lines = gunzip;
  const reading = pipeline(createReadStream(path), unseal(passphrase), gunzip);
  // What it fails with comes out of the lines, too.
  reading.catch((error: Error) => lines.destroy(error));
  try {
    for await (const text of splitLines(lines)) yield parseLine(text);
    await reading;
  } catch (error) {
    throw asFailure(path, error);
  } finally {
    lines.destroy();
  }
}

async function* splitLines(source: Readable): AsyncGenerator<string> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const piece of source as AsyncIterable<Buffer>) {
    let rest = piece;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield Buffer.concat([...waiting, rest.subarray(0, end)]).toString();
      [waiting, bytes] = [[], 0];
      rest = rest.subarray(end + 1);
    }
    waiting.push(rest);
    bytes += rest.length;
    if (bytes > limits.backupLineBytes) throw new VolleyError("E_BACKUP", "A line of it is too long.");
  }
  if (bytes > 0) throw new VolleyError("E_BACKUP", "Its last line is cut off.");
}

function parseLine(text: string): ArchiveLine {
  if (text.startsWith("r")) return { record: "row", json: text.slice(1) };
  return ArchiveRecord.parse(JSON.parse(text));
}

function asFailure(path: string, error: unknown): VolleyError {
  if (error instanceof VolleyError) {
    return new VolleyError(error.code, `${path}: ${error.detail}`, { cause: error });
  }
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return new VolleyError("E_SOURCE_READ", `${path}: ${message}`, { cause: error });
  return new VolleyError("E_BACKUP", `${path}: what is in it is not understood (${code ?? message}).`, {
    cause: error,
  });
}
