/**
 * What every route really answers is what GET /openapi.json says it answers: the status, the media type, and each field by the
 * stated schema, which allows no field that it does not name. Routes that this test does not reach are listed, each with why.
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { AccountAnswer, Me, TokenAnswer } from "../../contract/accounts.ts";
import type {
  CredentialAnswer,
  DeploymentRecord,
  ImportState,
  VerificationState,
} from "../../contract/administration.ts";
import type { KeptReport } from "../../contract/deployment-report.ts";
import type { CollectionRecord, DeviceRecord } from "../../contract/devices.ts";
import type { Examination } from "../../contract/doctor.ts";
import type { PointCredential, PointEnrolAnswer } from "../../contract/point.ts";
import type { SequenceRecord, UploadState } from "../../contract/sequence.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import type { Call } from "../fixtures/https.ts";
import { machineFacts, progressFacts } from "../fixtures/records.ts";
import { openRoom, waitFor } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import { StatedApi, type StatedDocument } from "../fixtures/stated-api.ts";

/** Which this test does not reach. */
const elsewhere: Readonly<Record<string, string>> = {
  "GET /events": "goes on without end: test/e2e/site-api.test.ts",
  "GET /boot-image": "wants boot media: test/e2e/refresh.test.ts",
  "GET /boot-image/:name/:offset": "wants boot media: test/e2e/refresh.test.ts",
};

let lab: DeviceSite;
let api: StatedApi;
let adminToken: string;
let machine: Enrolled;
let deployment: DeploymentRecord;
before(async () => {
  lab = await DeviceSite.open("site openapi");
  adminToken = readFileSync(join(lab.site.folder, "admin-token"), "utf8").trim();
  const document = await lab.api({ path: "/openapi.json", token: adminToken });
  api = new StatedApi(document.json as StatedDocument);
  machine = await lab.enrol("lab-01");
});
after(() => lab.close());

