/** Entries of a list that is asked for page by page: some for people to read, all for a file unless a number is given. */
import { limits } from "../../contract/limits.ts";
import { csvText } from "../csv.ts";
import type { SiteClient } from "../client.ts";
import type { CommandCall } from "./command.ts";
import { number } from "./numbers.ts";
import { printTable } from "./output.ts";

const shownEntries = 50;

export const entriesOptions = {
  entries: {
    type: "string",
    value: "N",
    help: `How many (${shownEntries}; all with --csv and --json).`,
  },
  csv: { type: "boolean", help: "As comma-separated values." },
} as const;

export interface EntryList<Entry> {
  /** Answers the newest first, and takes `before` and `limit`. */
  path: string;
  query: Readonly<Record<string, string | undefined>>;
  head: string[];
  /** `whole`: nothing is cut for a reader's sake. */
  cells: (entry: Entry, whole: boolean) => string[];
}

/** Prints each page as it comes. */
export async function printEntries<Entry extends { sequence: number }>(
  client: SiteClient,
  call: CommandCall,
  list: EntryList<Entry>,
): Promise<void> {
  const range = { least: 1, most: Number.MAX_SAFE_INTEGER, whole: true };
  const most = number(call, "entries", range);
  const { cells, head } = list;
  const all = pages(client, list, most ?? Infinity);
  if (call.json) {
    let opening = "[";
    for await (const entries of all) {
      process.stdout.write(opening + entries.map((entry) => `\n  ${JSON.stringify(entry)}`).join(","));
      opening = ",";
    }
    process.stdout.write(opening === "[" ? "[]\n" : "\n]\n");
  } else if (call.values["csv"] === true) {
    process.stdout.write(csvText([head]));
    for await (const entries of all) {
      process.stdout.write(csvText(entries.map((entry) => cells(entry, true))));
    }
  } else {
    const rows = [head];
    for await (const entries of pages(client, list, most ?? shownEntries)) {
      rows.push(...entries.map((entry) => cells(entry, false)));
    }
    printTable(rows);
  }
}

async function* pages<Entry extends { sequence: number }>(
  client: SiteClient,
  { path, query }: EntryList<Entry>,
  most: number,
): AsyncGenerator<Entry[]> {
  const wanted = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) wanted.set(name, value);
  for (let left = most; left > 0;) {
    const limit = Math.min(limits.exportPageEntries, left);
    wanted.set("limit", String(limit));
    const entries = await client.get<Entry[]>(`${path}?${wanted.toString()}`);
    if (entries.length > 0) yield entries;
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return;
    wanted.set("before", String(last.sequence));
    left -= entries.length;
  }
}
