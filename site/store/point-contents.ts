/** What is copied to distribution points in other buildings: images and packages that were named, or all of a kind. */
import { sql, type Selectable } from "kysely";
import type { PointPackage, PointRecord } from "../../contract/point.ts";
import type { PointTable } from "./point-tables.ts";
import { toNumber, type Database } from "./schema.ts";

export type PointContent = Pick<PointRecord, "images" | "packages">;
type PointRow = Pick<Selectable<PointTable>, "id" | "all_images" | "all_packages">;
/** Where it is kept what was named. */
const named = {
  image: { table: "point_image", column: "image_id" },
  package: { table: "point_package", column: "package_id" },
} as const;
type Change = { add: string[]; remove: string[] };

/** Identifiers of all images that are to be at a point, for packages too; those of its images first. */
export function imagesAt({ images, packages }: PointContent): string[] {
  return [...new Set([...images, ...packages.flatMap(({ imageId }) => imageId ?? [])])];
}

export class PointContents {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** By point, each of them in one number of queries, however many points and images there are. */
  async of(points: readonly PointRow[]): Promise<(point: PointRow) => PointContent> {
    const [images, packages] = [await this.#images(points), await this.#packages(points)];
    return (point) => ({ images: images(point), packages: packages(point) });
  }

  async #images(points: readonly PointRow[]): Promise<(point: PointRow) => string[]> {
    const choosing = points.filter(({ all_images }) => !all_images).map(({ id }) => id);
    const all =
      choosing.length === points.length
        ? []
        : await this.#database
            .selectFrom("image")
            .select("id")
            .where("purpose", "=", "image")
            .orderBy("imported")
            .execute();
    const pairs =
      choosing.length === 0
        ? []
        : await this.#database
            .selectFrom("point_image")
            .selectAll()
            .where("point_id", "in", choosing)
            .execute();
    return ({ all_images, id }) =>
      all_images
        ? all.map((image) => image.id)
        : pairs.filter((pair) => pair.point_id === id).map((pair) => pair.image_id);
  }

  async #packages(points: readonly PointRow[]): Promise<(point: PointRow) => PointPackage[]> {
    const choosing = points.filter(({ all_packages }) => !all_packages).map(({ id }) => id);
    const known = this.#database
      .selectFrom("package")
      .leftJoin("image", "image.id", "package.image_id")
      .select(["package.package_id", "package.image_id", "image.content_bytes"])
      .orderBy("package.package_id");
    const all =
      choosing.length === points.length
        ? []
        : await known.where("package.image_id", "is not", null).execute();
    const pairs =
      choosing.length === 0
        ? []
        : await known
            .innerJoin("point_package", "point_package.package_id", "package.package_id")
            .select("point_package.point_id")
            .where("point_package.point_id", "in", choosing)
            .execute();
    return ({ all_packages, id }) =>
      (all_packages ? all : pairs.filter((pair) => pair.point_id === id)).map((row) => ({
        packageId: row.package_id,
        imageId: row.image_id,
        contentBytes: toNumber(row.content_bytes ?? 0),
      }));
  }

  /** `id`: of an image, or of a package in upper case. */
  async assign(kind: keyof typeof named, id: string, { add, remove }: Change): Promise<void> {
    const [table, column] = [sql.table(named[kind].table), sql.ref(named[kind].column)];
    await this.#database.transaction().execute(async (transaction) => {
      for (const point of remove) {
        await sql`delete from ${table} where ${column} = ${id} and point_id = ${point}`.execute(transaction);
      }
      for (const point of add) {
        const row = sql`insert into ${table} (point_id, ${column}) values (${point}, ${id})`;
        await sql`${row} on conflict do nothing`.execute(transaction);
      }
    });
  }
}
