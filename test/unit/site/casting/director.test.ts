/** The life of sessions, with a sender that sends nothing and a clock that is moved by hand. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test, type TestContext } from "node:test";
import type { DeploymentRecord } from "../../../../contract/administration.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { limits } from "../../../../contract/limits.ts";
import type { Progress } from "../../../../contract/report.ts";
import type { Director } from "../../../../site/casting/director.ts";
import { openStore, type Store } from "../../../../site/store/store.ts";
import type { CasterStatistics } from "../../../../native/index.ts";
import { newDirector } from "../../../fixtures/director.ts";
import { fakeCasting, type FakeCaster, type FakeCasting } from "../../../fixtures/fake-casting.ts";
import { fakeGroups } from "../../../fixtures/fake-groups.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

let folder: string;
let store: Store;
let made = 0;
const groups = fakeGroups();
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "volley-director-"));
  store = await openStore(join(folder, "database"));
});
afterEach(async () => {
  await closeAll();
  groups.given.clear();
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Closes what earlier tests left open: a director goes on with every session it finds. */
async function closeAll(): Promise<void> {
  for (const session of await store.sessions.listOpen()) {
    await store.sessions.close(session.id, session, { reason: "done" });
  }
}

async function startDirector(context: TestContext, native: FakeCasting, ports = 1000): Promise<Director> {
  const director = newDirector({ store, folder, native, groups, ports });
  await director.start();
  context.after(() => director.stop());
  return director;
}

async function newDeployment(more: Partial<DeploymentRecord> = {}): Promise<DeploymentRecord> {
  const image = storedImage(`image ${(made += 1)}`);
  await store.images.add(image);
  const wish = {
    imageId: image.id,
    machines: "all" as const,
    disk: { removable: false },
    sequenceId: null,
    packages: "all" as const,
    variables: [],
  };
  return await store.deployments.create({
    ...wish,
    name: `deployment ${made}`,
    unattended: true,
    purpose: "available" as const,
    multicast: true,
    multicastOnly: false,
    rateMbps: 80,
    slowClients: { policy: "none" },
    ...more,
  });
}

const receiving: Progress = {
  sessionId: "",
  phase: "receiving",
  waitingFor: "",
  bottleneck: "site",
  bytesVerified: 0,
  bytesTotal: 1e12,
  multicastBytes: 0,
  unicastBytes: 0,
  repairedSymbols: 0,
  bytesPerSecond: 0,
  secondsLeft: null,
};

const next = (director: Director, sessionId: string, deploymentId: string): string =>
  director.progress(randomUUID(), deploymentId, { ...receiving, sessionId }).next;

const newMachine = (): Promise<string> =>
  store.machines.enrol(machineFacts(`machine ${(made += 1)}`), `key ${made}`);

const openSessions = async (deployment: DeploymentRecord) =>
  (await store.sessions.listOpen()).filter((session) => session.deploymentId === deployment.id);

test("the first join starts one sender, the others share it, and every join is a receiver of its own", async (context) => {
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const deployment = await newDeployment();
  const machines = await Promise.all([newMachine(), newMachine()]);
  const answers = await Promise.all(
    [...machines, ...machines].map((machine) => director.join(machine, deployment)),
  );
  assert.equal(native.casters.length, 1);
  assert.equal(new Set(answers.map((answer) => answer.session.id)).size, 1);
  assert.equal(new Set(answers.map((answer) => answer.receiver.number)).size, 4);
  const [options] = native.casters.map((caster) => caster.options);
  assert.equal(options?.start, 1);
  assert.equal(options?.rateBytesPerSecond, 10_000_000);
  assert.equal(options?.sessionKey.toString("hex"), answers[0]?.session.key);
  assert.equal(answers[0]?.feedbackPort, options?.feedbackPort);
  assert.equal(director.records()[0]?.machines, 2);
  assert.equal(next(director, answers[0]?.session.id ?? "", deployment.id), "go-on");
  assert.equal(next(director, "00000000-0000-4000-8000-000000000000", deployment.id), "rejoin");
});

