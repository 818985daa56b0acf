/** What a site gives a machine that runs a sequence, to whom it does not, and what a captured disk image becomes. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { siteServices, type SiteServicesOptions } from "../../agent/deploying/site-services.ts";
import type { Uploads } from "../../agent/steps/services.ts";
import { DeploymentSite } from "../../agent/site/deployment-site.ts";
import { uploadAndUse } from "../../agent/site/file-transfer.ts";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import { VolleyError, type ErrorCode } from "../../contract/errors.ts";
import type { CapturedRequest, PackageRecord, SequenceRecord } from "../../contract/sequence.ts";
import { uploadFile as uploadAsAdministrator } from "../../site/commands/upload.ts";
import { enrolClient, type EnrolledClient } from "../fixtures/enrolled-client.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let deployment: DeploymentRecord;
/** What the deployment runs as a child, and a sequence that is none of its. */
let child: SequenceRecord;
let other: SequenceRecord;
let ours: DeploymentSite;
let stranger: DeploymentSite;
let machine: EnrolledClient;
/** That the deployment is not to. */
let another: EnrolledClient;
const secret = "swordfish";

before(async () => {
  room = await openRoom("sequence api");
  site = await room.startSite();
  const file = join(room.folder, "one.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  const uploadId = await uploadAsAdministrator(site.client, file, true);
  const request = { name: "one", fileName: "one.xml", uploadId };
  const sequence = await site.client.post<SequenceRecord>("/sequences", request);
  machine = await enrolClient(site, "ours", join(room.folder, "state ours"));
  another = await enrolClient(site, "stranger", join(room.folder, "state stranger"));
  const [childUpload, otherUpload] = [
    await uploadAsAdministrator(site.client, file, true),
    await uploadAsAdministrator(site.client, file, true),
  ];
  const inner = { name: "child", packageId: "abc00001", fileName: "one.xml", uploadId: childUpload };
  child = await site.client.post<SequenceRecord>("/sequences", inner);
  const outer = { name: "other", fileName: "one.xml", uploadId: otherUpload };
  other = await site.client.post<SequenceRecord>("/sequences", outer);
  deployment = await site.createDeployment({
    name: "one",
    children: [child.id],
    imageId: null,
    sequenceId: sequence.id,
    packages: ["PS100001"],
    variables: [{ name: "Secret", value: secret, hidden: true }],
    machines: [machine.id],
  });
  ours = new DeploymentSite(machine.client, deployment.id);
  stranger = new DeploymentSite(another.client, deployment.id);
});
after(async () => {
  await room.close();
  machine.close();
  another.close();
});

const transfer = { signal: new AbortController().signal, progress: () => {}, onWait: () => {} };

/** By our machine. */
const uploadFile = (path: string): Promise<string> => uploadAndUse(path, ours, transfer, async (id) => id);

test("a machine of no such deployment is given nothing of it, and puts nothing there", async () => {
  const asked: Record<string, () => Promise<unknown>> = {
    key: () => stranger.key(),
    checkpoint: () => stranger.checkpoint(),
    "a checkpoint of its own": () => stranger.saveCheckpoint({ runId: randomUUID(), serial: 1 }),
    "the checkpoint's end": () => stranger.removeCheckpoint(),
    sequence: () => stranger.sequencePiece(0),
    variables: () => stranger.variables(),
    "variables of its own": () => stranger.deviceVariables(),
    children: () => stranger.children(),
    "a child's bytes": () => stranger.childPiece(child.id, 0),
    package: () => stranger.packageFacts("PS100001"),
    "a package's bytes": () => stranger.packagePiece("PS100001", 0),
    drivers: () => stranger.drivers([]),
    "a step of its own": () => stranger.atStep({ number: 1, total: 1, name: "mine" }),
    "a place for state": () => stranger.requestState("capture"),
  };
  for (const [what, ask] of Object.entries(asked)) {
    await assert.rejects(ask, { code: "E_FORBIDDEN" satisfies ErrorCode }, what);
  }
});

test("a child's file is given to a machine of that deployment, and no other sequence's", async () => {
  const [given, ...more] = await ours.children();
  assert.deepEqual([given?.id, given?.packageId, more.length], [child.id, "ABC00001", 0]);
  assert.equal((await ours.childPiece(child.id, 0)).length, child.bytes);
  assert.equal((await ours.childPiece(child.id, child.bytes)).length, 0);
  await assert.rejects(ours.childPiece(other.id, 0), { code: "E_FORBIDDEN" });
  await assert.rejects(ours.childPiece(deployment.sequenceId ?? "", 0), { code: "E_FORBIDDEN" });
  await assert.rejects(site.client.remove(`/sequences/${child.id}`), { code: "E_CONFLICT" });
});

test("the key is the same each time, and not another's; nobody else is shown a secret", async () => {
  const key = await ours.key();
  assert.equal(await ours.key(), key);
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.deepEqual(await ours.variables(), [{ name: "Secret", value: secret, hidden: true }]);
  const own = { name: "Pin", value: "13579", hidden: true };
  const plain = { name: "OSDComputerName", value: "LAB-07", hidden: false };
  const path = `/machines/${machine.id}/variables`;
  await site.client.post(path, { variables: [own, plain] });
  assert.deepEqual(await ours.deviceVariables(), [own, plain]);
  assert.deepEqual(await site.client.get(path), { variables: [{ ...own, value: "" }, plain] });
  const twice = { variables: [{ ...plain, name: "_Bad" }] };
  await assert.rejects(site.client.post(path, twice), { code: "E_REQUEST_INVALID" });
  await assert.rejects(site.client.get(`/machines/${randomUUID()}/variables`), { code: "E_NOT_FOUND" });
  const shown = JSON.stringify([await site.client.get("/deployments"), await site.client.get("/machines")]);
  const log = readFileSync(join(site.folder, "site.log"), "utf8");
  for (const text of [key, secret, own.value]) assert.ok(!shown.includes(text) && !log.includes(text), text);
});

test("of a run's checkpoints the last one counts, in whatever order they come", async () => {
  const runId = randomUUID();
  const save = (serial: number, run = runId) => ours.saveCheckpoint({ runId: run, serial, kept: serial });
  await save(2);
  await save(3);
  await save(2);
  assert.deepEqual(await ours.checkpoint(), { runId, serial: 3, kept: 3 });
  const next = randomUUID();
  await save(1, next);
  assert.deepEqual(await ours.checkpoint(), { runId: next, serial: 1, kept: 1 });
  await site.kill();
  await site.start();
  assert.deepEqual(await ours.checkpoint(), { runId: next, serial: 1, kept: 1 });
  await ours.removeCheckpoint();
  await ours.removeCheckpoint();
  assert.equal(await ours.checkpoint(), null);
  const large = { runId, serial: 9, kept: "x".repeat(9_000_000) };
  // The site says so while the bytes still come, and closes: then nobody may be there to read what it said.
  await assert.rejects(ours.saveCheckpoint(large), /E_REQUEST_INVALID|E_SITE_UNREACHABLE/);
  assert.equal(await ours.checkpoint(), null);
});

test("a captured disk image is imported; what the site takes it from is gone then", async () => {
  const image = await room.makeImage(4);
  const uploadId = await uploadFile(image.path);
  const nameless = { name: "x", description: "", fileName: "disk", uploadId };
  await assert.rejects(ours.captured(nameless), { code: "E_IMAGE_FORMAT" });
  const again = await uploadFile(image.path);
  const captured = { name: "captured disk", description: "", fileName: "disk.raw", uploadId: again };
  assert.deepEqual(await ours.captured(captured), { packageId: null });
  const record = await waitFor(
    async () =>
      (await site.client.get<ImageRecord[]>("/images")).find(({ name }) => name === "captured disk"),
    { what: "the imported image", story: () => site.process.story() },
  );
  assert.equal(record.bytes, image.bytes);
  const files = join(site.folder, "files");
  await waitFor(() => readdirSync(files).every((name) => !name.endsWith(".raw")), { what: "its end" });
  const request = { kind: "image", packageId: "PS100001", imageId: record.id };
  await site.client.post<PackageRecord>("/packages", request);
  assert.equal((await ours.packageFacts("ps100001")).imageId, record.id);
  await assert.rejects(ours.packagePiece("PS100001", 0), { code: "E_CONFLICT" });
  const { id, root } = await ours.packageImage("PS100001");
  assert.deepEqual({ id, root }, { id: record.id, root: record.root });
  assert.ok((await machine.client.manifest(id)).length, "the machine may read the manifest");
  await assert.rejects(another.client.manifest(id), { code: "E_FORBIDDEN" });
  const spare = await site.importImage((await room.makeImage(4)).path, "not given out");
  await site.client.post("/packages", { kind: "image", packageId: "PS100002", imageId: spare.id });
  const joining = (imageId: string | null) =>
    machine.client.join(deployment.id, { imageId, resume: false, encryption: true });
  await assert.rejects(joining(spare.id), { code: "E_FORBIDDEN" });
  await assert.rejects(joining(null), { code: "E_CONFLICT" });
  await assert.rejects(ours.packageImage("PS100002"), { code: "E_FORBIDDEN" });
  await assert.rejects(site.client.remove(`/images/${record.id}`), { code: "E_IMAGE_IN_USE" });
});

/** The services of a run, at a site that is restarted when `at` says so for the first time. */
function uploadsWith(at: "before" | "after"): { uploads: Uploads; calls: () => number } {
  let calls = 0;
  const restart = async (): Promise<void> => {
    await site.kill();
    await site.start();
  };
  const wrapped = new Proxy(ours, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== "captured") return typeof value === "function" ? value.bind(target) : value;
      return async (request: CapturedRequest) => {
        calls += 1;
        if (calls === 1 && at === "before") await restart();
        const answer = await target.captured(request);
        if (calls > 1) return answer;
        await restart();
        throw new VolleyError("E_SITE_UNREACHABLE", "the answer is lost");
      };
    },
  });
  const by = { signal: transfer.signal, log: { info: () => {}, warning: () => {} } };
  const options = { deployment, site: wrapped, content: null, state: { path: room.folder }, by };
  const { uploads } = siteServices(options as unknown as SiteServicesOptions);
  return { uploads, calls: () => calls };
}

