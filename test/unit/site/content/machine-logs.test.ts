/** The ends of machines' logs at a site: the newest of each machine and deployment, and for a set time. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import { MachineLogs } from "../../../../site/content/machine-logs.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const dayMs = 86_400_000;

test("the newest of a deployment is kept, and read by machine or by both", (context) => {
  const folder = join(testFolder(context), "logs");
  const logs = new MachineLogs(folder);
  const [machineId, first, second] = [randomUUID(), randomUUID(), randomUUID()];
  assert.deepEqual([logs.list(), logs.read(machineId)], [[], undefined]);
  logs.keep({ machineId, deploymentId: first }, Buffer.from("old"));
  logs.keep({ machineId, deploymentId: first }, Buffer.from("älter"));
  const past = (Date.now() - dayMs) / 1000;
  utimesSync(join(folder, `${machineId}.${first}.gz`), past, past);
  logs.keep({ machineId, deploymentId: second }, Buffer.from("new"));
  assert.equal(logs.list().length, 2);
  assert.equal(logs.read(machineId)?.text, "new");
  assert.equal(logs.read(machineId, first)?.text, "älter");
  assert.equal(logs.read(randomUUID()), undefined);
  assert.equal(logs.read(machineId, randomUUID()), undefined);
});

test("what is older than status messages are kept goes, whatever else is there stays", (context) => {
  const folder = testFolder(context);
  const logs = new MachineLogs(folder);
  const [machineId, old, young] = [randomUUID(), randomUUID(), randomUUID()];
  for (const deploymentId of [old, young]) logs.keep({ machineId, deploymentId }, Buffer.from("x"));
  const past = Date.now() / 1000 - (limits.statusDays + 1) * (dayMs / 1000);
  utimesSync(join(folder, `${machineId}.${old}.gz`), past, past);
  logs.prune(Date.now());
  assert.deepEqual(readdirSync(folder), [`${machineId}.${young}.gz`]);
});

test("a question for a log is handed over once", () => {
  const logs = new MachineLogs("/nowhere");
  logs.ask("one", "of");
  assert.deepEqual(
    [logs.takeWanted("other"), logs.takeWanted("one"), logs.takeWanted("one")],
    [{}, { logOf: "of" }, {}],
  );
});
