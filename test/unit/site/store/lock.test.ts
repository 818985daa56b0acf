/** One process to a data folder. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lockFolder } from "../../../../site/store/lock.ts";
import { ownIdentity } from "../../../../site/store/process-identity.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { Program, waitFor } from "../../../fixtures/program.ts";

const holdLock = fileURLToPath(new URL("../../../fixtures/hold-lock.js", import.meta.url));
const claims = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("lock-"));

test("a folder that a live process has is refused, and is free once that is killed", async (context) => {
  const folder = testFolder(context);
  const holder = new Program("holder", [process.execPath, holdLock, folder]);
  context.after(() => holder.kill());
  await waitFor(() => holder.output === "held\n", { what: "lock", story: () => holder.story() });
  await assert.rejects(lockFolder(folder), {
    code: "E_SITE_BUSY",
    message: new RegExp(`process ${holder.pid}`),
  });
  await holder.kill();
  const lock = await lockFolder(folder);
  await assert.rejects(lockFolder(folder), { code: "E_SITE_BUSY" });
  lock.release();
  assert.deepEqual(claims(folder), []);
});

test("of several processes that come at once, at most one gets the folder", async (context) => {
  const folder = testFolder(context);
  const programs = Array.from(
    { length: 6 },
    () => new Program("holder", [process.execPath, holdLock, folder]),
  );
  context.after(() => Promise.all(programs.map((program) => program.kill())));
  await waitFor(() => programs.every((program) => program.output !== ""), { what: "answer of all" });
  const held = programs.filter((program) => program.output === "held\n");
  assert.ok(held.length <= 1, `${held.length} processes hold the folder`);
  assert.equal(claims(folder).length, held.length);
});

test("a claim of another process that has the same number, or of an earlier boot, is stale", async (context) => {
  const folder = testFolder(context);
  const own = ownIdentity();
  const stale = [
    { ...own, pid: process.ppid, startTicks: "1" },
    { ...own, pid: process.ppid, bootId: "another boot" },
  ];
  for (const [index, claim] of stale.entries()) {
    writeFileSync(join(folder, `lock-${claim.pid}-${index}`), JSON.stringify(claim));
  }
  writeFileSync(join(folder, `lock-${process.ppid}-77`), "");
  const lock = await lockFolder(folder);
  assert.equal(claims(folder).length, 1);
  lock.release();
});
