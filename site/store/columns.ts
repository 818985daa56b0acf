/** Kinds of columns, as Kysely reads and writes them. */
import type { ColumnType } from "kysely";

/** Read as a value, written as JSON text. */
export type Json<Value> = ColumnType<Value, string, string>;
/** PGlite gives numbers, and BigInt beyond 2^53; other drivers give text. `toNumber` takes them all. */
export type Integer64 = ColumnType<number | bigint | string, number, number>;