/** Asks as the administrator, unless the call says otherwise. The answer is as it is stated, and good. */
async function ask<Value = unknown>(
  method: string,
  path: string,
  body?: unknown,
  { token = adminToken, headers }: Pick<Call, "token" | "headers"> = {},
): Promise<Value> {
  const call: Call = {
    method,
    path,
    ...(token !== "" && { token }),
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && { body }),
  };
  const answer = await lab.api(call);
  api.check(call, answer);
  assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status} ${answer.text}`);
  return answer.json as Value;
}
const asMachine = <Value = unknown>(method: string, path: string, body?: unknown): Promise<Value> =>
  ask<Value>(method, path, body, { token: machine.token });

/** Answers the upload's identifier. */
async function upload(bytes: Buffer, token = adminToken): Promise<string> {
  const hash = createHash("sha256").update(bytes).digest("hex");
  const { id } = await ask<UploadState>("POST", "/uploads", { bytes: bytes.length, hash }, { token });
  const headers = { "content-type": "application/octet-stream" };
  await ask("PUT", `/uploads/${id}/0`, bytes, { token, headers });
  return id;
}

/** What a browser sends of somebody who signed in. */
async function signIn(name: string, password: string | null): Promise<Pick<Call, "token" | "headers">> {
  const call = { method: "POST", path: "/login", body: { name, password } };
  const answer = await lab.api(call);
  api.check(call, answer);
  const [line = ""] = [answer.headers["set-cookie"] ?? []].flat();
  const mark = (answer.json as Me).pageMark ?? "";
  return { token: "", headers: { cookie: line.split(";")[0] ?? "", "x-volley-page": mark } };
}

test("what anyone is told, and people of themselves", async () => {
  const nobody = { token: "" };
  await ask("GET", "/openapi.json");
  await ask("GET", "/health", undefined, nobody);
  await ask("GET", "/authority", undefined, nobody);
  await ask("GET", "/metrics");
  const { credential } = await ask<CredentialAnswer>("POST", "/credentials", { uses: 1, validHours: 1 });
  await ask("POST", "/enrol", { credential, machine: machineFacts("lab-02") }, nobody);
  const anna = await ask<AccountAnswer>("POST", "/accounts", { name: "anna", role: "operator" });
  const signedIn = await signIn("anna", anna.password);
  await ask("GET", "/me", undefined, signedIn);
  const change = { current: anna.password, password: "four words of her own" };
  await ask("POST", "/me/password", change, signedIn);
});

test("accounts, tokens and the audit log", async () => {
  const accounts = await ask<{ id: string; name: string }[]>("GET", "/accounts");
  const path = `/accounts/${accounts.find(({ name }) => name === "anna")?.id}`;
  await ask("POST", path, { role: "viewer" });
  const { password } = await ask<AccountAnswer>("POST", `${path}/password`, {});
  await ask("POST", "/logout", undefined, await signIn("anna", password));
  await ask("DELETE", path);
  const wish = { name: "x", role: "viewer", validDays: 1 };
  const { token } = await ask<TokenAnswer>("POST", "/tokens", wish);
  await ask("GET", "/sessions", undefined, { token });
  const [made] = await ask<{ id: string }[]>("GET", "/tokens");
  await ask("DELETE", `/tokens/${made?.id}`);
  await ask("GET", "/audit?limit=50");
  await ask("GET", "/audit/export?format=csv&limit=50");
  await ask("GET", "/audit/export?format=json&limit=50");
});

test("devices and collections", async () => {
  const device = await ask<DeviceRecord>("POST", "/devices", { name: "desk", mac: "52:54:00:00:80:01" });
  await ask("POST", "/devices/import", { csv: "name,mac\nother,52:54:00:00:80:02\n" });
  await ask("POST", "/devices/import/preview", { csv: "name,mac\nanother,52:54:00:00:80:03\n" });
  await ask("POST", "/devices/preview", { name: "another", mac: "52:54:00:00:80:03" });
  await ask("POST", `/devices/${device.id}/state/preview`, { state: "approved" });
  await ask("POST", `/devices/${device.id}/state`, { state: "refused" });
  await ask("POST", `/devices/${device.id}/variables`, {
    variables: [{ name: "A", value: "1", hidden: true }],
  });
  await ask("GET", `/devices/${device.id}/variables`);
  await ask("GET", `/devices/${device.id}/recovery-keys`);
  await ask("POST", "/devices/wake", { devices: [device.id] });
  const rule = { match: "all", conditions: [{ fact: "name", operator: "like", value: "*" }] };
  const wish = { name: "all of them", devices: [device.id], rule };
  const { id } = await ask<CollectionRecord>("POST", "/collections", wish);
  await ask("POST", `/collections/${id}/preview`, { name: "everybody" });
  await ask("POST", `/collections/${id}`, { name: "everybody" });
  await ask("GET", `/collections/${id}`);
  await ask("GET", "/collections");
  await ask("POST", `/collections/${id}/variables`, { variables: [{ name: "A", value: "1" }] });
  await ask("GET", `/collections/${id}/variables`);
  await ask("POST", `/collections/${id}/wake`, {});
  await ask("DELETE", `/collections/${id}`);
  await ask("DELETE", `/devices/${device.id}`);
  await ask("GET", "/devices");
  await ask("POST", "/credentials", { uses: 1, validHours: 1 });
  await ask("GET", "/machines");
  await ask("POST", `/machines/${machine.id}/variables`, { variables: [{ name: "A", value: "1" }] });
  await ask("GET", `/machines/${machine.id}/variables`);
});

test("images, imports and verifications", async () => {
  const room = await openRoom("site openapi import");
  try {
    const { path } = await room.makeImage(4);
    const begun = await ask<ImportState>("POST", "/images", { path, name: "other" });
    const ended = await waitFor(
      async () => {
        const state = await ask<ImportState>("GET", `/imports/${begun.id}`);
        return state.state === "running" ? null : state;
      },
      { what: "the import" },
    );
    const id = ended.image?.id ?? "";
    await ask("GET", "/imports");
    await ask("GET", "/importable");
    const uploadId = await upload(Buffer.alloc(4096, 1));
    await ask("POST", "/importable", { uploadId, fileName: "brought.raw" });
    await ask("GET", "/images");
    await ask("GET", `/images/${id}`);
    await ask("GET", `/images/${id}/manifest`);
    const { id: work } = await ask<VerificationState>("POST", `/images/${id}/verify`, {});
    await ask("GET", `/verifications/${work}`);
    await waitFor(
      async () =>
        (await ask<VerificationState>("GET", `/verifications/${work}`)).state === "running" ? null : true,
      { what: "the verification" },
    );
    await ask("GET", "/verifications");
    await ask("POST", `/images/${id}/multicast`, { multicast: "only" });
    await ask("POST", `/images/${id}/encryption`, { encrypt: true });
    await ask("DELETE", `/images/${id}`);
  } finally {
    await room.close();
  }
});

test("the distribution point, network boot, the webhook, and what the site tells", async () => {
  await ask("GET", "/distribution-point");
  await ask("POST", "/distribution-point", { minimumClients: 3 });
  await ask("GET", "/waiting");
  await ask("GET", "/pxe");
  await ask("POST", "/pxe/properties", { delaySeconds: 1 });
  await ask("POST", "/pxe/clear", { machines: "all" });
  await ask("GET", "/webhook");
  await ask("POST", "/webhook", { url: "http://127.0.0.1:9/x", secret: "a secret of sixteen" });
  await ask("GET", "/webhook");
  await ask("DELETE", "/webhook");
  await ask("GET", "/site-status");
  await ask("GET", "/site-status/export?format=csv");
  await ask("GET", "/site-status/export?format=json");
  await ask("GET", "/report-key");
  await ask("POST", "/backup", { passphrase: "a long passphrase of ours" });
});

test("a deployment of an image, and what its machine says and is told", async () => {
  const wish = { name: "room 3", imageId: lab.image.id, machines: [machine.id], multicast: false };
  await ask("POST", "/deployments/preview", wish);
  deployment = await ask<DeploymentRecord>("POST", "/deployments", wish);
  const path = `/deployments/${deployment.id}`;
  await ask("GET", `${path}/machines`);
  await asMachine("GET", "/policy");
  const { session } = await asMachine<{ session: { id: string } }>("POST", `${path}/join`, { resume: false });
  await asMachine("POST", `${path}/progress`, { sessionId: session.id, ...progressFacts });
  await asMachine("POST", `${path}/step`, { number: 1, total: 2, name: "one" });
  const status = {
    messageId: 11_134,
    messageName: "done",
    step: 1,
    group: "g",
    action: "a",
    exitCode: 0,
    output: "",
  };
  const plan = { device: "/dev/sda", sizeBytes: 8, model: "m", serial: "s", lost: ["nothing found"] };
  const event = { deploymentId: deployment.id, time: new Date().toISOString() };
  await asMachine("POST", "/reports", {
    reports: [
      { id: randomUUID(), ...event, kind: "planned", plan },
      { id: randomUUID(), ...event, kind: "step-status", status },
    ],
  });
  await ask("GET", `${path}/machines/${machine.id}/statuses`);
  await ask("PUT", `${path}/machines/me/log`, "one line", {
    token: machine.token,
    headers: { "content-type": "application/octet-stream" },
  });
  await ask("GET", "/logs");
  await ask("GET", `/machines/${machine.id}/log`);
  await ask("POST", `/machines/${machine.id}/log`, {});
  await ask("GET", `/machines/${machine.id}/report`);
  const error = { code: "E_DEVICE_WRITE", detail: "sda", remedy: "replace" };
  await asMachine("POST", "/reports", { reports: [{ id: randomUUID(), ...event, kind: "failed", error }] });
  await ask("GET", `/machines/${machine.id}/report?deploymentId=${deployment.id}`);
  const [kept] = await ask<KeptReport[]>("GET", `/deployment-reports?machineId=${machine.id}`);
  await ask("GET", `/deployment-reports/${kept?.id}`);
  await ask("GET", "/machines");
  await ask("GET", "/sessions");
  await ask("GET", "/status?severity=information");
  await ask("GET", "/status/export?format=csv");
  await ask("GET", "/status/export?format=json");
  await ask("GET", "/metrics");
  await ask("GET", "/deployments");
  await ask("GET", path);
  await ask("GET", `${path}/wake`);
  await ask("POST", `${path}/start`, {});
  await ask("POST", `${path}/clear`, { machines: [machine.id] });
  await ask("POST", `${path}/close`, {});
  await ask("DELETE", path);
});

/** One that machines download without a deployment. */
async function castPackage(packageId: string): Promise<void> {
  const file = { kind: "file", packageId, name: "cast", fileName: "b.txt", multicast: "allowed" };
  await ask("POST", "/packages", { ...file, uploadId: await upload(randomBytes(5000)) });
  await ask("POST", `/packages/${packageId}/shared`, { shared: true });
  const path = `/shared-packages/${packageId}`;
  await waitFor(
    async () => (await ask<{ imageId: string | null }>("GET", `/packages/${packageId}`)).imageId,
    { what: "a package as content" },
  );
  await asMachine("GET", `${path}/image`);
  const { session } = await asMachine<{ session: { id: string } }>("POST", `${path}/join`, { resume: false });
  await asMachine("POST", `${path}/progress`, { sessionId: session.id, ...progressFacts });
  await asMachine("POST", `${path}/progress`, { sessionId: session.id, ...progressFacts, phase: "done" });
}

test("task sequences and packages, and a machine that runs them", async () => {
  const xml = Buffer.from(sequenceText(commandStep("One", "true")));
  const add = async (name: string): Promise<SequenceRecord> =>
    ask("POST", "/sequences", { name, fileName: `${name}.xml`, uploadId: await upload(xml) });
  const [own, child] = [await add("own"), await add("child")];
  await ask("GET", "/sequences?versions=all");
  await ask("GET", `/sequences/${own.id}`);
  const file = { kind: "file", packageId: "PS100001", name: "a file", fileName: "a.txt" };
  await ask("POST", "/packages", { ...file, uploadId: await upload(Buffer.from("a file")) });
  const folder = { kind: "folder", packageId: "PS100002", name: "Editor", driverCategory: "Net" };
  const programs = [{ name: "Setup", commandLine: "setup.exe" }];
  await ask("POST", "/packages", { ...folder, programs, uploadId: await upload(await archive()) });
  await ask("POST", "/packages", { kind: "image", packageId: "PS100003", imageId: lab.image.id });
  await ask("POST", "/packages/PS100001/shared", { shared: true });
  await ask("POST", "/packages/PS100001/multicast", { multicast: "no" });
  await ask("POST", "/packages/PS100001/encryption", { encrypt: true });
  await ask("GET", "/packages");
  await ask("GET", "/packages/PS100002");
  await ask("GET", "/drivers");
  await asMachine("GET", "/shared-packages/PS100001");
  await asMachine("GET", "/shared-packages/PS100001/0");
  await castPackage("PS100004");

  const wish = { name: "sequence", sequenceId: own.id, children: [child.id], machines: [machine.id] };
  const variables = [{ name: "Secret", value: "x", hidden: true }];
  const { id } = await ask<DeploymentRecord>("POST", "/deployments", { ...wish, variables });
  const path = `/deployments/${id}`;
  await asMachine("GET", "/policy");
  for (const below of [
    "/variables",
    "/children",
    "/sequence/0",
    `/children/${child.id}/0`,
    "/applications/Editor",
    "/packages/PS100001",
    "/packages/PS100001/0",
    "/packages/PS100003/image",
    "/machines/me/variables",
    "/machines/me/checkpoint",
  ]) {
    await asMachine("GET", path + below);
  }
  await asMachine("POST", `${path}/drivers`, { identifiers: ["PCI\\VEN_8086"] });
  const me = `${path}/machines/me`;
  await asMachine("POST", `${me}/key`, {});
  await asMachine("PUT", `${me}/checkpoint`, { runId: "r", serial: 1 });
  await asMachine("GET", `${me}/checkpoint`);
  await asMachine("DELETE", `${me}/checkpoint`);
  await asMachine("POST", `${me}/state`, { purpose: "capture" });
  await asMachine("PUT", `${me}/state`, { uploadId: await upload(Buffer.from("state"), machine.token) });
  await asMachine("POST", `${me}/state`, { purpose: "restore" });
  await asMachine("GET", `${me}/state/0`);
  await asMachine("DELETE", `${me}/state`);
  await ask("GET", `/machines/${machine.id}/state`);
  await ask("DELETE", `/machines/${machine.id}/state`);
  await ask("GET", `/machines/${machine.id}/state`);
  const wim = await upload(Buffer.from("MSWIM\0\0\0 and more"), machine.token);
  const captured = { name: "captured", description: "", fileName: "c.wim", uploadId: wim };
  await asMachine("POST", `${me}/captured`, captured);
  const password = Array.from({ length: 8 }, () => "123456").join("-");
  const protector = "{01234567-89AB-CDEF-0123-456789ABCDEF}";
  await asMachine("PUT", `${me}/recovery-key`, { drive: "C:", id: protector, password });
  const devices = await ask<DeviceRecord[]>("GET", "/devices");
  const device = devices.find(({ machineId }) => machineId === machine.id);
  await ask("GET", `/devices/${device?.id}/recovery-keys`);
  await ask("DELETE", path);
  await ask("DELETE", "/packages/PS100001");
  await ask("DELETE", `/sequences/${own.id}`);
});

/** Of a folder with one file. */
async function archive(): Promise<Buffer> {
  const tar = await packTar([{ header: { name: "setup.exe", size: 1 }, body: "x" }]);
  return gzipSync(tar);
}

test("a machine's examination of its network", async () => {
  const { id } = await asMachine<Examination>("POST", "/examinations");
  await asMachine("POST", `/examinations/${id}/bursts`, { packetBytes: [1500], packets: 1, rateMbps: 1 });
  await asMachine("GET", `/examinations/${id}`);
  await asMachine("POST", `/examinations/${id}/close`, {});
});

test("a distribution point in another building", async () => {
  const wish = { name: "annexe", address: "127.0.0.2", boundaries: ["127.9.0.0/16"] };
  const { point } = await ask<PointCredential>("POST", "/points", wish);
  await ask("POST", `/points/${point.id}`, { allImages: false });
  await ask("POST", `/images/${lab.image.id}/points`, { add: [point.id] });
  await ask("POST", "/packages/PS100003/points", { add: [point.id] });
  await ask("GET", "/points");
  const { credential } = await ask<PointCredential>("POST", `/points/${point.id}/credential`, {});
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "pem" });
  const body = { credential, publicKey: spki };
  const { key, pointId } = await ask<PointEnrolAnswer>("POST", "/point/enrol", body, { token: "" });
  const token = `${pointId}.${key}`;
  const sync = { port: 40_000, sessions: [], progress: [], images: [], deployments: [], renew: true };
  await ask("POST", "/point/sync", sync, { token });
  await ask("GET", `/point/images/${lab.image.id}/manifest`, undefined, { token });
  await ask("GET", `/point/images/${lab.image.id}/content/0`, undefined, { token });
  await ask("DELETE", `/points/${point.id}`);
});

test("refusals are as they are stated, and no route is left out", async () => {
  for (const call of [
    { path: "/images" },
    { path: `/images/${randomUUID()}`, token: adminToken },
    { method: "POST", path: "/deployments", token: adminToken, body: { name: "" } },
  ]) {
    const answer = await lab.api(call);
    assert.ok(answer.status >= 400);
    api.check(call, answer);
  }
  const left = api.names.filter((name) => !api.answered.has(name));
  assert.deepEqual(left.toSorted(), Object.keys(elsewhere).toSorted());
});