test("sessions at the same time share neither number, group nor port", async (context) => {
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const machine = await newMachine();
  for (let index = 0; index < 5; index += 1) await director.join(machine, await newDeployment());
  const options = native.casters.map((caster) => caster.options);
  for (const field of ["session", "group", "port"] as const) {
    assert.equal(new Set(options.map((one) => one[field])).size, 5, field);
  }
  const ports = options.flatMap((one) => [one.port, one.feedbackPort, one.unicastPort]);
  assert.equal(new Set(ports).size, 15);
});

/** Twenty seconds of a session at 400 Mbit/s in which the machines verify so many megabytes a second. */
async function castFor20s(
  context: TestContext,
  director: Director,
  { caster, rates, tell }: { caster: FakeCaster; rates: [string, number][]; tell: Tell },
): Promise<void> {
  const megabyte = 1e6;
  for (let second = 0; second <= 20; second += 1) {
    caster.figures = { ...caster.figures, multicastBytes: second * 50 * megabyte };
    for (const [machine, rate] of rates) tell(machine, second * rate * megabyte);
    context.mock.timers.tick(limits.sessionCheckMs);
    await director.closeDeployment("no such deployment");
  }
}
type Tell = (machine: string, bytesVerified: number) => void;

test("a machine that is too slow by the deployment's rule is moved, also as another receiver, and told why", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const deployment = await newDeployment({ slowClients: { policy: "disconnect", leastMbps: 100 } });
  const [slow, quick] = [await newMachine(), await newMachine()];
  const { receiver, session } = await director.join(slow, deployment);
  await director.join(quick, deployment);
  const [caster] = native.casters;
  assert.ok(caster);
  const tell = (machine: string, bytesVerified: number) =>
    director.progress(machine, deployment.id, { ...receiving, sessionId: session.id, bytesVerified });
  const rates: [string, number][] = [
    [slow, 2],
    [quick, 50],
  ];
  await castFor20s(context, director, { caster, rates, tell });
  assert.deepEqual(caster.moves, [{ receiver: receiver.number, moved: true }]);
  const { moved } = tell(slow, 40e6);
  assert.match(moved, /^It verified 16 Mbit\/s over 15 s, less than the 100 of its deployment$/);
  assert.equal(tell(quick, 1e9).moved, "");
  assert.deepEqual(director.records()[0]?.moved, [{ machineId: slow, reason: moved, to: "unicast" }]);
  const again = await director.join(slow, deployment);
  assert.deepEqual(caster.moves[1], { receiver: again.receiver.number, moved: true });

  await director.stop();
  const second = fakeCasting();
  const restarted = await startDirector(context, second);
  const lasting = second.casters.find((one) => one.options.session === session.number);
  assert.deepEqual(lasting?.moves.at(-1), { receiver: again.receiver.number, moved: true });
  assert.equal(restarted.records()[0]?.moved[0]?.reason, moved);
});

test("where all goes by multicast no unicast is served, and a slow machine is out until it has ended", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const slowClients = { policy: "disconnect", leastMbps: 100 } as const;
  const deployment = await newDeployment({ slowClients, multicastOnly: true });
  const slow = await newMachine();
  const { session, unicastPort } = await director.join(slow, deployment);
  assert.equal(unicastPort, null);
  const [caster] = native.casters;
  assert.ok(caster);
  assert.equal(caster.options.unicastPort, null);
  const tell = (bytesVerified: number) =>
    director.progress(slow, deployment.id, { ...receiving, sessionId: session.id, bytesVerified });
  const out = (error: VolleyError): boolean =>
    error.code === "E_TOO_SLOW" && error.detail.startsWith("It verified 16 Mbit/s over 15 s, less than");
  let refused = 0;
  const tellUntilOut: Tell = (_, bytesVerified) => {
    try {
      tell(bytesVerified);
    } catch (error) {
      refused += Number(out(error as VolleyError));
    }
  };
  await castFor20s(context, director, { caster, rates: [[slow, 2]], tell: tellUntilOut });
  assert.ok(refused > 0);
  assert.throws(() => tell(40e6), out);
  await assert.rejects(director.join(slow, deployment), out);
  assert.equal(director.records()[0]?.moved[0]?.to, "out");
  await director.finished(deployment.id, slow);
  await director.join(slow, deployment);
  assert.equal(tell(0).moved, "", "it may try again");
});

