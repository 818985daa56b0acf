/** Packages, as rows: folders and files in the file library, and images under the names that sequences use. */
import type { Selectable } from "kysely";
import type { MulticastUse } from "../../contract/common.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import type { Database } from "./schema.ts";
import { toNumber } from "./schema.ts";
import type { PackageTable } from "./sequence-tables.ts";

export interface StoredPackage extends PackageRecord {
  /** Null for an image. */
  fileId: string | null;
}

export class PackageStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async list(): Promise<StoredPackage[]> {
    const rows = await this.#database.selectFrom("package").selectAll().orderBy("package_id").execute();
    return rows.map(toStored);
  }

  /** In any case. */
  async find(packageId: string): Promise<StoredPackage | undefined> {
    const row = await this.#database
      .selectFrom("package")
      .selectAll()
      .where("package_id", "=", packageId.toUpperCase())
      .executeTakeFirst();
    return row && toStored(row);
  }

  /** Shared with nobody at first. */
  async add(added: Omit<StoredPackage, "shared">): Promise<void> {
    await this.#database
      .insertInto("package")
      .values({
        package_id: added.packageId.toUpperCase(),
        name: added.name,
        kind: added.kind,
        file_id: added.fileId,
        file_name: added.fileName,
        bytes: added.bytes,
        hash: added.hash,
        image_id: added.imageId,
        multicast: added.multicast,
        encrypt: added.encrypt,
        driver_category: added.driverCategory,
        programs: JSON.stringify(added.programs),
        added: added.added,
      })
      .execute();
  }

  /** False when there is none. */
  async share(packageId: string, shared: boolean): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable("package")
      .set({ shared })
      .where("package_id", "=", packageId.toUpperCase())
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /** Whether a package that every machine may have is cast as this image. */
  async isShared(imageId: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("package")
      .select("package_id")
      .where("image_id", "=", imageId)
      .where("shared", "=", true)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Null: nothing is cast in its place. */
  async setContent(packageId: string, imageId: string | null): Promise<void> {
    await this.#database
      .updateTable("package")
      .set({ image_id: imageId })
      .where("package_id", "=", packageId)
      .execute();
  }

  /** Of what is not in the library any more. */
  async dropContent(imageId: string): Promise<void> {
    await this.#database
      .updateTable("package")
      .set({ image_id: null })
      .where("image_id", "=", imageId)
      .execute();
  }

  async setCasting(
    packageId: string,
    casting: { multicast?: MulticastUse; encrypt?: boolean },
  ): Promise<void> {
    await this.#database.updateTable("package").set(casting).where("package_id", "=", packageId).execute();
  }

  async remove(packageId: string): Promise<void> {
    await this.#database.deleteFrom("package").where("package_id", "=", packageId.toUpperCase()).execute();
  }
}

function toStored(row: Selectable<PackageTable>): StoredPackage {
  const { added, hash, kind, name, shared } = row;
  return {
    packageId: row.package_id,
    name,
    kind,
    fileId: row.file_id,
    fileName: row.file_name,
    bytes: toNumber(row.bytes),
    hash,
    imageId: row.image_id,
    multicast: row.multicast,
    encrypt: row.encrypt,
    driverCategory: row.driver_category,
    programs: row.programs,
    added,
    shared,
  };
}
