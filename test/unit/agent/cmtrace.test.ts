/** The log format that CMTrace and its relatives read, and how the file rolls over. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { biasText, formatCmtrace } from "../../../agent/report/cmtrace.ts";
import { openLogs } from "../../../agent/report/logs.ts";
import { createRedactor } from "../../../agent/report/redactor.ts";
import { limits } from "../../../contract/limits.ts";

const pattern =
  /^<!\[LOG\[([\s\S]*?)\]LOG\]!><time="(\d\d:\d\d:\d\d\.\d{3})([+-]\d{2,3})" date="(\d\d-\d\d-\d{4})" component="([^"]*)" context="" type="([123])" thread="(\d+)" file="([^"]*)">\r\n/;

test("a record has every field where CMTrace looks for it", () => {
  const time = new Date(2024, 2, 5, 7, 8, 9, 42);
  const record = formatCmtrace({
    text: "Joined\nsession 4",
    time,
    severity: "warning",
    component: "Imaging",
    file: "deploy.ts",
    thread: 1208,
  });
  const match = pattern.exec(record);
  assert.ok(match, record);
  const [, text, clock, bias, date, component, type, thread, file] = match;
  assert.deepEqual(
    { text, clock, bias, date, component, type, thread, file },
    {
      text: "Joined\nsession 4",
      clock: "07:08:09.042",
      bias: biasText(time.getTimezoneOffset()),
      date: "03-05-2024",
      component: "Imaging",
      type: "2",
      thread: "1208",
      file: "deploy.ts",
    },
  );
});

test("a text cannot end its record, nor an attribute its quotation", () => {
  const record = formatCmtrace({
    text: 'a]LOG]!><time="b',
    time: new Date(),
    severity: "error",
    component: 'x" type="1',
    file: "f",
    thread: 1,
  });
  assert.equal(record.indexOf("]LOG]!>"), record.lastIndexOf("]LOG]!>"));
  assert.match(record, pattern);
  assert.match(record, / type="3" /);
});

for (const [minutes, text] of [
  [300, "+300"],
  [-60, "-60"],
  [0, "+00"],
  [-330, "-330"],
  [5, "+05"],
] as const) {
  test(`${minutes} minutes of bias are written ${text}`, () => assert.equal(biasText(minutes), text));
}

test("smsts.log rolls over once into smsts.lo_, and every record stays whole", () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-logs-"));
  try {
    const shown: string[] = [];
    const logs = openLogs({
      folder,
      redactor: createRedactor(),
      screen: { line: (text) => shown.push(text) },
    });
    const log = logs.of("Imaging", "deploy.ts");
    for (let index = 0; index < 4000; index += 1) log.info(`record ${index} ${"x".repeat(100)}`);
    log.detail("only in the files");
    log.error("something broke");
    logs.close();
    const current = readFileSync(join(folder, "smsts.log"), "utf8");
    const before = readFileSync(join(folder, "smsts.lo_"), "utf8");
    const numbers: number[] = [];
    for (let text = before + current; text !== "";) {
      const match = pattern.exec(text);
      assert.ok(match, text.slice(0, 300));
      const number = /^record (\d+) /.exec(match[1] ?? "")?.[1];
      if (number !== undefined) numbers.push(Number(number));
      text = text.slice(match[0].length);
    }
    assert.equal(numbers.at(-1), 3999);
    assert.equal(numbers.length, 4000 - (numbers[0] ?? 0));
    assert.ok(Buffer.byteLength(current) <= limits.logBytes && Buffer.byteLength(before) <= limits.logBytes);
    assert.match(current, /only in the files/);
    assert.equal(shown.length, 4001);
    assert.equal(shown.at(-1), "error: something broke");
    for (const line of readFileSync(join(folder, "agent.jsonl"), "utf8").trimEnd().split("\n")) {
      assert.deepEqual(Object.keys(JSON.parse(line)), ["time", "severity", "component", "file", "text"]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What this process has open there. */
function openBelow(folder: string): string[] {
  const paths = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  });
  return paths.filter((path) => path.startsWith(`${folder}/`));
}

test("smsts.log is also where it belongs in a phase, with what was said before, until that place changes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-logs-"));
  try {
    const own = join(folder, "own");
    const logs = openLogs({ folder: own, redactor: createRedactor(), screen: { line: () => {} } });
    const log = logs.of("TSManager", "interpreter.ts");
    log.info("in the first place");
    for (const place of ["before", "after"]) {
      await logs.alsoIn(join(folder, place));
      await logs.alsoIn(join(folder, place));
      log.info(`while it is ${place}`);
    }
    await logs.alsoIn(own);
    writeFileSync(join(folder, "file"), "");
    await logs.alsoIn(join(folder, "file", "nowhere"));
    log.info("the last word");
    await logs.alsoIn(join(folder, "volume"));
    await logs.alsoIn(null);
    log.info("while the volume is written");
    assert.deepEqual(openBelow(join(folder, "volume")), []);
    logs.close();
    const said = (place: string): string[] => {
      const text = readFileSync(join(folder, place, "smsts.log"), "utf8");
      return [...text.matchAll(/LOG\[(.*?)\]LOG/g)].map(([, record = ""]) => record);
    };
    const first = ["in the first place", "while it is before"];
    assert.deepEqual(said("before"), first);
    assert.deepEqual(said("after"), [...first, "while it is after"]);
    const all = [...first, "while it is after", "the last word"];
    assert.deepEqual(said("own"), [...all, "while the volume is written"]);
    assert.deepEqual(said("volume"), all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