for (const { multicastOnly, to } of [
  { multicastOnly: false, to: "unicast" },
  { multicastOnly: true, to: "behind" },
]) {
  test(`a machine that lacks more than repair allows is told as moved (${to}) as long as it is`, async (context) => {
    context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
    const native = fakeCasting();
    const director = await startDirector(context, native);
    const [deployment, machineId] = [await newDeployment({ multicastOnly }), await newMachine()];
    await director.join(await newMachine(), deployment);
    const { receiver } = await director.join(machineId, deployment);
    const [caster] = native.casters;
    assert.ok(caster);
    const moved = async (overBudget: number[]): Promise<unknown> => {
      caster.figures = { ...caster.figures, overBudget };
      context.mock.timers.tick(limits.sessionCheckMs);
      await director.closeDeployment("no such deployment");
      return director.records()[0]?.moved;
    };
    const reason = "It lacked more than repair allows";
    assert.deepEqual(await moved([receiver.number]), [{ machineId, reason, to }]);
    assert.deepEqual(await moved([]), []);
    assert.deepEqual(caster.moves, [], "by its account, not by policy");
  });
}

test("a session says what limits it, and a receiver is told as its machine", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const [deployment, machine] = [await newDeployment(), await newMachine()];
  await director.join(await newMachine(), deployment);
  const { receiver } = await director.join(machine, deployment);
  const [caster] = native.casters;
  assert.ok(caster);
  const says = async (figures: Partial<CasterStatistics>): Promise<unknown> => {
    caster.figures = { ...caster.figures, ...figures };
    context.mock.timers.tick(limits.sessionCheckMs);
    await director.closeDeployment("no such deployment");
    const { limit, limitingMachineId } = director.records()[0] ?? {};
    return { limit, limitingMachineId };
  };
  assert.deepEqual(await says({ limit: "policy" }), { limit: "policy", limitingMachineId: null });
  assert.deepEqual(await says({ limit: "sender" }), { limit: "site", limitingMachineId: null });
  const slow = { limit: "receiver", limitingReceiver: receiver.number } as const;
  assert.deepEqual(await says(slow), { limit: "machine", limitingMachineId: machine });
});

test("a site that starts again goes on with the session: same ports and key, a higher start", async (context) => {
  const first = fakeCasting();
  const killed = newDirector({ store, folder, native: first, groups });
  await killed.start();
  const deployment = await newDeployment();
  const [machine, done] = [await newMachine(), await newMachine()];
  const answer = await killed.join(machine, deployment);
  await killed.join(done, deployment);
  await killed.finished(deployment.id, done);
  // As a kill would, nothing is closed in the store.
  await killed.stop();
  groups.given.clear();

  const second = fakeCasting();
  const director = await startDirector(context, second);
  const options = second.casters.find((caster) => caster.options.session === answer.session.number)?.options;
  assert.equal(options?.start, 2);
  assert.equal(options?.feedbackPort, answer.feedbackPort);
  assert.equal(options?.unicastPort, answer.unicastPort);
  assert.equal(options?.group, answer.session.group);
  assert.ok(groups.given.has(answer.session.group));
  assert.equal(options?.sessionKey.toString("hex"), answer.session.key);
  assert.equal(next(director, answer.session.id, deployment.id), "go-on");
  const again = await director.join(machine, deployment);
  assert.equal(again.session.id, answer.session.id);
  assert.ok(again.receiver.number > answer.receiver.number + 1);
});

