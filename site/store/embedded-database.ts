/**
 * Kysely over PGlite, which is one connection in this very thread: statements one after another, a transaction as one. Each
 * statement is one message to PostgreSQL, planned once for its text. What has written something is answered when it is on
 * the disk, which the next statement does not wait for: so commits that come together share one fsync.
 */
import { parse, protocol, type PGlite } from "@electric-sql/pglite";
import {
  AbortedTransactionError,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import { limits } from "../../contract/limits.ts";
import type { FailedDisk } from "./failed-disk.ts";
import type { WriteAheadLog } from "./write-ahead-log.ts";

export interface EmbeddedOptions {
  database: PGlite;
  disk: FailedDisk;
  log: WriteAheadLog;
}

export class EmbeddedDialect implements Dialect {
  readonly #driver: EmbeddedDriver;

  constructor(options: EmbeddedOptions) {
    this.#driver = new EmbeddedDriver(options);
  }

  /** The tables stay as they are from now on. */
  settled(): void {
    this.#driver.settled();
  }

  createDriver = (): Driver => this.#driver;
  createAdapter = (): PostgresAdapter => new PostgresAdapter();
  createQueryCompiler = (): PostgresQueryCompiler => new PostgresQueryCompiler();
  createIntrospector = (database: Kysely<unknown>): PostgresIntrospector =>
    new PostgresIntrospector(database);
}

type Statement = Pick<CompiledQuery, "sql" | "parameters">;
interface Answer extends QueryResult<unknown> {
  /** As PostgreSQL names what it has done. */
  tag: string;
}

/** What only reads has nothing to wait for, also when it sees what is not on the disk yet. */
const onlyReads = /^\s*(select|show)\b/i;

class EmbeddedDriver implements Driver {
  readonly #options: EmbeddedOptions;
  readonly #statements = new Statements();
  /** Resolves when the statement or transaction that came last is over. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  settled(): void {
    this.#statements.keep();
    this.#options.log.startDeferring();
  }

  init = (): Promise<void> => Promise.resolve();
  acquireConnection = (): Promise<DatabaseConnection> => Promise.resolve(new EmbeddedConnection(this));
  releaseConnection = (): Promise<void> => Promise.resolve();

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const release = await this.#turn();
    try {
      await this.execute(command("begin"));
    } catch (error) {
      release();
      throw error;
    }
    (connection as EmbeddedConnection).release = release;
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const { tag } = await this.#end(connection, "commit");
    if (tag === "ROLLBACK") throw new AbortedTransactionError();
    await this.#synced();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#end(connection, "rollback");
  }

  async #end(connection: DatabaseConnection, word: string): Promise<Answer> {
    const held = connection as EmbeddedConnection;
    try {
      return await this.execute(command(word));
    } finally {
      held.release?.();
      held.release = null;
    }
  }

  async destroy(): Promise<void> {
    const { database, disk, log } = this.#options;
    // What is left of it goes with the process; the log on the disk says what was committed.
    if (disk.failed || database.closed) return;
    await database.close();
    await log.end();
  }

  /** A statement that is its own transaction. */
  async executeAlone(statement: Statement): Promise<Answer> {
    const release = await this.#turn();
    let answer: Answer;
    try {
      answer = await this.execute(statement);
    } finally {
      release();
    }
    if (!onlyReads.test(statement.sql)) await this.#synced();
    return answer;
  }

  /** By whoever has the turn. Throws E_STORE where the disk has failed. */
  async execute(statement: Statement): Promise<Answer> {
    const { database, disk } = this.#options;
    return await this.#statements.execute(statement, (message) =>
      disk.guard(async () => {
        const { messages } = await database.execProtocol(message).catch((error: unknown) => {
          if (hasStopped(error)) disk.report((error as Error).message);
          throw error;
        });
        const [result] = parse.parseResults(messages, database.parsers, { rowMode: "object" });
        const complete = messages.findLast(({ name }) => name === "commandComplete");
        const tag = complete !== undefined && "text" in complete ? String(complete.text) : "";
        return answerOf(result, tag);
      }),
    );
  }

  #synced(): Promise<void> {
    const { disk, log } = this.#options;
    return disk.guard(() => log.synced());
  }

  /** Resolves when it is the caller's turn, with what ends it. */
  async #turn(): Promise<() => void> {
    const before = this.#last;
    let release = (): void => undefined;
    this.#last = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }
}

class EmbeddedConnection implements DatabaseConnection {
  readonly #driver: EmbeddedDriver;
  /** Ends its transaction's turn; null outside of one. */
  release: (() => void) | null = null;

  constructor(driver: EmbeddedDriver) {
    this.#driver = driver;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const answer = await (this.release === null
      ? this.#driver.executeAlone(query)
      : this.#driver.execute(query));
    return answer as QueryResult<unknown> as QueryResult<Row>;
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error("The embedded database does not stream.");
  }
}

/** PostgreSQL says that it is its last word. PGlite would take the next statement, and never come back from it. */
function hasStopped(error: unknown): boolean {
  return error instanceof Error && "severity" in error && /^(PANIC|FATAL)$/.test(String(error.severity));
}

const command = (sql: string): Statement => ({ sql, parameters: [] });

/** PostgreSQL's extended query, all of it in one message: https://www.postgresql.org/docs/current/protocol-flow.html */
class Statements {
  #keeps = false;
  #count = 0;
  /** By text: the name under which PostgreSQL has its plan; that used last comes last. */
  readonly #names = new Map<string, string>();
  /** Names that PostgreSQL is to forget. */
  #stale: string[] = [];

  /** Statements are planned once from now on: the tables do not change any more. */
  keep(): void {
    this.#keeps = true;
  }

  async execute<Result>(
    { parameters, sql }: Statement,
    send: (message: Uint8Array) => Promise<Result>,
  ): Promise<Result> {
    const { serialize } = protocol;
    const known = this.#names.get(sql);
    const name = known ?? (this.#keeps ? `s${(this.#count += 1)}` : "");
    const stale = this.#stale.splice(0);
    const message = Buffer.concat([
      ...stale.map((one) => serialize.close({ type: "S", name: one })),
      ...(known === undefined ? [serialize.parse({ name, text: sql })] : []),
      serialize.bind({ statement: name, values: parameters.map(valueOf) }),
      serialize.describe({ type: "P" }),
      serialize.execute(),
      serialize.sync(),
    ]);
    try {
      const result = await send(message);
      if (name !== "") this.#used(sql, name);
      return result;
    } catch (error) {
      // It may be there or not; to close one that is not is no error.
      this.#names.delete(sql);
      if (name !== "") this.#stale.push(name);
      throw error;
    }
  }

  #used(sql: string, name: string): void {
    this.#names.delete(sql);
    this.#names.set(sql, name);
    if (this.#names.size <= limits.databasePlans) return;
    const [oldest = ""] = this.#names.keys();
    this.#stale.push(this.#names.get(oldest) ?? "");
    this.#names.delete(oldest);
  }
}

/** As text, which PostgreSQL reads as what the statement makes of it. */
function valueOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return String(value);
  }
  if (value instanceof Date) return value.toISOString();
  throw new TypeError(`A ${typeof value} is no value of a statement.`);
}

function answerOf(
  result: { rows: unknown[]; affectedRows?: number | undefined } | undefined,
  tag: string,
): Answer {
  const rows = result?.rows ?? [];
  const changed = /^(INSERT|UPDATE|DELETE|MERGE)\b/.test(tag) ? result?.affectedRows : undefined;
  return { rows, tag, ...(changed !== undefined && { numAffectedRows: BigInt(changed) }) };
}