test("a captured image is taken once, also when the site restarts before or after it has answered", async () => {
  const wim = join(room.folder, "captured.wim");
  writeFileSync(wim, Buffer.concat([Buffer.from("MSWIM\0\0\0", "latin1"), randomBytes(100_000)]));
  const captured = async (): Promise<string[]> =>
    (await site.client.get<PackageRecord[]>("/packages"))
      .filter(({ packageId }) => packageId.startsWith("CAP"))
      .map(({ packageId, name }) => `${packageId} ${name}`);
  for (const at of ["before", "after"] as const) {
    const { calls, uploads } = uploadsWith(at);
    await uploads.image({ path: wim, diskBytes: null, name: `captured ${at}`, description: "", ...transfer });
    assert.equal(calls(), 2);
  }
  assert.deepEqual(await captured(), ["CAP00001 captured before", "CAP00002 captured after"]);
  const uploadId = await uploadFile(wim);
  const request = { name: "three", description: "", fileName: "captured.wim", uploadId };
  const answers = await Promise.all([ours.captured(request), ours.captured(request)]);
  assert.deepEqual(answers, [{ packageId: "CAP00003" }, { packageId: "CAP00003" }]);
  await assert.rejects(stranger.captured(request), { code: "E_FORBIDDEN" });
});

