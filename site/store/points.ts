/** Distribution points in other buildings as the site keeps them. */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import type { ImageRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { PointRecord, PointRequest } from "../../contract/point.ts";
import type { Database } from "./schema.ts";
import { toRecord as toImage } from "./images.ts";
import type { PointTable } from "./point-tables.ts";

/** What is kept of one; what it told last is kept by nobody. */
export type StoredPoint = Omit<PointRecord, "here" | "holding">;

export class PointStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** By name. */
  async list(): Promise<StoredPoint[]> {
    const rows = await this.#database.selectFrom("point").selectAll().orderBy("name").execute();
    const pairs = await this.#database.selectFrom("point_image").selectAll().execute();
    const all = await this.#everyImage();
    return rows.map((row) => toRecord(row, imagesOf(row, pairs, all)));
  }

  /** Asked for each piece of content that a point fetches. */
  async find(id: string): Promise<StoredPoint | undefined> {
    const row = await this.#database.selectFrom("point").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) return undefined;
    if (row.all_images) return toRecord(row, imagesOf(row, [], await this.#everyImage()));
    const pairs = await this.#database
      .selectFrom("point_image")
      .selectAll()
      .where("point_id", "=", id)
      .execute();
    return toRecord(row, imagesOf(row, pairs, []));
  }

  async #everyImage(): Promise<{ id: string }[]> {
    return await this.#database
      .selectFrom("image")
      .select("id")
      .where("purpose", "=", "image")
      .orderBy("imported")
      .execute();
  }

  /** The name and the address are no other point's: see api/points. */
  async add(
    request: PointRequest,
    properties: DistributionPoint,
    credential: { hash: string; expires: string },
  ): Promise<string> {
    const id = randomUUID();
    await this.#database
      .insertInto("point")
      .values({
        id,
        name: request.name,
        address: request.address,
        boundaries: JSON.stringify(request.boundaries),
        all_images: request.allImages,
        replication: JSON.stringify(request.replication),
        properties: JSON.stringify(properties),
        credential_hash: credential.hash,
        credential_expires: credential.expires,
        created: new Date().toISOString(),
      })
      .execute();
    return id;
  }

  async change(
    id: string,
    to: Pick<StoredPoint, "allImages" | "boundaries" | "properties" | "replication">,
  ): Promise<void> {
    await this.#database
      .updateTable("point")
      .set({
        all_images: to.allImages,
        boundaries: JSON.stringify(to.boundaries),
        properties: JSON.stringify(to.properties),
        replication: JSON.stringify(to.replication),
      })
      .where("id", "=", id)
      .execute();
  }

  /** Its key ends with it. */
  async remove(id: string): Promise<void> {
    await this.#database.deleteFrom("point").where("id", "=", id).execute();
  }

  /** For one more enrolment; the key that the point has goes on until then. */
  async setCredential(id: string, credential: { hash: string; expires: string }): Promise<void> {
    await this.#database
      .updateTable("point")
      .set({ credential_hash: credential.hash, credential_expires: credential.expires })
      .where("id", "=", id)
      .execute();
  }

  /** Spends the credential, once. Undefined where it is unknown, spent or expired. */
  async enrol(
    credentialHash: string,
    keys: { keyHash: string; publicKey: string },
  ): Promise<StoredPoint | undefined> {
    const now = new Date().toISOString();
    const row = await this.#database
      .updateTable("point")
      .set({
        credential_hash: null,
        credential_expires: null,
        key_hash: keys.keyHash,
        public_key: keys.publicKey,
        enrolled: now,
      })
      .where("credential_hash", "=", credentialHash)
      .where("credential_expires", ">", now)
      .returning("id")
      .executeTakeFirst();
    return row && (await this.find(row.id));
  }

  /** Null before its enrolment; undefined for no point. */
  async keyHash(id: string): Promise<string | null | undefined> {
    const row = await this.#database
      .selectFrom("point")
      .select("key_hash")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.key_hash;
  }

  async publicKey(id: string): Promise<string | null> {
    const row = await this.#database
      .selectFrom("point")
      .select("public_key")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.public_key ?? null;
  }

  async saw(id: string, port: number, time: string): Promise<void> {
    await this.#database.updateTable("point").set({ port, last_seen: time }).where("id", "=", id).execute();
  }

  /** What is to be there, the oldest first. */
  async images({ allImages, id }: StoredPoint): Promise<ImageRecord[]> {
    // What is cast in the place of packages stays at the site.
    const images = this.#database
      .selectFrom("image")
      .selectAll("image")
      .where("image.purpose", "=", "image")
      .orderBy("image.imported");
    const wanted = allImages
      ? images
      : images
          .innerJoin("point_image", "point_image.image_id", "image.id")
          .where("point_image.point_id", "=", id);
    return (await wanted.execute()).map(toImage);
  }

  async assign(imageId: string, { add, remove }: { add: string[]; remove: string[] }): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      if (remove.length > 0) {
        await transaction
          .deleteFrom("point_image")
          .where("image_id", "=", imageId)
          .where("point_id", "in", remove)
          .execute();
      }
      if (add.length > 0) {
        await transaction
          .insertInto("point_image")
          .values(add.map((point) => ({ point_id: point, image_id: imageId })))
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
    });
  }
}

function imagesOf(
  { all_images, id }: Selectable<PointTable>,
  pairs: readonly { point_id: string; image_id: string }[],
  all: readonly { id: string }[],
): string[] {
  if (all_images) return all.map((image) => image.id);
  return pairs.filter((pair) => pair.point_id === id).map((pair) => pair.image_id);
}

function toRecord(row: Selectable<PointTable>, images: string[]): StoredPoint {
  return {
    id: row.id,
    name: row.name,
    address: row.address,
    port: row.port,
    boundaries: row.boundaries,
    allImages: row.all_images,
    replication: row.replication,
    properties: row.properties,
    created: row.created,
    enrolled: row.enrolled,
    lastSeen: row.last_seen,
    images,
  };
}
