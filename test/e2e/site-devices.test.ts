/**
 * Devices, collections and what is deployed to them: imported, approved, chosen by rule, given variables, within a time
 * and a boundary, and kept from what nobody confirmed. By the API and the command line alike.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import type {
  CollectionRecord,
  CollectionRequest,
  DeploymentPreview,
  DeviceRecord,
  ImportDevicesAnswer,
} from "../../contract/devices.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import type { SequenceRecord, SequenceVariable } from "../../contract/sequence.ts";
import { SiteClient } from "../../site/client.ts";
import { openStore } from "../../site/store/store.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import type { Answer, Call } from "../fixtures/https.ts";
import type { Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volleyJson } from "../fixtures/volley-command.ts";

let fixture: DeviceSite;
let room: Room;
let site: SiteProcess;
let image: ImageRecord;
before(async () => {
  fixture = await DeviceSite.open("site devices", { words: ["--high-risk-size", "3"] });
  ({ image, room, site } = fixture);
});
after(() => fixture.close());

const api = (call: Call): Promise<Answer> => fixture.api(call);
const devices = () => fixture.devices();
const enrol: DeviceSite["enrol"] = (...words) => fixture.enrol(...words);
const policyOf = (machine: Enrolled): Promise<string | null> => fixture.policyOf(machine);

async function refused(call: Call, code: ErrorCode): Promise<void> {
  const answer = await api(call);
  assert.equal(ErrorAnswer.parse(answer.json, { error: () => answer.text }).code, code, answer.text);
}

const command = <Result>(...words: string[]): Promise<Result> => volleyJson<Result>(site, ...words);

async function device(name: string): Promise<DeviceRecord> {
  const found = (await devices()).find((one) => (one.facts?.name ?? one.name) === name);
  assert.ok(found, `there is no device ${name}`);
  return found;
}
const collect = (wish: Pick<CollectionRequest, "name"> & Partial<CollectionRequest>) =>
  site.client.post<CollectionRecord>("/collections", wish);
const end = ({ id }: DeploymentRecord) => site.client.remove(`/deployments/${id}`);

test("a computer that was told of is the same device when it enrols, and keeps its place in a collection", async () => {
  const uuid = randomUUID();
  const file = join(room.folder, "devices.csv");
  writeFileSync(
    file,
    `name,uuid,mac,collection\r\n"PC, first",${uuid},,Lab 1\r\nsecond,,52-54-00-AA-00-02,Lab 1\r\n`,
  );
  assert.deepEqual(await command<ImportDevicesAnswer>("device", "import", file), { added: 2, skipped: [] });
  assert.equal((await command<ImportDevicesAnswer>("device", "import", file)).skipped.length, 2);
  const told = await device("PC, first");
  assert.deepEqual([told.state, told.machineId], ["approved", null]);
  const machine = await enrol("pc-1", { smbiosUuid: uuid.toUpperCase(), model: "OptiPlex 7010" });
  const known = await device("pc-1");
  assert.deepEqual([known.id, known.machineId], [told.id, machine.id]);
  assert.equal((await devices()).length, 2);
  const lab = await command<CollectionRecord>("collection", "show", "Lab 1");
  assert.deepEqual(lab.members.map(({ name }) => name).toSorted(), ["pc-1", "second"]);

  const deployment = await site.createDeployment({
    name: "to lab 1",
    imageId: image.id,
    collectionId: lab.id,
  });
  assert.equal(await policyOf(machine), "to lab 1");
  assert.equal(await policyOf(await enrol("stranger")), null);
  await assert.rejects(site.client.remove(`/collections/${lab.id}`), { code: "E_CONFLICT" });
  await end(deployment);
});

test("a computer that the site knows is put into the collection that its line names, and is told of as known", async () => {
  const mac = "52:54:00:00:77:01";
  await command("device", "add", "known one", "--mac", mac);
  const { id } = await device("known one");
  const before_ = (await devices()).length;
  const file = join(site.folder, "known.csv");
  writeFileSync(file, `name,mac,collection\nother name,${mac},Lab 77\nanother,${mac},\n`);
  const reason = "The site knows this computer as known one.";
  assert.deepEqual(await command("device", "import", file), {
    added: 0,
    skipped: [
      { line: 2, reason: `${reason} It is in collection Lab 77 now.`, collection: "Lab 77" },
      { line: 3, reason, collection: null },
    ],
  });
  const { members } = await command<CollectionRecord>("collection", "show", "Lab 77");
  assert.deepEqual(
    members.map((one) => one.id),
    [id],
  );
  assert.equal((await devices()).length, before_);
  assert.equal((await device("known one")).name, "known one");
});

test("what is no device is said with its entry, and nothing is added then", async () => {
  const before_ = (await devices()).length;
  const importing = (csv: string) =>
    api({ method: "POST", path: "/devices/import", token: localToken(), body: { csv } });
  for (const csv of [
    "",
    "mac\n52:54:00:00:00:01",
    "name,mac\nok,52:54:00:00:00:01\nbad,nonsense",
    "name\nnobody",
  ]) {
    assert.equal((await importing(csv)).status, 400, csv);
  }
  assert.equal((await devices()).length, before_);
});

test("an unknown machine that enrols with a credential of boot media is given nothing until it is approved", async () => {
  const { id: collectionId } = await collect({
    name: "everyone",
    rule: { match: "any", conditions: [{ fact: "name", operator: "like", value: "*" }] },
  });
  const wish = { name: "with secrets", imageId: null, sequenceId: await addSequence("held"), collectionId };
  const secret = { name: "Password", value: "of the domain", hidden: true };
  const deployment = await site.createDeployment({ ...wish, variables: [secret] });
  const held = await enrol("unknown", { smbiosUuid: randomUUID() }, false);
  const path = `/deployments/${deployment.id}`;
  assert.equal((await device("unknown")).state, "waiting");
  assert.equal(await policyOf(held), null);
  for (const [method, what] of [
    ["GET", "/variables"],
    ["GET", "/machines/me/variables"],
    ["GET", "/sequence/0"],
    ["POST", "/machines/me/key"],
    ["POST", "/machines/me/state"],
  ] as const) {
    const body = method === "POST" ? { body: { purpose: "capture" } } : {};
    await refused({ method, path: path + what, token: held.token, ...body }, "E_FORBIDDEN");
  }
  await command("device", "approve", "unknown");
  assert.equal(await policyOf(held), "with secrets");
  const given = (await api({ path: `${path}/variables`, token: held.token })).json as SequenceVariable[];
  assert.equal(given[0]?.value, "of the domain");
  await command("device", "refuse", "unknown");
  assert.equal(await policyOf(held), null);
  const uuid = (await device("unknown")).uuid;
  await assert.rejects(enrol("other name", { smbiosUuid: uuid }), /E_FORBIDDEN|invalid/i);

  // One that was told of before is the one that is waited for.
  const known = randomUUID();
  await command("device", "add", "expected", "--uuid", known);
  assert.equal(await policyOf(await enrol("expected", { smbiosUuid: known }, false)), "with secrets");
  await end(deployment);
});

test("a rule means who is like it, also later, and says what it does not understand", async () => {
  const words = ["--rule", "model like optiplex*", "--rule", "memoryBytes >= 2000000000"];
  const big = await command<CollectionRecord>("collection", "create", "big ones", ...words);
  assert.equal(big.members.length, 0);
  await enrol("pc-2", { model: "OptiPlex 9020", memoryBytes: 8e9 });
  await enrol("pc-3", { model: "Latitude", memoryBytes: 8e9 });
  const names = async () =>
    (await command<CollectionRecord>("collection", "show", "big ones")).members.map(({ name }) => name);
  assert.deepEqual(await names(), ["pc-2"]);
  await command("collection", "change", "big ones", "--add", "pc-3", ...words, "--any");
  assert.ok((await names()).includes("pc-1") && (await names()).includes("pc-3"));
  await command("collection", "change", "big ones", "--no-rule");
  assert.deepEqual(await names(), ["pc-3"]);
  const wrong = { conditions: [{ fact: "memoryBytes", operator: "atLeast", value: "much" }] };
  await assert.rejects(collect({ name: "x", rule: wrong as never }), { code: "E_REQUEST_INVALID" });
  await assert.rejects(collect({ name: "big ones" }), { code: "E_CONFLICT" });
  await command("collection", "remove", "big ones");
});

test("variables: the device's over the collection's over the deployment's, and secrets are sealed in the database", async () => {
  const machine = await enrol("varied");
  const { id: deviceId } = await device("varied");
  const { id: collectionId } = await collect({ name: "varied ones", devices: [deviceId] });
  const secrets = join(room.folder, "secrets.txt");
  writeFileSync(secrets, "OSDJoinPassword=hunter two\nOwn=collection\n");
  await command("collection", "variables", "varied ones", "--secrets", secrets);
  writeFileSync(secrets, "own=device\n");
  const shown = await command<SequenceVariable[]>("device", "variables", "varied", "--secrets", secrets);
  assert.deepEqual(shown, [{ name: "own", value: "", hidden: true }]);
  const sequenceId = await addSequence("varied");
  const variables = [{ name: "DeploymentSecret", value: "three blind mice", hidden: true }];
  const deployment = await site.createDeployment({
    name: "varied",
    imageId: null,
    sequenceId,
    collectionId,
    variables,
  });
  const path = `/deployments/${deployment.id}`;
  const own = (await api({ path: `${path}/machines/me/variables`, token: machine.token })).json;
  assert.deepEqual(own, [
    { name: "OSDJoinPassword", value: "hunter two", hidden: true },
    { name: "own", value: "device", hidden: true },
  ]);
  const all = (await api({ path: `${path}/variables`, token: machine.token })).json;
  assert.deepEqual(all, variables);
  const other = await enrol("not varied");
  await refused({ path: `${path}/machines/me/variables`, token: other.token }, "E_FORBIDDEN");

  await site.stop();
  const store = await openStore(site.database);
  const rows = JSON.stringify([
    await store.database.selectFrom("collection").selectAll().execute(),
    await store.database.selectFrom("device").selectAll().execute(),
    await store.database.selectFrom("deployment").selectAll().execute(),
  ]);
  for (const secret of ["hunter two", "three blind mice", '"device"']) {
    assert.ok(!rows.includes(secret), secret);
  }
  // As an earlier version left it.
  await store.devices.setVariables(deviceId, [{ name: "Old", value: "plain secret", hidden: true }]);
  await store.close();
  await site.start();
  const after_ = (await api({ path: `${path}/machines/me/variables`, token: machine.token })).json;
  assert.equal((after_ as SequenceVariable[]).find(({ name }) => name === "Old")?.value, "plain secret");
  await site.stop();
  const again = await openStore(site.database);
  assert.ok(!JSON.stringify(await again.devices.variables(deviceId)).includes("plain secret"));
  await again.close();
  await site.start();
  await end(deployment);
});

test("no machine begins before the start, after the end or outside the boundary; what was begun goes on", async () => {
  const machine = await enrol("timed");
  const hour = 3_600_000;
  const at = (offset: number): string => new Date(Date.now() + offset).toISOString();
  const wish = { imageId: image.id, machines: [machine.id] };
  const join_ = (deployment: DeploymentRecord): Call => ({
    method: "POST",
    path: `/deployments/${deployment.id}/join`,
    token: machine.token,
    body: { resume: false },
  });
  const early = await site.createDeployment({ name: "early", ...wish, starts: at(hour) });
  const elsewhere = await site.createDeployment({
    name: "elsewhere",
    ...wish,
    subnets: ["10.0.0.0/8", "fd00::/8"],
  });
  assert.equal(await policyOf(machine), null);
  await refused(join_(early), "E_FORBIDDEN");
  await refused(join_(elsewhere), "E_FORBIDDEN");
  const here = await site.createDeployment({ name: "here", ...wish, subnets: ["127.0.0.0/8"] });
  assert.equal(await policyOf(machine), "here");
  await end(here);
  const timed = await site.createDeployment({ name: "timed", ...wish, expires: at(hour) });
  const late = await enrol("late");
  const alsoLate = await site.createDeployment({
    name: "late",
    imageId: image.id,
    machines: [late.id],
    expires: at(hour),
  });
  assert.equal(await policyOf(machine), "timed");
  const report = { id: randomUUID(), deploymentId: timed.id, time: at(0), kind: "started", resume: false };
  await api({ method: "POST", path: "/reports", token: machine.token, body: { reports: [report] } });
  await site.stop();
  const store = await openStore(site.database);
  await store.database
    .updateTable("deployment")
    .set({ expires: at(-1000) })
    .where("expires", "is not", null)
    .execute();
  await store.close();
  await site.start();
  assert.equal(await policyOf(machine), "timed", "it has begun");
  assert.equal((await api(join_(timed))).status, 200);
  assert.equal(await policyOf(late), null);
  for (const one of [early, elsewhere, timed, alsoLate]) await end(one);
  const wrong = { name: "wrong", ...wish, expires: at(-hour) };
  await assert.rejects(site.createDeployment(wrong), { code: "E_REQUEST_INVALID" });
  await assert.rejects(site.createDeployment({ name: "wrong", ...wish, subnets: ["10.0.0.0"] }), {
    code: "E_REQUEST_INVALID",
  });
});

test("what acts by itself on many, on all or on the site's own computer is confirmed by its name", async () => {
  const { id: one } = await enrol("guarded");
  const { id: deviceId } = await device("guarded");
  const few = await collect({ name: "few", devices: [deviceId] });
  const many = await collect({ name: "many", devices: (await devices()).slice(0, 5).map(({ id }) => id) });
  const wish = { imageId: image.id, unattended: true };
  const preview = (more: object) =>
    site.client.post<DeploymentPreview>("/deployments/preview", { name: "guarded", ...wish, ...more });
  const create = (more: object) =>
    site.client.post<DeploymentRecord>("/deployments", { name: "guarded", ...wish, ...more });
  const kinds = async (more: object) => (await preview(more)).risks.map(({ kind }) => kind);

  assert.deepEqual(await kinds({ collectionId: few.id }), []);
  assert.deepEqual(await kinds({ machines: "all" }), ["everything", "size"]);
  assert.deepEqual(
    await kinds({ machines: "all", unattended: false }),
    [],
    "somebody is asked at each machine",
  );
  assert.deepEqual(await kinds({ machines: "all", unattended: false, purpose: "required" }), [
    "everything",
    "size",
  ]);
  const shown = await preview({ collectionId: many.id });
  assert.deepEqual(
    [shown.devices, shown.confirm, shown.risks.map(({ kind }) => kind)],
    [4, "many", ["size"]],
  );
  assert.equal(
    shown.effects[0],
    "What is on one disk of each machine is lost: the only one that is not in use, fits the image and is not removable.",
  );
  const before_ = (await site.client.get<DeploymentRecord[]>("/deployments")).length;
  for (const confirm of [undefined, "", "Many", "guarded"]) {
    const refusal = { code: confirm === "" ? "E_REQUEST_INVALID" : "E_NOT_CONFIRMED" };
    await assert.rejects(create({ collectionId: many.id, confirm }), refusal);
  }
  assert.equal((await site.client.get<DeploymentRecord[]>("/deployments")).length, before_);
  await end(await create({ collectionId: many.id, confirm: "many" }));
  await end(await create({ collectionId: few.id }));

  const card = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal }) => !internal);
  if (card !== undefined) {
    const { id } = await enrol("the site itself", { macAddresses: [card.mac] });
    assert.deepEqual(await kinds({ machines: [id] }), ["site"]);
    assert.equal((await preview({ machines: [id] })).confirm, "guarded");
  }
  const words = ["--image", "lab", "--collection", "many", "--required", "--preview"];
  const rule = ["--disk-serial", "S64D", "--disk-least", "500000000000", "--removable", "--fit"];
  const typed = await command<DeploymentPreview>("deployment", "create", "x", ...words, ...rule);
  assert.equal(typed.confirm, "many");
  assert.match(
    typed.effects[0] ?? "",
    /fits the image, has the serial number S64D, holds at least 500\.0 GB and may be removable\.$/,
  );
  assert.ok(typed.effects.some((text) => text.startsWith("Afterwards Windows is grown to the disk")));
  assert.deepEqual(await kinds({ machines: [one] }), []);
});

test("a deployment that was done is done once more where it is cleared", async () => {
  const machine = await enrol("done");
  const wish = { name: "done", imageId: image.id, machines: [machine.id], purpose: "required" as const };
  const deployment = await site.createDeployment(wish);
  assert.equal(await policyOf(machine), "done");
  const outcome = {
    root: image.root,
    multicastBytes: 1,
    unicastBytes: 2,
    foundChunks: 0,
    repairedSymbols: 0,
    seconds: 3,
  };
  const time = new Date().toISOString();
  const report = { id: randomUUID(), deploymentId: deployment.id, time, kind: "succeeded", outcome };
  await api({ method: "POST", path: "/reports", token: machine.token, body: { reports: [report] } });
  assert.equal(await policyOf(machine), null);
  const answer = await command<{ cleared: number }>("deployment", "clear", "done", "--machines", "done");
  assert.equal(answer.cleared, 1);
  assert.equal(await policyOf(machine), "done");
  await end(deployment);
});

const localToken = (): string => readFileSync(join(site.folder, "admin-token"), "utf8").trim();

let sequences = 0;
/** Any file: the site does not look into it. */
async function addSequence(name: string): Promise<string> {
  sequences += 1;
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, `<sequence version="3.00"/>${" ".repeat(sequences)}`);
  return (await command<SequenceRecord>("sequence", "add", file, "--name", name)).id;
}

test("another machine's key opens none of this", async () => {
  const machine = await enrol("curious");
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  const place = { address: site.address, port: site.port, authority, adminToken: machine.token };
  const client = new SiteClient(place);
  for (const path of ["/devices", "/collections", "/deployments", "/audit"]) {
    await assert.rejects(client.get(path), { code: "E_FORBIDDEN" });
  }
  client.close();
});
