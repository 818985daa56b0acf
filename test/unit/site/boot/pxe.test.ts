/** What the site decides about machines that boot from the network, and what it keeps of them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { DeploymentRecord } from "../../../../contract/administration.ts";
import type { MachineFacts } from "../../../../contract/machine.ts";
import type { Report } from "../../../../contract/report.ts";
import { limits } from "../../../../contract/limits.ts";
import { Pxe } from "../../../../site/boot/pxe.ts";
import type { ComputerIdentity } from "../../../../site/devices/device-identity.ts";
import { openPxeStore } from "../../../fixtures/pxe-store.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

const { close, pxe, store } = await openPxeStore();
after(close);

type System = MachineFacts["operatingSystem"];
const address = "192.0.2.1";
const newComputer = (): ComputerIdentity => ({ uuid: randomUUID(), mac: null });

async function enrol({ uuid }: ComputerIdentity, operatingSystem: System = "linux"): Promise<string> {
  const facts = { ...machineFacts(`pc ${uuid}`), smbiosUuid: uuid, operatingSystem };
  const id = await store.machines.enrol(facts, randomUUID());
  await pxe.devices.enrolled(id);
  return id;
}

async function deploy(machines: string[], purpose: DeploymentRecord["purpose"]): Promise<DeploymentRecord> {
  const image = storedImage(randomUUID());
  await store.images.add(image);
  return await store.deployments.create({
    name: `deployment of ${image.name}`,
    imageId: image.id,
    machines,
    disk: { removable: false },
    sequenceId: null,
    packages: "all",
    variables: [],
    unattended: true,
    purpose,
    multicast: true,
    multicastOnly: false,
    rateMbps: 0,
    slowClients: { policy: "disconnect", leastMbps: 20 },
  });
}

const common = (deploymentId: string) => ({ id: randomUUID(), deploymentId, time: new Date().toISOString() });
const started = (deploymentId: string): Report => ({
  ...common(deploymentId),
  kind: "started",
  resume: false,
});
function restarting(deploymentId: string): Report {
  const status = {
    step: 3,
    group: "",
    action: "Restart",
    exitCode: 0,
    output: "",
    messageId: 11_142,
    messageName: "restart",
  };
  return { ...common(deploymentId), kind: "step-status", status };
}

test("clearing frees a machine whose sequence goes on from a disk that is no more", async () => {
  const computer = newComputer();
  const machineId = await enrol(computer);
  const { id } = await deploy([machineId], "required");
  await store.deployments.assign(id, machineId);
  await store.reports.take(machineId, [started(id), restarting(id)]);
  assert.equal((await pxe.answer(computer, address)).kind, "local");
  await pxe.clear([randomUUID(), machineId]);
  assert.equal((await pxe.answer(computer, address)).kind, "boot");
  // Times are of milliseconds.
  await delay(2);
  await store.reports.take(machineId, [restarting(id)]);
  assert.equal((await pxe.answer(computer, address)).kind, "local", "a restart that came later counts");
  await pxe.clear("all");
  assert.equal((await pxe.answer(computer, address)).kind, "boot");
});

test("who asks in a machine's name uses up nothing; the machine does, once it is known by its key", async () => {
  const computer = newComputer();
  const [machineId, other] = [await enrol(computer, "linux-pe"), await enrol(newComputer())];
  const { id } = await deploy([machineId], "required");
  for (let times = 0; times < 3; times += 1) await pxe.answer(computer, address);
  assert.equal(await store.pxe.answered(id, machineId), undefined);
  for (const one of [machineId, other]) await store.pxe.noteAsked(id, one);
  assert.equal(await store.pxe.answered(id, machineId), undefined, "nothing is assigned to it");
  await store.deployments.assign(id, machineId);
  await store.pxe.noteAsked(id, machineId);
  const [answered, unanswered] = [machineId, other].map((one) => store.pxe.answered(id, one));
  assert.ok(await answered);
  assert.equal(await unanswered, undefined);
  assert.equal((await pxe.answer(computer, address)).kind, "boot", "so soon it has lost the answer");
  const longAgo = new Date(Date.now() - limits.pxeAnswerGraceMs - 60_000).toISOString();
  await store.pxe.noteStarted(id, machineId, longAgo);
  assert.equal((await pxe.answer(computer, address)).kind, "local");
  await store.pxe.noteAsked(id, machineId);
  assert.equal(await store.pxe.answered(id, machineId), longAgo, "once noted, asking changes nothing");
  assert.equal(await pxe.clear([machineId]), 1);
  assert.equal((await pxe.answer(computer, address)).kind, "boot");
});

test("a machine that asks from its own system has not booted for the deployment", async () => {
  const machineId = await enrol(newComputer());
  const { id } = await deploy([machineId], "required");
  await store.deployments.assign(id, machineId);
  await store.pxe.noteAsked(id, machineId);
  assert.equal(await store.pxe.answered(id, machineId), undefined);
});

const waiting = async () => (await pxe.devices.list()).filter(({ state }) => state === "waiting");

test("a computer that asks twice at once waits once", async () => {
  const computer = newComputer();
  const answers = await Promise.all([1, 2, 3].map(() => pxe.answer(computer, address)));
  assert.deepEqual(new Set(answers.map(({ kind }) => kind)), new Set(["hold"]));
  assert.deepEqual(
    (await waiting()).map(({ uuid }) => uuid),
    [computer.uuid],
  );
});

test("one address makes only so many wait in a minute, and the others do not suffer from it", async () => {
  const [first] = await waiting();
  const flood = "192.0.2.2";
  for (let times = 0; times < limits.pxeWaitingPerMinute + 5; times += 1) {
    assert.equal((await pxe.answer(newComputer(), flood)).kind, "hold");
  }
  assert.equal((await waiting()).length, 1 + limits.pxeWaitingPerMinute);
  const other = newComputer();
  await pxe.answer(other, address);
  assert.ok((await waiting()).some(({ uuid }) => uuid === other.uuid));
  // Whoever is full in number takes nobody's place.
  for (let host = 0; (await waiting()).length < limits.pxeWaitingMost; host += 1) {
    const askers = Array.from({ length: limits.pxeWaitingPerMinute }, newComputer);
    await Promise.all(askers.map((one) => pxe.answer(one, `198.51.100.${host}`)));
  }
  const late = await pxe.answer(newComputer(), address);
  assert.match(late.kind === "local" ? late.reason : late.kind, /too many computers wait/);
  assert.equal((await waiting())[0]?.id, first?.id);
  assert.equal((await waiting()).length, limits.pxeWaitingMost);
  assert.equal((await pxe.answer(other, address)).kind, "hold");
});

test("of two changes of the properties that meet, none is lost", async () => {
  await Promise.all([pxe.change({ delaySeconds: 3 }), pxe.change({ promptSeconds: 9 })]);
  const { delaySeconds, promptSeconds } = (await Pxe.open(store)).properties;
  assert.deepEqual({ delaySeconds, promptSeconds }, { delaySeconds: 3, promptSeconds: 9 });
});

test("who enrols is known from then on, and whether others are approved is not forgotten", async () => {
  const [one, two] = [newComputer(), newComputer()];
  const pe = { ...machineFacts("pe"), smbiosUuid: two.uuid, operatingSystem: "linux-pe" as const };
  const { devices } = pxe;
  const first = await enrol(one);
  assert.equal(await devices.isApproved(first), true);
  assert.equal((await devices.recognise(pe, true)).machineId, undefined);
  const [second, third] = await Promise.all([enrol(two), enrol(newComputer())]);
  assert.equal((await devices.recognise(pe, true)).machineId, second);
  const device = await store.devices.ofMachine(third);
  await devices.setState(device?.id ?? "", "refused");
  assert.equal(await devices.isApproved(third), false);
  assert.equal(await devices.isApproved(first), true);
});
