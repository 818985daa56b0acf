/** A database on a PostgreSQL server, which several processes of a site may share. */
import { DatabaseError, Pool, type ClientConfig, type PoolClient } from "pg";
import { PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

/** Where the database is, and who comes. */
export interface DatabaseServer {
  /** postgres://USER@HOST:PORT/NAME, without a password. */
  url: string;
  /** Null: what the driver finds in PGPASSWORD, in PGPASSFILE or in ~/.pgpass. */
  password: string | null;
}

/**
 * Throws E_USAGE for what is no such URL, and for one with a password: a command line is seen by everybody on the
 * machine, and what the site keeps of the URL by whoever reads its data folder.
 */
export function checkDatabaseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new VolleyError("E_USAGE", "A database is named as postgres://USER@HOST/NAME.");
  }
  if (parsed.password !== "" || parsed.searchParams.has("password")) {
    throw new VolleyError(
      "E_USAGE",
      "The database's password is not part of its URL: it is in VOLLEY_DATABASE_PASSWORD, PGPASSFILE or a file.",
    );
  }
  return parsed;
}

/** Of one connection. */
export function connectionOptions({ password, url }: DatabaseServer): ClientConfig {
  const whole = new URL(url);
  // The driver takes what the URL says, or does not say, before any other password.
  if (password !== null) whole.password = encodeURIComponent(password);
  return {
    connectionString: whole.href,
    application_name: "volley",
    connectionTimeoutMillis: limits.databaseConnectMs,
    statement_timeout: limits.databaseStatementMs,
    query_timeout: limits.databaseAnswerMs,
    idle_in_transaction_session_timeout: limits.databaseAnswerMs,
    keepAlive: true,
    // What is acknowledged to a machine is on the server's disk, whatever the server's or the role's default says.
    options: "-c synchronous_commit=on",
  };
}

export function serverDialect(server: DatabaseServer): PostgresDialect {
  const pool = new Pool({ ...connectionOptions(server), max: limits.databaseConnections });
  // A connection that breaks while nobody uses it is replaced by the next that is wanted.
  pool.on("error", () => undefined);
  // One that breaks while it is used rejects the query; without a listener of its own it would end the process besides.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return new PostgresDialect({ pool: translating(pool) });
}

/** What the driver and the network say of a server that is not there becomes E_STORE: to be tried again. */
function translating(pool: Pool): PostgresPool {
  const connect = async (): Promise<PostgresPoolClient> => {
    let client: PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw storeFailure(error);
    }
    const query = async (text: string, values: unknown[]): Promise<unknown> => {
      try {
        return await client.query(text, values);
      } catch (error) {
        throw isAnswer(error) ? error : storeFailure(error);
      }
    };
    return {
      query: query as PostgresPoolClient["query"],
      release: (destroy) => client.release(destroy),
    };
  };
  return { connect, end: () => pool.end(), options: pool.options };
}

/** Whether the server itself answered so, about the query and not about itself. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  // PostgreSQL's error codes, appendix A: 08 the connection, 53 no resources, 57 the operator, 58 the system.
  return !/^(08|53|57|58)/.test(error.code ?? "");
}

function storeFailure(error: unknown): VolleyError {
  const reason = error instanceof Error ? error.message : String(error);
  return new VolleyError("E_STORE", `The database's server fails: ${reason}.`, { cause: error });
}
