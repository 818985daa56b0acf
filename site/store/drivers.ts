/** What the INF files of packages of drivers are for, as rows. */
import type { DriverRecord } from "../../contract/sequence.ts";
import type { Database } from "./schema.ts";

export interface ReadDriver extends Omit<DriverRecord, "packageId" | "identifiers"> {
  /** In capitals. */
  identifiers: string[];
}

/** Rows of one statement: a database takes so many parameters. */
const rowsAtOnce = 2000;

export class DriverStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  async isRead(packageId: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("package")
      .select("drivers_read")
      .where("package_id", "=", packageId)
      .executeTakeFirst();
    return row?.drivers_read ?? false;
  }

  /** All of a package's, in the place of what was known. */
  async set(packageId: string, drivers: readonly ReadDriver[]): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom("driver").where("package_id", "=", packageId).execute();
      for (const { className, date, identifiers, path, provider, version } of drivers) {
        await transaction
          .insertInto("driver")
          .values({
            package_id: packageId,
            path,
            provider,
            class_name: className,
            date,
            version,
            identifiers: identifiers.length,
          })
          .execute();
        for (let from = 0; from < identifiers.length; from += rowsAtOnce) {
          const rows = identifiers
            .slice(from, from + rowsAtOnce)
            .map((identifier) => ({ identifier, package_id: packageId, path }));
          await transaction.insertInto("driver_identifier").values(rows).execute();
        }
      }
      await transaction
        .updateTable("package")
        .set({ drivers_read: true })
        .where("package_id", "=", packageId)
        .execute();
    });
  }

  /** Those for a device with that identifier, in any case; without one all. */
  async list(identifier: string | undefined): Promise<DriverRecord[]> {
    let wanted = this.#database.selectFrom("driver").selectAll("driver");
    if (identifier !== undefined) {
      wanted = wanted
        .innerJoin("driver_identifier", (join) =>
          join
            .onRef("driver_identifier.package_id", "=", "driver.package_id")
            .onRef("driver_identifier.path", "=", "driver.path"),
        )
        .where("driver_identifier.identifier", "=", identifier.toUpperCase());
    }
    const rows = await wanted.orderBy("driver.package_id").orderBy("driver.path").execute();
    return rows.map(({ class_name: className, package_id: packageId, ...row }) => ({
      ...row,
      packageId,
      className,
    }));
  }

  /** Packages with a driver for one of the identifiers, and those of drivers that are not read yet. */
  async packagesFor(identifiers: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    const unread = await this.#database
      .selectFrom("package")
      .select("package_id")
      .where("driver_category", "is not", null)
      .where("drivers_read", "=", false)
      .execute();
    for (const row of unread) found.add(row.package_id);
    for (let from = 0; from < identifiers.length; from += rowsAtOnce) {
      const rows = await this.#database
        .selectFrom("driver_identifier")
        .select("package_id")
        .distinct()
        .where(
          "identifier",
          "in",
          identifiers.slice(from, from + rowsAtOnce).map((one) => one.toUpperCase()),
        )
        .execute();
      for (const row of rows) found.add(row.package_id);
    }
    return found;
  }
}
