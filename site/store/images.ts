/** The library's images, as rows. */
import type { Selectable } from "kysely";
import type { ImageRecord } from "../../contract/administration.ts";
import type { MulticastUse } from "../../contract/common.ts";
import type { Database } from "./schema.ts";
import { tell } from "./site-messages.ts";
import { toNumber, type ImageTable } from "./schema.ts";

const biosBit = 1;
const uefiBit = 2;

export function firmwareBits(firmware: ImageRecord["firmware"]): number {
  return (firmware.includes("bios") ? biosBit : 0) | (firmware.includes("uefi") ? uefiBit : 0);
}

export function firmwareNames(bits: number): ImageRecord["firmware"] {
  const names: ImageRecord["firmware"] = [];
  if (bits & biosBit) names.push("bios");
  if (bits & uefiBit) names.push("uefi");
  return names;
}

export function toRecord(row: Selectable<ImageTable>): ImageRecord {
  return {
    id: row.id,
    name: row.name,
    root: row.root,
    bytes: toNumber(row.bytes),
    contentBytes: toNumber(row.content_bytes),
    smallestDiskBytes: toNumber(row.smallest_disk_bytes),
    sectorBytes: row.sector_bytes === 4096 ? 4096 : 512,
    firmware: firmwareNames(row.firmware),
    imported: row.imported,
    holes: row.holes,
    chunks: row.chunks,
    purpose: row.purpose,
    multicast: row.multicast,
    encrypt: row.encrypt,
  };
}

export class ImageStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async list(purposes: readonly ImageRecord["purpose"][] = ["image"]): Promise<ImageRecord[]> {
    const rows = await this.#database
      .selectFrom("image")
      .selectAll()
      .where("purpose", "in", purposes)
      .orderBy("imported")
      .orderBy("id")
      .execute();
    return rows.map(toRecord);
  }

  async find(id: string): Promise<ImageRecord | undefined> {
    const row = await this.#database.selectFrom("image").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }

  async named(name: string): Promise<ImageRecord | undefined> {
    const row = await this.#database
      .selectFrom("image")
      .selectAll()
      .where("name", "=", name)
      .executeTakeFirst();
    return row && toRecord(row);
  }

  async add(image: ImageRecord): Promise<void> {
    const row = {
      id: image.id,
      name: image.name,
      root: image.root,
      bytes: image.bytes,
      content_bytes: image.contentBytes,
      smallest_disk_bytes: image.smallestDiskBytes,
      sector_bytes: image.sectorBytes,
      firmware: firmwareBits(image.firmware),
      chunks: image.chunks,
      holes: image.holes,
      imported: image.imported,
      purpose: image.purpose,
      multicast: image.multicast,
      encrypt: image.encrypt,
    };
    await this.#database.insertInto("image").values(row).execute();
    if (image.purpose === "image") await tell(this.#database, "imageImported", image.name);
  }

  /** The names of the deployments that use it or cast it now, and the packages that stand for it. */
  async users(id: string): Promise<string[]> {
    const deployments = await this.#database
      .selectFrom("deployment")
      .select("name")
      .where(({ eb, exists, or, selectFrom }) =>
        or([
          eb("image_id", "=", id),
          exists(
            selectFrom("session")
              .select("session.id")
              .whereRef("session.deployment_id", "=", "deployment.id")
              .where("session.image_id", "=", id)
              .where("session.open", "=", true),
          ),
        ]),
      )
      .execute();
    const packages = await this.#database
      .selectFrom("package")
      .select("package_id")
      .where("image_id", "=", id)
      .execute();
    const downloaded = await this.#database
      .selectFrom("session")
      .select("id")
      .where("deployment_id", "is", null)
      .where("image_id", "=", id)
      .where("open", "=", true)
      .executeTakeFirst();
    return [
      ...deployments.map(({ name }) => name),
      ...packages.map((row) => `package ${row.package_id}`),
      ...(downloaded === undefined ? [] : ["machines that download it"]),
    ];
  }

  /** Of these, what is cast encrypted. */
  async encrypted(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#database
      .selectFrom("image")
      .select("id")
      .where("id", "in", ids)
      .where("encrypt", "=", true)
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  async setCasting(id: string, casting: { multicast?: MulticastUse; encrypt?: boolean }): Promise<void> {
    await this.#database.updateTable("image").set(casting).where("id", "=", id).execute();
  }

  async remove(id: string): Promise<void> {
    const gone = await this.#database
      .deleteFrom("image")
      .where("id", "=", id)
      .returning(["name", "purpose"])
      .executeTakeFirst();
    if (gone?.purpose === "image") await tell(this.#database, "imageRemoved", gone.name);
  }
}
