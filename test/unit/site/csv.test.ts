/** CSV as spreadsheets write and read it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { csvText, parseCsv } from "../../../site/csv.ts";

test("what was written is read again, whatever is in the cells", () => {
  const rows = [
    ["name", "note"],
    ["a,b", 'she said "yes"'],
    ["two\r\nlines", "Grüße"],
  ];
  assert.deepEqual(parseCsv(csvText(rows)), rows);
});

test("lines end as every system ends them, empty ones are left out, and cells may be empty", () => {
  assert.deepEqual(parseCsv("\uFEFFa, b\n\nc,\r\n,,\rd"), [["a", "b"], ["c", ""], ["d"]]);
  assert.deepEqual(parseCsv(""), []);
});

test("a quote in the wrong place is said with its line", () => {
  assert.throws(() => parseCsv('a\nb "c" d\n'), /Line 2/);
  assert.throws(() => parseCsv('a\n"b'), { code: "E_REQUEST_INVALID" });
});

test("a cell is no formula", () => {
  assert.equal(csvText([["=1+1", "-2", "@x", "plain"]]), "'=1+1,'-2,'@x,plain\r\n");
});
