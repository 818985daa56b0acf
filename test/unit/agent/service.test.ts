/** What the agent does with the site's answers all day: begin, go on, leave alone, end. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { pause } from "../../../agent/back-off.ts";
import type { SeenDisks } from "../../../agent/deploying/seen-disks.ts";
import { serve } from "../../../agent/deploying/service.ts";
import type { Log } from "../../../agent/report/logs.ts";
import type { Policy } from "../../../contract/deployment.ts";
import { VolleyError } from "../../../contract/errors.ts";

const noWord = (): void => {};
const silent: Log = { info: noWord, warning: noWord, error: noWord, detail: noWord };
const seenDisks: SeenDisks = { remember: async () => {}, newOne: async () => null };
const deployment: NonNullable<Policy["deployment"]> = {
  id: randomUUID(),
  name: "d",
  image: {
    id: randomUUID(),
    name: "i",
    root: "0".repeat(64),
    bytes: 1,
    contentBytes: 1,
    smallestDiskBytes: 1,
    sectorBytes: 512,
    firmware: [],
    multicast: "allowed",
    encrypt: false,
  },
  sequence: null,
  packages: "all",
  disk: { removable: false },
  unattended: true,
  multicast: true,
  multicastOnly: false,
  failed: false,
};

test("once: the first deployment decides how the agent ends", async () => {
  const options = {
    once: true,
    leaveFailed: false,
    resumes: null,
    onGone: () => {},
    enrol: async () => null,
    pause: async () => {},
    policy: async () => ({ deployment }),
    seenDisks,
    log: silent,
    signal: new AbortController().signal,
  };
  await serve({ ...options, perform: async () => null });
  const failing = async (): Promise<never> => {
    throw new VolleyError("E_DEVICE_WRITE", "x");
  };
  await assert.rejects(serve({ ...options, perform: failing }), { code: "E_DEVICE_WRITE" });
});

test("what goes on with one deployment does nothing else, and says when that one is gone", async () => {
  let performed = 0;
  let gone = 0;
  const options = {
    once: true,
    leaveFailed: false,
    onGone: () => (gone += 1),
    enrol: async () => null,
    pause: async () => {},
    perform: async () => (performed += 1),
    seenDisks,
    log: silent,
    signal: new AbortController().signal,
  };
  await serve({ ...options, resumes: deployment.id, policy: async () => ({ deployment }) });
  assert.deepEqual([performed, gone], [1, 0]);
  await serve({ ...options, resumes: "another", policy: async () => ({ deployment }) });
  await serve({ ...options, resumes: deployment.id, policy: async () => ({ deployment: null }) });
  assert.deepEqual([performed, gone], [1, 2]);
});

test("as a service it survives a failure, and does not begin the same deployment anew", async () => {
  const stop = new AbortController();
  let performed = 0;
  const errors: string[] = [];
  const served = serve({
    once: false,
    leaveFailed: true,
    resumes: null,
    onGone: () => {},
    enrol: async () => null,
    pause: () => pause(5, stop.signal),
    policy: async () => ({ deployment }),
    perform: async () => {
      performed += 1;
      setTimeout(() => stop.abort(), 100);
      throw new VolleyError("E_DEVICE_WRITE", "the disk is bad");
    },
    seenDisks,
    log: { ...silent, error: (text) => errors.push(text) },
    signal: stop.signal,
  });
  await assert.rejects(served, { code: "E_CANCELLED" });
  assert.equal(performed, 1);
  assert.match(errors.join(), /E_DEVICE_WRITE: the disk is bad/);
});

test("as a service it leaves what has failed alone until the site says once more, also at its next start", async () => {
  const stop = new AbortController();
  const failed = { ...deployment, failed: true };
  const later = { ...deployment, id: randomUUID() };
  // The site has not heard of the failure yet, then has; then it is cleared; then it succeeds, and another one comes.
  const policies = [
    failed,
    deployment,
    deployment,
    failed,
    failed,
    deployment,
    deployment,
    null,
    deployment,
    later,
  ];
  const performed: [number, string][] = [];
  const lines: string[] = [];
  let asked = 0;
  const served = serve({
    once: false,
    leaveFailed: true,
    resumes: null,
    onGone: () => {},
    enrol: async () => null,
    pause: () => pause(1, stop.signal),
    policy: async () => {
      const policy = policies[asked];
      asked += 1;
      if (asked === policies.length) stop.abort();
      return { deployment: policy ?? null };
    },
    perform: async ({ id }) => {
      performed.push([asked, id]);
      if (asked === 2) throw new VolleyError("E_DEVICE_WRITE", "the disk is bad");
    },
    seenDisks,
    log: { ...silent, info: (text) => lines.push(text) },
    signal: stop.signal,
  });
  await assert.rejects(served, { code: "E_CANCELLED" });
  assert.deepEqual(performed, [
    [2, deployment.id],
    [6, deployment.id],
    [9, deployment.id],
    [10, later.id],
  ]);
  assert.match(lines[0] ?? "", /^"d" has failed on this machine; .*volley deployment clear/);
});

test("what is started for one deployment begins what has failed, or waits until it is cleared", async () => {
  const failed = { ...deployment, failed: true };
  const answers = [failed, failed, deployment];
  let asked = 0;
  const begun: number[] = [];
  const options = {
    once: true,
    resumes: null,
    onGone: () => {},
    enrol: async () => null,
    pause: async () => {},
    policy: async () => ({ deployment: answers[asked++] ?? null }),
    perform: async () => begun.push(asked),
    seenDisks,
    log: silent,
    signal: new AbortController().signal,
  };
  await serve({ ...options, leaveFailed: false });
  asked = 0;
  await serve({ ...options, leaveFailed: true });
  assert.deepEqual(begun, [1, 3]);
});

test("what has failed is begun once more when there is a disk that was not there before", async () => {
  const lines: string[] = [];
  const disks = [null, null, "/dev/vda"];
  const done: string[] = [];
  await serve({
    once: true,
    leaveFailed: true,
    resumes: null,
    onGone: () => {},
    enrol: async () => null,
    pause: async () => {},
    policy: async () => ({ deployment: { ...deployment, failed: true } }),
    perform: async () => done.push("performed"),
    seenDisks: {
      remember: async () => void done.push("remembered"),
      newOne: async () => disks.shift() ?? null,
    },
    log: { ...silent, info: (text) => lines.push(text) },
    signal: new AbortController().signal,
  });
  assert.deepEqual(done, ["remembered", "performed"]);
  assert.equal(disks.length, 0);
  assert.match(lines.at(-1) ?? "", /^Disk \/dev\/vda is new here/);
});
