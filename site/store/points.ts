/** Distribution points in other buildings as the site keeps them. */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import type { ImageRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { PointRecord, PointRequest } from "../../contract/point.ts";
import type { Database } from "./schema.ts";
import { toRecord as toImage } from "./images.ts";
import { imagesAt, PointContents, type PointContent } from "./point-contents.ts";
import type { PointTable } from "./point-tables.ts";

/** What is kept of one; what it told last is kept by nobody. */
export type StoredPoint = Omit<PointRecord, "here" | "holding">;

export class PointStore {
  readonly #database: Database;
  readonly contents: PointContents;
  constructor(database: Database) {
    this.#database = database;
    this.contents = new PointContents(database);
  }

  /** By name. */
  async list(): Promise<StoredPoint[]> {
    const rows = await this.#database.selectFrom("point").selectAll().orderBy("name").execute();
    const contentOf = await this.contents.of(rows);
    return rows.map((row) => toRecord(row, contentOf(row)));
  }

  /** Asked for each piece of content that a point fetches. */
  async find(id: string): Promise<StoredPoint | undefined> {
    const row = await this.#database.selectFrom("point").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) return undefined;
    return toRecord(row, (await this.contents.of([row]))(row));
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
        all_packages: request.allPackages,
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
    to: Pick<StoredPoint, "allImages" | "allPackages" | "boundaries" | "properties" | "replication">,
  ): Promise<void> {
    await this.#database
      .updateTable("point")
      .set({
        all_images: to.allImages,
        all_packages: to.allPackages,
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
  async images(point: PointContent): Promise<ImageRecord[]> {
    const wanted = imagesAt(point);
    if (wanted.length === 0) return [];
    const rows = await this.#database
      .selectFrom("image")
      .selectAll()
      .where("id", "in", wanted)
      .orderBy("imported")
      .execute();
    return rows.map(toImage);
  }
}

function toRecord(row: Selectable<PointTable>, content: PointContent): StoredPoint {
  return {
    id: row.id,
    name: row.name,
    address: row.address,
    port: row.port,
    boundaries: row.boundaries,
    allImages: row.all_images,
    allPackages: row.all_packages,
    replication: row.replication,
    properties: row.properties,
    created: row.created,
    enrolled: row.enrolled,
    lastSeen: row.last_seen,
    ...content,
  };
}