test("the import of a captured disk goes on after a restart of the site, and is no second one", async () => {
  const image = await room.makeImage(4);
  const uploadId = await uploadFile(image.path);
  const request = { name: "disk once", description: "", fileName: "disk.raw", uploadId };
  assert.deepEqual(await ours.captured(request), { packageId: null });
  await site.kill();
  await site.start();
  assert.deepEqual(await ours.captured(request), { packageId: null });
  const images = async (): Promise<ImageRecord[]> =>
    (await site.client.get<ImageRecord[]>("/images")).filter(({ name }) => name === "disk once");
  await waitFor(async () => (await images()).length === 1, {
    what: "the image",
    story: () => site.process.story(),
  });
  const files = join(site.folder, "files");
  await waitFor(() => readdirSync(files).every((name) => !name.endsWith(".raw")), { what: "its end" });
  assert.deepEqual(await ours.captured(request), { packageId: null });
  await site.kill();
  await site.start();
  assert.deepEqual(await ours.captured(request), { packageId: null });
  assert.equal((await images()).length, 1);
});

test("user state is stored once, also when the answer is lost", async () => {
  const file = join(room.folder, "state");
  writeFileSync(file, randomBytes(1000));
  await ours.requestState("capture");
  const uploadId = await uploadFile(file);
  await ours.storeState(uploadId);
  await ours.storeState(uploadId);
  await site.kill();
  await site.start();
  await ours.storeState(uploadId);
  await assert.rejects(ours.storeState(randomUUID()), { code: "E_NOT_FOUND" });
});

