/** Wipe Disk (MDT): every sector of the first disk, behind a plan, and nothing where WipeDisk does not say TRUE. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import { runStepTool } from "../../../../agent/platform/step-tools.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { KeptState, StepServices } from "../../../../agent/steps/services.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { wipeDisk } from "../../../../agent/steps/toolkit/wipe-disk.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk, type LoopDisk } from "../../../fixtures/loop-disk.ts";
import { processTools, testContext } from "../../../fixtures/step-context.ts";
import { makeRoom } from "../../../fixtures/windows-room.ts";

const megabyte = 1024 ** 2;
const TRUE = { WipeDisk: "TRUE" };

/** Marks at the beginning, in the middle, before and in the last sector. */
function mark({ facts, path }: LoopDisk): number[] {
  const { sizeBytes } = facts;
  const places = [0, sizeBytes / 2, sizeBytes - 5 * megabyte, sizeBytes - 512];
  const file = openSync(path, "r+");
  for (const at of places) writeSync(file, Buffer.alloc(512, 0xa5), 0, 512, at);
  closeSync(file);
  return places;
}

function marked(path: string, places: readonly number[]): number[] {
  execFileSync("blockdev", ["--flushbufs", path]);
  const file = openSync(path, "r");
  const found = places.filter((at) => {
    const sector = Buffer.alloc(512);
    readSync(file, sector, 0, 512, at);
    return sector.includes(0xa5);
  });
  closeSync(file);
  return found;
}

test("on Linux: zeros over every sector, three times, with how far it is and how fast", async (t) => {
  // The last piece is no whole block.
  const disk = loopDisk(t, { megabytes: 70 });
  const folder = testFolder(t);
  const places = mark(disk);
  assert.deepEqual(marked(disk.path, places), places);
  const context = testContext({
    variables: TRUE,
    services: { disks: disksOf(disk), folders: { work: folder } },
  });
  const steps: [number, string][] = [];
  context.progress = (fraction, doing) => void steps.push([fraction, doing]);
  const outcome = await wipeDisk.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.deepEqual(marked(disk.path, places), []);
  execFileSync("cmp", ["--bytes", String(disk.facts.sizeBytes), disk.path, "/dev/zero"]);
  assert.equal(context.runs.filter(({ command }) => command[0] === "dd").length, 3);
  assert.deepEqual(
    steps.map(([fraction]) => fraction.toFixed(2)),
    ["0.33", "0.67", "1.00"],
  );
  for (const [index, [, doing]] of steps.entries()) {
    assert.match(doing, new RegExp(`time ${index + 1} of 3, [0-9.]+ [kMGT]?B/s$`));
  }
  assert.match(context.plans.flat().join("\n"), /Every sector of .* is overwritten 3 times:\n {2}lost:/);
});

test("WipeDisk has to be TRUE, in upper case", async (t) => {
  const disk = loopDisk(t, { megabytes: 8 });
  const places = mark(disk);
  for (const WipeDisk of ["", "True", "true", "YES", "FALSE"]) {
    const context = testContext({ variables: { WipeDisk }, services: { disks: disksOf(disk) } });
    const outcome = await wipeDisk.perform(context);
    assert.equal(outcome.exitCode, 0);
    assert.match(outcome.text, /^Nothing is wiped/, WipeDisk);
    assert.deepEqual(context.plans, []);
    assert.deepEqual(context.runs, []);
  }
  assert.deepEqual(marked(disk.path, places), places);
});

