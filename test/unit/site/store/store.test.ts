/** What the store decides by itself: who is to do what, what counts once, what is never given twice. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { MachineFacts } from "../../../../contract/machine.ts";
import type { Report } from "../../../../contract/report.ts";
import type { Store } from "../../../../site/store/store.ts";
import { everyStore } from "../../../fixtures/every-store.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

let store: Store;
const test = everyStore((one) => {
  store = one;
});

const enrol = (name: string, more: Partial<MachineFacts> = {}) =>
  store.machines.enrol({ ...machineFacts(name), ...more }, randomUUID());

async function deployment(name: string, machines: "all" | string[]) {
  const image = storedImage(`${name} image`);
  await store.images.add(image);
  const wish = {
    name,
    imageId: image.id,
    machines,
    disk: { removable: false },
    sequenceId: null,
    packages: "all" as const,
    variables: [],
  };
  const more = {
    unattended: true,
    purpose: "available" as const,
    multicast: true,
    multicastOnly: false,
    rateMbps: 0,
    slowClients: { policy: "disconnect" as const, leastMbps: 20 },
  };
  return { ...(await store.deployments.create({ ...wish, ...more })), imageId: image.id };
}

const report = (deploymentId: string, kind: "started" | "succeeded" | "failed"): Report => {
  const common = { id: randomUUID(), deploymentId, time: new Date().toISOString() };
  if (kind === "started") return { ...common, kind, resume: false };
  if (kind === "failed") {
    return { ...common, kind, error: { code: "E_DEVICE_WRITE", detail: "sda", remedy: "replace" } };
  }
  const outcome = {
    root: "0".repeat(64),
    multicastBytes: 1,
    unicastBytes: 2,
    foundChunks: 0,
    repairedSymbols: 0,
    seconds: 3,
  };
  return { ...common, kind, outcome };
};

test("a credential is used as often as it says, and not after its end", async () => {
  await store.credentials.add({
    id: randomUUID(),
    tokenHash: "two",
    uses: 2,
    expires: "2100-01-01T00:00:00.000Z",
  });
  await store.credentials.add({
    id: randomUUID(),
    tokenHash: "old",
    uses: 2,
    expires: "2001-01-01T00:00:00.000Z",
  });
  const uses = await Promise.all([1, 2, 3, 4].map(() => store.credentials.use("two")));
  assert.equal(uses.filter(Boolean).length, 2);
  assert.equal(await store.credentials.use("old"), undefined);
  assert.equal(await store.credentials.use("unknown"), undefined);
});

test("a machine that forgot its key is recognised, others are not mistaken for it", async () => {
  const first = await enrol("known", { macAddresses: ["02:00:00:00:00:01", "02:00:00:00:00:02"] });
  assert.equal(await enrol("known", { macAddresses: ["02:00:00:00:00:02", "02:00:00:00:00:01"] }), first);
  assert.notEqual(await enrol("known", { macAddresses: ["02:00:00:00:00:03"] }), first);
  assert.notEqual(await enrol("other", { macAddresses: ["02:00:00:00:00:01", "02:00:00:00:00:02"] }), first);
  const anonymous = { macAddresses: [], smbiosUuid: null };
  assert.notEqual(await enrol("anonymous", anonymous), await enrol("anonymous", anonymous));
});

test("a machine is given the newest open deployment that is for it, until it succeeded", async () => {
  const [machine, stranger] = [await enrol("due"), await enrol("stranger")];
  const older = await deployment("older", [machine]);
  const newer = await deployment("newer", [machine]);
  assert.equal((await store.deployments.dueFor(machine))?.id, newer.id);
  assert.equal(await store.deployments.dueFor(stranger), undefined);
  assert.equal(await store.deployments.isFor(newer.id, stranger), false);
  assert.equal(await store.deployments.machineMayRead(stranger, newer.imageId), false);
  assert.equal(await store.deployments.machineMayRead(machine, newer.imageId), true);

  await store.deployments.assign(newer.id, machine);
  await store.reports.take(machine, [report(newer.id, "started"), report(newer.id, "failed")]);
  assert.equal((await store.deployments.dueFor(machine))?.id, newer.id, "after a failure it may try again");
  await store.reports.take(machine, [report(newer.id, "succeeded")]);
  assert.equal((await store.deployments.dueFor(machine))?.id, older.id);
  await store.deployments.close(older.id);
  assert.equal(await store.deployments.dueFor(machine), undefined);
  const all = await deployment("for all", "all");
  assert.equal((await store.deployments.dueFor(stranger))?.id, all.id);
  await store.deployments.remove(all.id);
});

test("a deployment that falls due in the middle of a run waits until the run has ended", async () => {
  const machine = await enrol("busy");
  const begun = await deployment("begun", [machine]);
  await store.deployments.assign(begun.id, machine);
  await store.reports.take(machine, [report(begun.id, "started")]);
  const newer = await deployment("newer than the run", [machine]);
  assert.equal((await store.deployments.dueFor(machine))?.id, begun.id);
  await store.reports.take(machine, [report(begun.id, "failed")]);
  assert.equal((await store.deployments.dueFor(machine))?.id, newer.id);
});

test("an enrolled machine that is forgotten is let in no more than before", async () => {
  for (const state of ["waiting", "refused", "approved"] as const) {
    const id = await enrol(`forgotten ${state}`);
    const device = await store.devices.ofMachine(id);
    assert.ok(device);
    await store.devices.setState(device.id, state);
    await store.devices.forget(device.id);
    assert.equal((await store.devices.ofMachine(id))?.state, state);
  }
  const told = await store.devices.add({ name: "told", uuid: randomUUID(), mac: null }, "refused");
  await store.devices.forget(told.id);
  assert.equal(await store.devices.find(told.id), undefined);
});

test("what many machines report at once is kept as each told it, and one that cannot be kept spoils no other's", async () => {
  const machines = await Promise.all(Array.from({ length: 12 }, (_, number) => enrol(`at once ${number}`)));
  const target = await deployment("at once", machines);
  for (const machine of machines) await store.deployments.assign(target.id, machine);
  const taken = await Promise.allSettled(
    machines.map(async (machine, number) => {
      const started = report(target.id, "started");
      const twice = [started, report(target.id, number % 2 === 0 ? "failed" : "succeeded"), started];
      const notice = { id: randomUUID(), deploymentId: target.id, time: new Date().toISOString() };
      // PostgreSQL has no text with that character in it.
      const more: Report[] = number === 5 ? [{ ...notice, kind: "notice", text: "\u0000" }] : [];
      return await store.reports.take(machine, [...twice, ...more]);
    }),
  );
  for (const [number, machine] of machines.entries()) {
    const one = taken[number];
    const work = await store.reports.work(target.id, machine);
    if (number === 5) {
      assert.equal(one?.status, "rejected");
      assert.equal(work?.state, "enrolled");
      continue;
    }
    assert.equal(one?.status === "fulfilled" && one.value.length, 2);
    assert.equal(work?.state, number % 2 === 0 ? "failed" : "succeeded");
    assert.equal(work?.error?.detail, number % 2 === 0 ? "sda" : undefined);
    assert.equal(work?.outcome?.unicastBytes, number % 2 === 0 ? undefined : 2);
  }
});

test("a report counts once however often it comes, and those of other machines are others", async () => {
  const [one, two] = [await enrol("one"), await enrol("two")];
  const target = await deployment("reports", [one, two]);
  await store.deployments.assign(target.id, one);
  await store.deployments.assign(target.id, two);
  const [failed, succeeded] = [report(target.id, "failed"), report(target.id, "succeeded")];
  assert.equal((await store.reports.take(one, [failed, succeeded])).length, 2);
  assert.equal((await store.reports.take(one, [failed, succeeded, failed])).length, 0);
  assert.equal((await store.reports.take(two, [{ ...failed }])).length, 1);
  const machines = new Map((await store.machines.list()).map((machine) => [machine.id, machine]));
  assert.equal(machines.get(one)?.state, "succeeded");
  assert.equal(machines.get(one)?.error, null);
  assert.equal(machines.get(two)?.state, "failed");
  assert.equal(machines.get(two)?.error?.code, "E_DEVICE_WRITE");
  assert.equal((await store.reports.take(one, [report(randomUUID(), "failed")])).length, 1);
});

test("the statuses of a sequence's steps are kept once each, in their order, and change nothing else", async () => {
  const [one, two] = [await enrol("steps"), await enrol("other steps")];
  const target = await deployment("sequence", [one, two]);
  await store.deployments.assign(target.id, one);
  const statusReport = (action: string): Report => ({
    id: randomUUID(),
    deploymentId: target.id,
    time: "2024-01-02T03:04:05.000Z",
    kind: "step-status",
    status: {
      messageId: 11_135,
      messageName: "failed",
      step: 3,
      group: "Install",
      action,
      exitCode: 0x80070002,
      output: "not found",
    },
  });
  const [first, second] = [statusReport("a"), statusReport("b")];
  assert.equal((await store.reports.take(one, [first, second, first])).length, 2);
  assert.equal((await store.reports.take(one, [second])).length, 0);
  const kept = await store.reports.statuses(target.id, one);
  assert.deepEqual(
    kept.map(({ action, exitCode, time }) => [action, exitCode, time]),
    [
      ["a", 0x80070002, "2024-01-02T03:04:05.000Z"],
      ["b", 0x80070002, "2024-01-02T03:04:05.000Z"],
    ],
  );
  assert.deepEqual(await store.reports.statuses(target.id, two), []);
  const machine = (await store.machines.list()).find(({ id }) => id === one);
  assert.equal(machine?.state, "enrolled");
});

test("start and receiver numbers are never given twice", async () => {
  const [machine] = [await enrol("numbers")];
  const target = await deployment("numbers", [machine]);
  const id = randomUUID();
  await store.sessions.add({
    id,
    deploymentId: target.id,
    imageId: target.imageId,
    number: 2 ** 32 - 1,
    stream: 0,
    group: "239.192.16.1",
    port: 22_000,
    mtu: 1500,
    encrypted: false,
    start: 0,
    sessionKey: "aa",
    feedbackSecret: "bb",
    feedbackPort: 0,
    unicastPort: 0,
    multicastBytes: 0,
    unicastBytes: 0,
    parityPart: 0,
    open: true,
    end: null,
  });
  const starts = await Promise.all([1, 2, 3].map(() => store.sessions.nextStart(id)));
  assert.deepEqual(
    starts.toSorted((one, other) => one - other),
    [1, 2, 3],
  );
  const receivers = await Promise.all(
    [1, 2, 3].map(() => store.sessions.addParticipant(id, machine, "slow")),
  );
  assert.equal(new Set(receivers).size, 3);
  const unfinished = (await store.sessions.participants([id])).filter((participant) => !participant.finished);
  assert.equal(unfinished.length, 1, "an earlier join of a machine is over when it joins again");
  assert.equal(unfinished[0]?.moved, "slow");
  await store.sessions.noteMoved(id, machine, "slower");
  assert.deepEqual((await store.sessions.participants([id])).map(({ moved }) => moved).toSorted(), [
    "slow",
    "slow",
    "slower",
  ]);
  await store.sessions.finishParticipant(target.id, machine);
  assert.ok((await store.sessions.participants([id])).every((participant) => participant.finished));
});

test("an image in use cannot be removed, and names are unique", async () => {
  const target = await deployment("uses", "all");
  await assert.rejects(store.images.remove(target.imageId));
  await assert.rejects(store.images.add({ ...storedImage("uses image"), id: randomUUID() }));
  await store.deployments.remove(target.id);
  await store.images.remove(target.imageId);
  assert.equal(await store.images.find(target.imageId), undefined);
});

test("of two administrators who lock each other out at once, one stays", async () => {
  const proof = {
    algorithm: "scrypt" as const,
    hash: "00",
    salt: "00",
    cost: 2,
    blockSize: 1,
    parallelization: 1,
  };
  const role = "administrator" as const;
  for (const name of ["one", "two"]) {
    await store.accounts.add({ name, role, proof, mustChangePassword: false });
  }
  const accounts = await store.accounts.list();
  const changes = accounts.map(({ id }) => store.accounts.change(id, { disabled: true }));
  const ended = await Promise.allSettled(changes);
  assert.deepEqual(ended.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  assert.equal((await store.accounts.list()).filter(({ disabled }) => !disabled).length, 1);
});