test("user state stays until it is back, whatever becomes of the run, and then goes by itself", async () => {
  const file = join(room.folder, "state");
  writeFileSync(file, randomBytes(1000));
  const { key } = await ours.requestState("capture");
  await ours.storeState(await uploadFile(file));
  await site.client.post(`/deployments/${deployment.id}/clear`, { machines: [machine.id] });
  await ours.removeCheckpoint();
  const kept = await ours.requestState("restore");
  assert.deepEqual([kept.key, kept.stored?.restored], [key, false]);
  await ours.stateRestored();
  await ours.stateRestored();
  assert.equal((await ours.requestState("restore")).stored?.restored, true);
  await ours.requestState("capture");
  await ours.storeState(await uploadFile(file));
  assert.equal((await ours.requestState("restore")).stored?.restored, false);
  await site.client.remove(`/machines/${machine.id}/state`);
  await assert.rejects(ours.requestState("restore"), { code: "E_NOT_FOUND" });
  await assert.rejects(site.client.remove(`/machines/${machine.id}/state`), { code: "E_NOT_FOUND" });
  await assert.rejects(ours.storeState(randomUUID()), { code: "E_NOT_FOUND" });
});

test("a sequence in use stays, a known name is its next version, and an upload of another's is not to be had", async () => {
  await assert.rejects(site.client.remove(`/sequences/${deployment.sequenceId}`), { code: "E_CONFLICT" });
  const file = join(room.folder, "two.xml");
  writeFileSync(file, "<sequence/>");
  const uploadId = await uploadFile(file);
  const request = { name: "two", fileName: "two.xml", uploadId };
  await assert.rejects(site.client.post("/sequences", request), { code: "E_NOT_FOUND" });
  const own = await uploadAsAdministrator(site.client, file, true);
  const again = { ...request, name: "one", uploadId: own };
  const { hash, version } = await site.client.post<SequenceRecord>("/sequences", again);
  assert.equal(version, 2);
  const held = await site.client.get<DeploymentRecord>(`/deployments/${deployment.id}`);
  assert.equal(held.sequenceId, deployment.sequenceId);
  const used = await site.client.get<SequenceRecord>(`/sequences/${held.sequenceId}`);
  assert.deepEqual([used.version, used.latest, used.hash === hash], [1, false, false]);
  for (const fileName of ["../two.xml", "..", "a/b", "a\\b", ""]) {
    const bad = { ...request, uploadId: own, fileName };
    await assert.rejects(site.client.post("/sequences", bad), { code: "E_REQUEST_INVALID" }, fileName);
  }
});