test("a start number is spent before the sender is opened, also when it does not open", async (context) => {
  const native = fakeCasting();
  const director = await startDirector(context, native, 7);
  for (let port = 22_000; port < 22_007; port += 1) native.busyPorts.add(port);
  const deployment = await newDeployment();
  await assert.rejects(director.join(await newMachine(), deployment), (error: VolleyError) =>
    ["E_SOCKET", "E_CONFLICT"].includes(error.code),
  );
  assert.deepEqual(await openSessions(deployment), []);
  assert.equal(groups.given.size, 0);
  native.busyPorts.clear();
  native.busyPorts.add(22_003);
  const answer = await director.join(await newMachine(), deployment);
  assert.notEqual(answer.feedbackPort, 22_003);
  assert.notEqual(answer.unicastPort, 22_003);
});

test("a sender that fails ends its session, and machines are told to join again", async (context) => {
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const deployment = await newDeployment();
  const machine = await newMachine();
  const answer = await director.join(machine, deployment);
  native.casters[0]?.fail(new VolleyError("E_CONTENT_READ", "the disk of the library is gone"));
  const again = await new Promise<string>((resolve) => {
    const ask = (): void => {
      const answered = next(director, answer.session.id, deployment.id);
      if (answered === "rejoin") resolve(answered);
      else setTimeout(ask, 5);
    };
    ask();
  });
  assert.equal(again, "rejoin");
  const other = await director.join(machine, deployment);
  assert.notEqual(other.session.id, answer.session.id);
  assert.equal(native.casters.length, 2);
  assert.equal(native.casters[0]?.stopped, true);
});

test("a session ends when its machines are done, or none was heard of, and then shows what it sent", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.now() });
  const native = fakeCasting();
  const director = newDirector({ store, folder, native, groups });
  await director.start();
  const [finished, silent] = [await newDeployment(), await newDeployment()];
  const machine = await newMachine();
  const quiet = await director.join(machine, silent);
  await director.join(machine, finished);
  const caster = native.casters[1];
  assert.ok(caster);
  caster.figures = {
    ...caster.figures,
    multicastBytes: 3_000_000,
    unicastBytes: 5,
    sourceSymbols: 90,
    paritySymbols: 10,
  };
  const pass = async (milliseconds: number): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed += limits.sessionCheckMs) {
      context.mock.timers.tick(limits.sessionCheckMs);
      // The look takes its turn before this one.
      await director.closeDeployment("no such deployment");
    }
  };
  const states = () => new Map(director.records().map((record) => [record.deploymentId, record]));
  await director.finished(finished.id, machine);
  await pass(limits.sessionLingerMs);
  assert.notEqual(states().get(finished.id)?.state, "closed", "a last machine may still join");
  await pass(3 * limits.sessionCheckMs);
  const record = states().get(finished.id);
  assert.equal(record?.state, "closed");
  assert.equal(record?.multicastBytes, 3_000_000);
  assert.equal(record?.unicastBytes, 5);
  assert.equal(record?.parityPart, 0.1);
  assert.equal(caster.stopped, true);

  for (let time = 0; time < 2 * limits.sessionIdleMs; time += limits.sessionIdleMs / 4) {
    assert.equal(next(director, quiet.session.id, silent.id), "go-on");
    await pass(limits.sessionIdleMs / 4);
  }
  assert.notEqual(states().get(silent.id)?.state, "closed", "it reported all the time");
  await pass(limits.sessionIdleMs + 2 * limits.sessionCheckMs);
  assert.equal(states().get(silent.id)?.state, "closed");
  assert.deepEqual(await openSessions(silent), []);
  await director.stop();
});

test("closing a deployment ends its session", async (context) => {
  const native = fakeCasting();
  const director = await startDirector(context, native);
  const deployment = await newDeployment();
  const answer = await director.join(await newMachine(), deployment);
  assert.ok(groups.given.has(answer.session.group));
  await director.closeDeployment(deployment.id);
  assert.ok(!groups.given.has(answer.session.group));
  assert.equal(native.casters[0]?.stopped, true);
  assert.equal(next(director, answer.session.id, deployment.id), "rejoin");
});
