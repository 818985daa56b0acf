import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Each report has a number and a severity, so that they can be asked for. */
export const statusMessages: Migration = {
  async up(database: Kysely<unknown>) {
    await database.schema
      .alterTable("report")
      .addColumn("message_id", "integer", (column) => column.notNull().defaultTo(0))
      .addColumn("severity", "text", (column) => column.notNull().defaultTo("information"))
      .addColumn("message", "text", (column) => column.notNull().defaultTo(""))
      .addColumn("text", "text", (column) => column.notNull().defaultTo(""))
      .execute();
    await sql`
      update report set message_id = (detail->>'messageId')::integer, message = detail->>'messageName',
        severity = case detail->>'messageId' when '11135' then 'error' when '11141' then 'error'
          when '11138' then 'warning' else 'information' end
      where detail is not null`.execute(database);
    await sql`
      update report set message_id = case kind when 'planned' then 60001 when 'started' then 60002
          when 'notice' then 60004 when 'succeeded' then 60005 else 60006 end,
        severity = case kind when 'failed' then 'error' else 'information' end,
        message = kind
      where detail is null`.execute(database);
    await database.schema.createIndex("report_received").on("report").column("received").execute();
    await database.schema.createIndex("report_deployment").on("report").column("deployment_id").execute();
  },
};
