/** A zip file as the folder that was packed into it. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import yauzl, { type Entry, type Options, type ZipFile } from "yauzl";
import { VolleyError } from "../../contract/errors.ts";

const openZip = promisify<string, Options, ZipFile>((path, options, done) => yauzl.open(path, options, done));

/** yauzl refuses names that lead out of the folder. Throws E_SOURCE_READ. */
export async function unpackZip(path: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const zip = await openZip(path, { lazyEntries: true });
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        zip.close();
        reject(error);
      };
      zip.on("error", fail);
      zip.on("end", () => resolve());
      zip.on("entry", (entry: Entry) => void unpack(zip, entry, folder).then(() => zip.readEntry(), fail));
      zip.readEntry();
    });
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function unpack(zip: ZipFile, entry: Entry, folder: string): Promise<void> {
  const place = join(folder, entry.fileName);
  if (entry.fileName.endsWith("/")) {
    await mkdir(place, { recursive: true });
    return;
  }
  await mkdir(dirname(place), { recursive: true });
  const stream = await promisify((done: Parameters<ZipFile["openReadStream"]>[1]) =>
    zip.openReadStream(entry, done),
  )();
  if (stream === undefined) throw new Error(`${entry.fileName} cannot be read`);
  await pipeline(stream, createWriteStream(place, { flags: "wx" }));
}
