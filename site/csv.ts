/** Comma-separated values (RFC 4180), written and read. */
import { VolleyError } from "../contract/errors.ts";

/** A cell that a spreadsheet would take for a formula gets an apostrophe before it: names come from machines. */
export function csvText(rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Lines without a cell are left out. Throws E_REQUEST_INVALID where a quote does not end. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const pattern = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n|\n|\r|$)/y;
  const source = text.replace(/^\uFEFF/, "");
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex;
    const found = pattern.exec(source);
    if (found === null) {
      const line = source.slice(0, at).split("\n").length;
      throw new VolleyError(
        "E_REQUEST_INVALID",
        `Line ${line} of the CSV file has a quote in the wrong place.`,
      );
    }
    const [, cell = "", end] = found;
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell.trim());
    if (end === ",") continue;
    if (row.some((one) => one !== "")) rows.push(row);
    row = [];
  }
  if (row.some((one) => one !== "")) rows.push(row);
  return rows;
}
