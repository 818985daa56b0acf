/**
 * Which of the processes that share a database serves the site. It says again and again that it is there; when it has not
 * for limits.siteLeaseMs, or has ended, another takes its place. Times are the database's own: clocks of computers differ.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import type { Database } from "./schema.ts";
import { makeFolder, syncPath } from "./files.ts";
import type { HolderLocation } from "./holder-location.ts";
import { hasEnded, ownIdentity } from "./process-identity.ts";

export interface LeaseOptions {
  database: Database;
  /** In the folder that the processes share: which site that is. */
  siteIdFile: string;
  /** What only a site that has served puts there: no site begins where something is in them. */
  contentFolders: readonly string[];
  /** Why this process cannot serve now, or can no longer; null when it can. */
  hindrance: () => string | null;
  /** Once the other ends, this one serves. Without, E_SITE_BUSY is thrown while another does. */
  wait: boolean;
  /** While it waits, with each look: where the other answers, null where none does. */
  following?: (other: HolderLocation | null) => Promise<void>;
  /** Ends the waiting. */
  ended: Promise<void>;
  log: Log;
}

const onlyRow = 1;

export class SiteLease {
  /** Resolves, once, when the lease could not be kept: the process has to end, since another may begin. */
  readonly lost: Promise<VolleyError>;
  readonly #database: Database;
  readonly #holder: string;
  readonly #hindrance: LeaseOptions["hindrance"];
  #lose: (failure: VolleyError) => void = () => undefined;
  #renewedMs = performance.now();
  #location: HolderLocation | null = null;
  #renewing = false;
  #timer: NodeJS.Timeout;

  private constructor({ database, hindrance }: LeaseOptions, holder: string) {
    this.#database = database;
    this.#hindrance = hindrance;
    this.#holder = holder;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#timer = setInterval(() => this.#tick(), limits.siteLeaseRenewMs);
  }

  /** Throws E_SITE_BUSY, also when the waiting was ended; E_CONFLICT for a database of another site; E_STORE. */
  static async take(options: LeaseOptions): Promise<SiteLease> {
    const { database, ended, following, hindrance, log, wait } = options;
    await checkSite(options);
    const holder = randomUUID();
    let over = false;
    void ended.then(() => {
      over = true;
    });
    let heardMs = performance.now();
    for (let told = ""; ;) {
      let reason = hindrance();
      try {
        if (reason === null && (await takeIfFree(database, holder))) return new SiteLease(options, holder);
        const other = await servingAt(database);
        reason ??= whoServes(other);
        heardMs = performance.now();
        if (wait) await following?.(other);
      } catch (error) {
        // One that waits outlasts what one that serves does.
        if (!wait || performance.now() - heardMs > limits.siteLeaseGiveUpMs) throw error;
        reason = toVolleyError(error).detail;
      }
      if (!wait || over) {
        throw new VolleyError("E_SITE_BUSY", `This process cannot serve the site: ${reason}.`);
      }
      if (told !== reason) log.info(`this process waits until it can serve the site: ${reason}`);
      told = reason;
      await Promise.race([delay(limits.siteLeaseLookMs), ended]);
    }
  }

  /** Commands find the site there from now on. */
  async announce(location: HolderLocation): Promise<void> {
    this.#location = location;
    await this.#renew();
  }

