/** What the page reads of smsts.log is what the agent, and Configuration Manager's client, write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { componentsOf, filtered, foundIn, recordsOf } from "../../../../site/dashboard/words/cmtrace.ts";

const record = (text: string, type: number, component = "TSManager"): string =>
  `<![LOG[${text}]LOG]!><time="14:03:07.120+300" date="11-22-2026" component="${component}" context="" type="${type}" thread="1420" file="tsmanager.cpp:1">\r\n`;

const log =
  `half a record]LOG]!><time="1">\n` +
  record("Starting", 1) +
  record("two\r\nlines <b>", 2, "OSDDisk") +
  record('Failed (component="x")', 3) +
  "a plain line\n";

test("records are taken apart, and what is none stays a line", () => {
  const records = recordsOf(log);
  assert.deepEqual(
    records.map(({ severity, text }) => `${severity} ${text}`),
    [
      'info half a record]LOG]!><time="1">',
      "info Starting",
      "warning two\r\nlines <b>",
      'error Failed (component="x")',
      "info a plain line",
    ],
  );
  assert.deepEqual(records[3], {
    text: 'Failed (component="x")',
    component: "TSManager",
    time: "2026-11-22 14:03:07.120",
    thread: "1420",
    severity: "error",
  });
});

test("filters narrow by severity, component and text, and finding says places", () => {
  const records = recordsOf(log);
  assert.deepEqual(componentsOf(records), ["OSDDisk", "TSManager"]);
  const count = (severity: "info" | "warning" | "error", component = "", text = ""): number =>
    filtered(records, { severity, component, text }).length;
  assert.deepEqual([count("info"), count("warning"), count("error")], [5, 2, 1]);
  assert.deepEqual(
    [count("info", "OSDDisk"), count("info", "", "LINES"), count("error", "OSDDisk")],
    [1, 1, 0],
  );
  assert.deepEqual(foundIn(records, "osddisk"), [2]);
  assert.deepEqual(foundIn(records, " "), []);
});
