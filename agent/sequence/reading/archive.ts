/**
 * The console's export: a zip with `SMS_TaskSequencePackage/<ID>/object.xml` for each sequence. Nothing is written
 * anywhere: entries are only looked at by name, and those are inflated in memory, counted by the bytes that really
 * come out of them.
 */
import { crc32 } from "node:zlib";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { readingLimits } from "./limits.ts";
import { quoted, tooLarge, unreadable } from "./problems.ts";

export interface ArchivedObject {
  /** The folder's name, "CHQ00025". */
  packageId: string;
  /** Name in the archive. */
  entry: string;
  bytes: Buffer;
}

const objectName = /^SMS_TaskSequencePackage\/([^/]+)\/object\.xml$/i;
const stored = 0;
const deflated = 8;

export function isArchive(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes.length >= 4 && (bytes[2] ?? 0) < 9;
}

/** Rejects with E_SEQUENCE_UNREADABLE or E_SEQUENCE_TOO_LARGE; at least one object otherwise, in the archive's order. */
export async function readArchive(bytes: Uint8Array): Promise<ArchivedObject[]> {
  const zip = await open(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    if (zip.entryCount > readingLimits.archiveEntries) {
      throw tooLarge(`The archive has ${zip.entryCount} entries; ${readingLimits.archiveEntries} are read`);
    }
    const found = await sequenceEntries(zip);
    const budget = { left: readingLimits.inflatedBytes };
    const objects: ArchivedObject[] = [];
    for (const { entry, packageId } of found) {
      objects.push({ packageId, entry: entry.fileName, bytes: await inflate(zip, entry, budget) });
    }
    return objects;
  } finally {
    zip.close();
  }
}

function open(bytes: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true };
    yauzl.fromBuffer(bytes, options, (error, zip) => {
      if (error === null) resolve(zip);
      else reject(damaged(error));
    });
  });
}

/** Names with `..`, absolute ones and the like are refused for every entry, also those that would not be read. */
function sequenceEntries(zip: ZipFile): Promise<{ entry: Entry; packageId: string }[]> {
  return new Promise((resolve, reject) => {
    const found: { entry: Entry; packageId: string }[] = [];
    zip.on("error", (error: Error) => reject(damaged(error)));
    zip.on("end", () => {
      if (found.length > 0) resolve(found);
      else {
        reject(
          unreadable(
            "The archive has no SMS_TaskSequencePackage/<ID>/object.xml: it is no export of a task sequence",
          ),
        );
      }
    });
    zip.on("entry", (entry: Entry) => {
      const packageId = objectName.exec(entry.fileName)?.[1];
      if (packageId !== undefined) found.push({ entry, packageId });
      if (found.length > readingLimits.sequencesPerArchive) {
        reject(tooLarge(`The archive has more than ${readingLimits.sequencesPerArchive} task sequences`));
        return;
      }
      zip.readEntry();
    });
    zip.readEntry();
  });
}

function inflate(zip: ZipFile, entry: Entry, budget: { left: number }): Promise<Buffer> {
  const name = quoted(entry.fileName);
  if (entry.isEncrypted()) {
    throw unreadable(`${name} in the archive is encrypted: export the sequence without a password`);
  }
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw unreadable(
      `${name} in the archive is packed by method ${entry.compressionMethod}, which is not read`,
    );
  }
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error !== null) {
        reject(damaged(error, name));
        return;
      }
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => {
        budget.left -= piece.length;
        if (budget.left < 0) {
          reject(tooLarge(`The archive unpacks to more than ${readingLimits.inflatedBytes} bytes`));
          stream.destroy();
          return;
        }
        pieces.push(piece);
      });
      stream.on("error", (failure) => reject(damaged(failure, name)));
      stream.on("end", () => {
        const whole = Buffer.concat(pieces);
        if (crc32(whole) === entry.crc32) resolve(whole);
        else {
          reject(unreadable(`${name} in the archive is damaged: its checksum is not the one noted for it`));
        }
      });
    });
  });
}

function damaged(error: Error, name?: string): Error {
  const where = name === undefined ? "The archive" : `${name} in the archive`;
  return unreadable(`${where} cannot be read: ${error.message}`, error);
}