  /** The next process begins at once. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#database
      .updateTable("site_lease")
      .set({ holder: null, process: null, location: null })
      .where("id", "=", onlyRow)
      .where("holder", "=", this.#holder)
      .execute();
  }

  #tick(): void {
    const reason = this.#hindrance();
    if (reason !== null) this.#giveUp(reason);
    else if (performance.now() - this.#renewedMs > limits.siteLeaseGiveUpMs) {
      this.#giveUp("the database has not answered for too long");
    } else if (!this.#renewing) {
      this.#renewing = true;
      this.#renew()
        .catch((error: unknown) => {
          if (toVolleyError(error).code === "E_SITE_BUSY") this.#giveUp("another process has begun to");
        })
        .finally(() => {
          this.#renewing = false;
        });
    }
  }

  #giveUp(reason: string): void {
    clearInterval(this.#timer);
    this.#lose(new VolleyError("E_STORE", `This process serves the site no longer: ${reason}.`));
  }

  /** Throws E_SITE_BUSY when another has it. */
  async #renew(): Promise<void> {
    // It counts from when it was asked for: the answer may have been long on its way.
    const askedMs = performance.now();
    const row = await this.#database
      .updateTable("site_lease")
      .set({ until: until(), location: this.#location && JSON.stringify(this.#location) })
      .where("id", "=", onlyRow)
      .where("holder", "=", this.#holder)
      .returning("id")
      .executeTakeFirst();
    if (row === undefined) throw new VolleyError("E_SITE_BUSY", "Another process serves the site.");
    this.#renewedMs = askedMs;
  }
}

/** Where the process answers that serves; null when none does, or it has only just begun. */
export async function servingAt(database: Database): Promise<HolderLocation | null> {
  const row = await database
    .selectFrom("site_lease")
    .select(["location", "process"])
    .where("id", "=", onlyRow)
    .where("holder", "is not", null)
    .where("until", ">", sql<Date>`now()`)
    .executeTakeFirst();
  return row === undefined || (row.process !== null && hasEnded(row.process)) ? null : row.location;
}

const until = () => sql<never>`now() + ${limits.siteLeaseMs} * interval '1 millisecond'`;

/** Of a database that was restored and that nobody serves: which site it is, as its shared folder has to say too. */
export async function settleRestored(database: Database): Promise<string> {
  const nobody = { holder: null, process: null, location: null };
  const row = await database.updateTable("site_lease").set(nobody).returning("site_id").executeTakeFirst();
  if (row !== undefined) return row.site_id;
  const siteId = randomUUID();
  await database
    .insertInto("site_lease")
    .values({ id: onlyRow, site_id: siteId, ...nobody })
    .execute();
  return siteId;
}

/** Throws E_SITE_BUSY while a process of an earlier version serves. */
export async function refuseServed(database: Database): Promise<void> {
  const { rows } = await sql<{ name: string | null }>`select to_regclass('site_lease')::text as name`.execute(
    database,
  );
  const other = rows[0]?.name === null ? null : await servingAt(database);
  if (other === null) return;
  throw new VolleyError(
    "E_SITE_BUSY",
    `The process at ${other.address}:${other.port} is of an earlier version: stop it first.`,
  );
}

function whoServes(other: HolderLocation | null): string {
  return other === null ? "another process does" : `another process does, at ${other.address}:${other.port}`;
}

/** Throws E_CONFLICT unless folder and database are of one site; that is settled when either is new. */
async function checkSite({ contentFolders, database, siteIdFile }: LeaseOptions): Promise<void> {
  // Before the row is looked for: who makes the site beside this process makes the row first.
  const used = contentFolders.find(isUsed);
  const row = await database.selectFrom("site_lease").select("site_id").executeTakeFirst();
  if (row === undefined && used !== undefined) {
    const detail = `The database is no site's yet, but the shared folder is one's: ${basename(used)} has content.`;
    throw new VolleyError("E_CONFLICT", `${detail} Name that site's database, or a folder that is empty.`);
  }
  const siteId = keptSiteId(siteIdFile, row === undefined);
  if (row === undefined && siteId !== null) {
    await database
      .insertInto("site_lease")
      .values({ id: onlyRow, site_id: siteId, holder: null, process: null, location: null })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  }
  const { site_id: kept } = await database
    .selectFrom("site_lease")
    .select("site_id")
    .executeTakeFirstOrThrow();
  if (kept === siteId) return;
  const detail = "The database is another site's than the folder that its processes share.";
  throw new VolleyError("E_CONFLICT", `${detail} It has to have the file ${basename(siteIdFile)}: ${kept}.`);
}

function isUsed(folder: string): boolean {
  try {
    // A file system of its own that is mounted there has that folder from the beginning.
    return existsSync(folder) && readdirSync(folder).some((name) => name !== "lost+found");
  } catch (error) {
    throw folderFailure(error);
  }
}

/** Of several processes that begin with an empty folder one makes it. Null where there is none and none is made. */
function keptSiteId(file: string, make: boolean): string | null {
  try {
    if (make) {
      makeFolder(dirname(file));
      writeFileSync(file, `${randomUUID()}\n`, { flag: "wx", flush: true });
      syncPath(dirname(file));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw folderFailure(error);
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw folderFailure(error);
  }
}

function folderFailure(error: unknown): VolleyError {
  return new VolleyError("E_STORE", `The shared folder fails: ${toVolleyError(error).detail}`, {
    cause: error,
  });
}

async function takeIfFree(database: Database, holder: string): Promise<boolean> {
  const row = await database.selectFrom("site_lease").selectAll().executeTakeFirstOrThrow();
  const dead = row.process !== null && hasEnded(row.process);
  const taken = await database
    .updateTable("site_lease")
    .set({ holder, process: JSON.stringify(ownIdentity()), location: null, until: until() })
    .where("id", "=", onlyRow)
    .where((lease) =>
      lease.or([
        lease("holder", "is", null),
        lease("until", "<=", sql<Date>`now()`),
        // Nobody else has taken it since it was looked at.
        ...(dead && row.holder !== null ? [lease("holder", "=", row.holder)] : []),
      ]),
    )
    .returning("id")
    .executeTakeFirst();
  return taken !== undefined;
}
