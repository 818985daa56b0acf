/** What the agent of an applied Linux goes on with: made twice, and never less after the second time than before. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { handOver } from "../../../agent/deploying/hand-over.ts";
import type { Performer, SequenceDeployment } from "../../../agent/deploying/performer.ts";
import type { RanSequence } from "../../../agent/sequence/run.ts";
import { openStateFolder } from "../../../agent/state-folder.ts";
import { testFolder } from "../../fixtures/folder.ts";

const id = "11111111-2222-4333-8444-555555555555";

function machineOf(t: TestContext) {
  const folder = testFolder(t);
  const root = join(folder, "new system");
  const state = openStateFolder(join(folder, "state"), () => {});
  const run = join(state.path, "deployments", id);
  mkdirSync(run, { recursive: true });
  mkdirSync(join(state.path, "logs"));
  writeFileSync(join(state.path, "logs/smsts.log"), "log");
  writeFileSync(join(state.path, "enrolment.json"), "key");
  writeFileSync(join(run, "sequence-checkpoint.json"), "first");
  writeFileSync(join(folder, "program"), "program");
  const target = join(root, "var/lib/volley-agent");
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "enrolment.json"), "of the machine that the image was made of");
  const warnings: string[] = [];
  const site = { enrol: () => Promise.resolve({ authority: "authority", site: "site:1", machineId: id }) };
  const by = {
    state,
    site,
    platform: { flushFolder() {} },
    delivery: { settle: () => Promise.resolve() },
    program: join(folder, "program"),
    disk: null,
    yes: false,
    log: { warning: (text: string) => void warnings.push(text), info() {}, detail() {}, error() {} },
  } as unknown as Performer;
  const handing = handOver({ id } as SequenceDeployment, run, by);
  const ran = { end: { kind: "restart", target: "HD" }, environment: { get: () => root } };
  return {
    handing,
    run,
    site,
    state,
    target,
    warnings,
    finish: () => handing.finish(ran as unknown as RanSequence),
    read: (path: string) => readFileSync(join(target, path), "utf8"),
    toLinux: () => handing.toLinux(root),
  };
}

test("the second copy has the place in the sequence too, and the image's own state is gone", async (t) => {
  const { finish, read, run, target, toLinux, warnings } = machineOf(t);
  await toLinux();
  const place = `deployments/${id}/sequence-checkpoint.json`;
  assert.ok(!existsSync(join(target, place)));
  assert.equal(read("enrolment.json"), "key");
  assert.equal(read("logs/smsts.log"), "log");
  writeFileSync(join(run, "sequence-checkpoint.json"), "second");
  await finish();
  assert.equal(read(place), "second");
  assert.deepEqual(readdirSync(join(target, "..")), ["volley-agent"]);
  assert.deepEqual(warnings, []);
});

test("a second copy that fails leaves the first, whole", async (t) => {
  const { finish, read, site, target, toLinux, warnings } = machineOf(t);
  await toLinux();
  site.enrol = () => Promise.reject(new Error("the volume is full"));
  await finish();
  assert.equal(warnings.length, 1);
  assert.equal(read("enrolment.json"), "key");
  assert.match(read("hand-over.json"), new RegExp(id));
  assert.deepEqual(readdirSync(join(target, "..")), ["volley-agent"]);
});

test("logs that cannot be copied keep nothing from being handed over", async (t) => {
  const { finish, read, state, target, toLinux, warnings } = machineOf(t);
  await toLinux();
  // A folder cannot take the place of a file.
  mkdirSync(join(state.path, "logs/more"));
  symlinkSync("nowhere", join(target, "logs/more"));
  await finish();
  assert.match(warnings.join(), /no copy of the logs/);
  assert.equal(read(`deployments/${id}/sequence-checkpoint.json`), "first");
});
