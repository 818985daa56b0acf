import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Computers that were told of and machines that enrolled become devices, each of them one. */
export const devices: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema.alterTable("pxe_computer").renameTo("device").execute();
    await database.schema
      .alterTable("device")
      .addColumn("machine_id", "uuid", (column) =>
        column.unique().references("machine.id").onDelete("set null"),
      )
      .addColumn("variables", "jsonb", (column) => column.notNull().defaultTo("[]"))
      .execute();
    // A machine takes one device at most, and a device one machine.
    await sql`
      update device set machine_id = pair.machine_id, variables = pair.variables, state = pair.state
      from (
        select distinct on (machine.id) machine.id as machine_id, machine.variables, told.id as device_id,
          case when told.state = 'refused' then 'refused' else 'approved' end as state
        from machine join device told
          on told.uuid = lower(machine.facts->>'smbiosUuid')
          or machine.facts->'macAddresses' @> to_jsonb(told.mac)
        where told.id in (
          select distinct on (other.id) one.id from machine other join device one
            on one.uuid = lower(other.facts->>'smbiosUuid')
            or other.facts->'macAddresses' @> to_jsonb(one.mac)
          order by other.id, one.added
        )
        order by machine.id, told.added
      ) pair
      where device.id = pair.device_id
        and not exists (
          select 1 from machine earlier
          where earlier.id < pair.machine_id
            and (device.uuid = lower(earlier.facts->>'smbiosUuid')
              or earlier.facts->'macAddresses' @> to_jsonb(device.mac)))`.execute(database);
    await sql`
      insert into device (id, name, uuid, mac, state, added, machine_id, variables)
      select gen_random_uuid(), facts->>'name', lower(facts->>'smbiosUuid'), facts->'macAddresses'->>0, 'approved',
        enrolled, id, variables
      from machine
      where not exists (select 1 from device where device.machine_id = machine.id)`.execute(database);
    await database.schema.alterTable("machine").dropColumn("variables").execute();
    await database.schema
      .alterTable("credential")
      .addColumn("approves", "boolean", (column) => column.notNull().defaultTo(true))
      .execute();
    await collectionTables(database);
    await database.schema
      .alterTable("deployment")
      .addColumn("collection_id", "uuid", (column) => column.references("collection.id"))
      .addColumn("starts", "text")
      .addColumn("expires", "text")
      .addColumn("subnets", "jsonb", (column) => column.notNull().defaultTo("[]"))
      .execute();
  },
};

async function collectionTables(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable("collection")
    .addColumn("id", "uuid", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("rule", "jsonb")
    .addColumn("variables", "jsonb", (column) => column.notNull().defaultTo("[]"))
    .addColumn("created", "text", (column) => column.notNull())
    .execute();
  await database.schema
    .createTable("collection_device")
    .addColumn("collection_id", "uuid", (column) =>
      column.notNull().references("collection.id").onDelete("cascade"),
    )
    .addColumn("device_id", "uuid", (column) => column.notNull().references("device.id").onDelete("cascade"))
    .addPrimaryKeyConstraint("collection_device_key", ["collection_id", "device_id"])
    .execute();
}