test("a disk that may not be taken, and a plan that is declined or cannot be shown, are left", async (t) => {
  const disk = loopDisk(t, { megabytes: 8 });
  const places = mark(disk);
  const work = testFolder(t);
  const taken = (facts: object): StepServices => ({
    disks: { list: () => Promise.resolve([{ ...disk.facts, ...facts }]) },
  });
  const declined = { show: () => Promise.reject(new VolleyError("E_PLAN_DECLINED", "no")) };
  const rows: [string, StepServices, number][] = [
    ["of the running system", taken({ systemUses: ["holds the root file system"] }), codes.accessDenied],
    ["in use", taken({ otherUses: ["is mounted"] }), codes.accessDenied],
    ["removable", taken({ removable: true }), codes.accessDenied],
    ["read-only", taken({ readOnly: true }), codes.accessDenied],
    ["declined", { disks: disksOf(disk), plans: declined }, codes.accessDenied],
    ["none", { disks: { list: () => Promise.resolve([]) } }, codes.notFound],
  ];
  for (const [name, services, exitCode] of rows) {
    const context = testContext({ variables: TRUE, services: { ...services, folders: { work } } });
    assert.equal((await wipeDisk.perform(context)).exitCode, exitCode, name);
    assert.deepEqual(context.runs, [], name);
  }
  const unseen = testContext({ variables: TRUE, services: { disks: disksOf(disk), folders: { work } } });
  delete unseen.services?.plans;
  assert.equal((await wipeDisk.perform(unseen)).exitCode, codes.notReadyYet);
  assert.deepEqual(marked(disk.path, places), places);
});

test("users' files that are kept at the disk's end are spared, and the plan says so", async (t) => {
  const disk = loopDisk(t, { megabytes: 64 });
  const places = mark(disk);
  const offset = 40 * megabyte;
  const keptState = {
    find: () => Promise.resolve(null),
    facts: () => ({ bytes: 1, reserve: { identity: disk.facts.identity, offset } }),
  } as unknown as KeptState;
  const context = testContext({
    variables: { ...TRUE, _VolleyKeptState: "place" },
    services: { disks: disksOf(disk), folders: { work: testFolder(t) }, keptState },
  });
  assert.equal((await wipeDisk.perform(context)).exitCode, 0);
  assert.deepEqual(
    marked(disk.path, places),
    places.filter((at) => at >= offset),
  );
  assert.match(context.plans.flat().join("\n"), /kept: users' files, from 41\.9 MB on/);
});

test("whoever ends the run ends the wiping, and what was not reached stays", async (t) => {
  const disk = loopDisk(t, { megabytes: 300 });
  const places = mark(disk);
  const ending = new AbortController();
  const ended: (number | null)[] = [];
  const tools: Tools = {
    run(run) {
      if (run.command[0] !== "dd") return processTools.run(run);
      // The end comes while the program writes.
      setTimeout(() => ending.abort(), 5);
      return runStepTool(run, {
        environment: process.env,
        mark: "wipe-disk-test",
        outputCharacters: 1000,
        timeLeftMs: () => Infinity,
        signal: ending.signal,
        endTree(root) {
          ended.push(root);
          if (root !== null) process.kill(root, "SIGKILL");
          return Promise.resolve();
        },
      });
    },
  };
  const context = testContext({
    variables: TRUE,
    services: { disks: disksOf(disk), folders: { work: testFolder(t) } },
    tools,
  });
  await assert.rejects(wipeDisk.perform(context), { code: "E_CANCELLED" });
  assert.equal(ended.length, 1);
  const [, , , last] = places;
  assert.ok(
    last !== undefined && marked(disk.path, places).includes(last),
    "the last sector was not reached",
  );
});

test("on Windows PE: diskpart's clean all, three times; a running system wipes nothing", async (t) => {
  const room = makeRoom(t, "winpe");
  const facts = { ...loopDisk(t, { megabytes: 8 }).facts, kind: "disk" as const, number: 0, path: "disk 0" };
  room.services.disks = { list: () => Promise.resolve([facts]) };
  const { context, outcome } = await room.perform("ZTIWipeDisk", {}, TRUE);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  const wiping = room.machine.done.filter((line) => line === "clean all" || line === "select disk 0");
  assert.equal(wiping.join(", "), Array(3).fill("select disk 0, clean all").join(", "));
  assert.deepEqual(room.machine.disks[0]?.partitions, []);
  assert.equal(context.plans.length, 1);
  for (const system of ["windows", "linux"] as const) {
    const full = testContext({ system, variables: TRUE });
    assert.equal((await wipeDisk.perform(full)).exitCode, codes.notSupported);
  }
});
