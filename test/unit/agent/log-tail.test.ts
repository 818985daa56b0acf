/** The end of smsts.log for the site: whole records, across the file before it, and nothing where there is none. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { limits } from "../../../contract/limits.ts";
import { bringLog } from "../../../agent/deploying/bring-log.ts";
import { formatCmtrace } from "../../../agent/report/cmtrace.ts";
import { openLogs } from "../../../agent/report/logs.ts";
import { logTail } from "../../../agent/report/log-tail.ts";
import { createRedactor } from "../../../agent/report/redactor.ts";
import { recordsOf } from "../../../site/dashboard/words/cmtrace.ts";
import { testFolder } from "../../fixtures/folder.ts";

const record = (text: string): string =>
  formatCmtrace({ text, time: new Date(), severity: "info", component: "C", file: "f.ts", thread: 1 });

test("what was logged a moment ago is in it, and it begins with a whole record", async (context) => {
  const folder = testFolder(context);
  assert.equal((await logTail(folder, 1000)).length, 0);
  writeFileSync(join(folder, "smsts.lo_"), record("before"));
  const logs = openLogs({ folder, redactor: createRedactor(), screen: { line: () => {} } });
  context.after(() => logs.close());
  for (let number = 0; number < 50; number += 1) logs.of("C", "f.ts").info(`line ${number}`);
  logs.of("C", "f.ts").detail("it failed", "error");
  const all = recordsOf((await logTail(folder, 100_000)).toString());
  assert.deepEqual([all.length, all[0]?.text, all.at(-1)?.severity], [52, "before", "error"]);
  const some = (await logTail(folder, 1000)).toString();
  assert.ok(some.startsWith("<![LOG[line ") && some.length <= 1000, some.slice(0, 100));
});

test("it is brought without secrets that were learnt late, and nothing fails when the site does not take it", async (context) => {
  const folder = testFolder(context);
  const redactor = createRedactor();
  writeFileSync(join(folder, "smsts.log"), record("joins with hunter2hunter2"));
  redactor.add("hunter2hunter2");
  const brought: Buffer[] = [];
  const said: string[] = [];
  const silent = () => {};
  const log = {
    info: silent,
    warning: silent,
    error: silent,
    detail: (text: string) => void said.push(text),
  };
  const { signal } = new AbortController();
  const by = { log, logFolder: folder, redactor, signal };
  await bringLog("1", { ...by, site: { log: async (_, bytes) => void brought.push(bytes) } });
  assert.match(String(brought[0]), /joins with \[redacted\]/);
  assert.ok((brought[0]?.length ?? 0) <= limits.logTailBytes);
  await bringLog("1", { ...by, site: { log: () => Promise.reject(new Error("no")) } });
  assert.match(said.join(), /The site does not get the log/);
});
