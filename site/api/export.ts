/** Entries as a file: all that a filter matches, read page by page and sent as they come, whatever their number. */
import { Readable } from "node:stream";
import { limits } from "../../contract/limits.ts";
import { csvText } from "../csv.ts";
import type { Call } from "./route.ts";

/** Limit undefined: all of them. */
interface ExportQuery {
  format: "csv" | "json";
  before?: number | undefined;
  limit?: number | undefined;
}

export interface Export<Entry, Query extends ExportQuery> {
  /** The file's, without its ending. */
  name: string;
  /** Of the CSV, in their order. */
  columns: readonly (keyof Entry)[];
  query: Query;
  /** The newest first. */
  list: (query: Query & { limit: number }) => Promise<Entry[]>;
}

/** Rejects where the first page cannot be read; what fails later breaks the answer off. */
export async function sendExport<Entry extends { sequence: number }, Query extends ExportQuery>(
  { reply }: Call,
  { columns, list, name, query }: Export<Entry, Query>,
): Promise<Readable> {
  const { format } = query;
  const pages = pagesOf(query, list);
  const first = await pages.next();
  reply.header("content-disposition", `attachment; filename="${name}.${format}"`);
  reply.type(format === "csv" ? "text/csv; charset=utf-8" : "application/json; charset=utf-8");
  const all = (async function* (): AsyncGenerator<Entry[]> {
    if (first.done !== true) yield first.value;
    yield* pages;
  })();
  return Readable.from(format === "csv" ? csvOf(all, columns) : jsonOf(all));
}

async function* pagesOf<Entry extends { sequence: number }, Query extends ExportQuery>(
  query: Query,
  list: Export<Entry, Query>["list"],
): AsyncGenerator<Entry[], undefined> {
  let { before, limit: left = Infinity } = query;
  while (left > 0) {
    const limit = Math.min(limits.exportPageEntries, left);
    const entries = await list({ ...query, before, limit });
    if (entries.length > 0) yield entries;
    if (entries.length < limit) return;
    before = entries.at(-1)?.sequence;
    left -= entries.length;
  }
}

async function* csvOf<Entry>(
  pages: AsyncIterable<Entry[]>,
  columns: readonly (keyof Entry)[],
): AsyncGenerator<string> {
  yield csvText([columns.map(String)]);
  for await (const entries of pages) {
    yield csvText(entries.map((entry) => columns.map((column) => String(entry[column]))));
  }
}

async function* jsonOf(pages: AsyncIterable<unknown[]>): AsyncGenerator<string> {
  let opening = "[";
  for await (const entries of pages) {
    yield opening + entries.map((entry) => JSON.stringify(entry)).join(",\n");
    opening = ",\n";
  }
  yield opening === "[" ? "[]" : "]";
}
