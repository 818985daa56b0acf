/** What the site keeps of its distribution point: its properties, and since when sessions wait to start. */
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { Database } from "./schema.ts";

const onlyRow = 1;

export interface StoredWait {
  deploymentId: string;
  imageId: string;
  firstRequest: string;
  /** It was told to start. */
  released: boolean;
}

export class DistributionPointStore {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  /** What of them is kept: undefined before the first start, and without what later versions added. */
  async properties(): Promise<Partial<DistributionPoint> | undefined> {
    const row = await this.#database.selectFrom("distribution_point").selectAll().executeTakeFirst();
    return row?.properties;
  }

  async saveProperties(value: DistributionPoint): Promise<void> {
    const properties = JSON.stringify(value);
    await this.#database
      .insertInto("distribution_point")
      .values({ id: onlyRow, properties })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ properties }))
      .execute();
  }

  async waits(): Promise<StoredWait[]> {
    const rows = await this.#database.selectFrom("session_wait").selectAll().execute();
    return rows.map((row) => ({
      deploymentId: row.deployment_id,
      imageId: row.image_id,
      firstRequest: row.first_request,
      released: row.released,
    }));
  }

  async saveWait({ deploymentId, firstRequest, imageId, released }: StoredWait): Promise<void> {
    await this.#database
      .insertInto("session_wait")
      .values({ deployment_id: deploymentId, image_id: imageId, first_request: firstRequest, released })
      .onConflict((conflict) =>
        conflict
          .columns(["deployment_id", "image_id"])
          .doUpdateSet({ first_request: firstRequest, released }),
      )
      .execute();
  }

  async removeWait({ deploymentId, imageId }: Pick<StoredWait, "deploymentId" | "imageId">): Promise<void> {
    await this.#database
      .deleteFrom("session_wait")
      .where("deployment_id", "=", deploymentId)
      .where("image_id", "=", imageId)
      .execute();
  }
}
