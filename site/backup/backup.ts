/**
 * A backup of a site: the database at one moment, and every file of the data folder that is not large, the keys among
 * them. Large content is named in it, with its hash, and is copied as the files it is.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../contract/limits.ts";
import { migrationsDone, dumpDatabase } from "../store/dump.ts";
import type { Database } from "../store/schema.ts";
import { writeArchive, type ArchiveLine, type ContentFile } from "./archive.ts";

export interface BackupSource {
  dataFolder: string;
  database: Database;
  /** Of the site's authority. */
  fingerprint: string;
}

/** What belongs to a running process, can be made again, or is in the backup in another form. */
const leftOut =
  /^(database|import|media|pxe|before-upgrade|server\.json|site\.json|site\.log.*|lock-.*|\..*)$/;

/** Throws E_STORE and what writing a file throws; nothing is left of it then but a part of the file. */
export async function writeBackup(source: BackupSource, path: string, passphrase: string): Promise<void> {
  const { database, dataFolder, fingerprint } = source;
  await writeArchive(path, passphrase, async (put) => {
    const migrations = await migrationsDone(database);
    await put({ record: "start", form: 1, made: new Date().toISOString(), fingerprint, migrations });
    let [rows, files] = [0, 0];
    await dumpDatabase(database, (part) => {
      if (part.part === "row") rows += 1;
      return put(lineOf(part));
    });
    const known = await knownContent(database);
    for (const file of filesIn(dataFolder)) {
      files += 1;
      await put(fileLine(dataFolder, file, known));
    }
    await put({ record: "end", rows, files });
  });
}

function lineOf(part: Parameters<Parameters<typeof dumpDatabase>[1]>[0]): ArchiveLine {
  switch (part.part) {
    case "table":
      return { record: "table", name: part.name };
    case "row":
      return { record: "row", json: part.json };
    case "counter":
      return { record: "counter", name: part.name, value: part.value };
  }
}

interface FoundFile {
  path: string;
  bytes: number;
  mode: number;
  changed: string;
}

/** In the order of their names, without what is unfinished: that is never named without a point before it. */
function* filesIn(dataFolder: string, below = ""): Generator<FoundFile> {
  for (const entry of readdirSync(join(dataFolder, below), { withFileTypes: true }).toSorted(byName)) {
    if (below === "" ? leftOut.test(entry.name) : entry.name.startsWith(".")) continue;
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* filesIn(dataFolder, path);
    else if (entry.isFile()) {
      const found = statSync(join(dataFolder, path), { throwIfNoEntry: false });
      // Removed since, as an old file of the library may be at any moment.
      if (found === undefined) continue;
      yield { path, bytes: found.size, mode: found.mode & 0o777, changed: found.mtime.toISOString() };
    }
  }
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);

function fileLine(
  dataFolder: string,
  { bytes, changed, mode, path }: FoundFile,
  known: Map<string, Pick<ContentFile, "name" | "hash">>,
): ArchiveLine {
  if (bytes <= limits.backupFileBytes) {
    const data = readFileSync(join(dataFolder, path)).toString("base64");
    return { record: "file", path, mode, changed, data };
  }
  const { hash, name } = known.get(path) ?? { hash: null, name: null };
  return { record: "content", path, bytes, name, hash };
}

/** By path below the data folder. */
async function knownContent(database: Database): Promise<Map<string, Pick<ContentFile, "name" | "hash">>> {
  const images = await database.selectFrom("image").select(["id", "name", "root"]).execute();
  const packages = await database
    .selectFrom("package")
    .select(["file_id", "package_id", "hash"])
    .where("file_id", "is not", null)
    .execute();
  return new Map([
    ...images.map(
      ({ id, name, root }) => [`library/${id}/content`, { name, hash: `blake3:${root}` }] as const,
    ),
    ...packages.map(
      (row) =>
        [
          `files/${row.file_id}`,
          { name: row.package_id, hash: row.hash === null ? null : `sha256:${row.hash}` },
        ] as const,
    ),
  ]);
}
