/**
 * Somebody hostile on the network who speaks to the site: with no key, a wrong one, one of another machine, with requests
 * that are replayed, oversized, slow or malformed. Nothing is answered that is not theirs, and the site goes on.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import { JoinAnswer } from "../../contract/deployment.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import { enrolPoint } from "../fixtures/enrol-point.ts";
import type { Answer, Call } from "../fixtures/https.ts";
import { testSeed } from "../fixtures/random.ts";
import { machineFacts } from "../fixtures/records.ts";
import { waitFor } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let lab: DeviceSite;
let site: SiteProcess;
let image: ImageRecord;
let deployment: DeploymentRecord;
let victim: Enrolled;
let attacker: Enrolled;
let pointToken: string;
before(async () => {
  lab = await DeviceSite.open("site hostile");
  ({ image, site } = lab);
  victim = await enrol("victim");
  attacker = await enrol("attacker");
  pointToken = await enrolPoint(site, "annexe");
  const variables = [{ name: "Password", value: secret, hidden: true }];
  deployment = await site.createDeployment({
    name: "the victim's",
    imageId: image.id,
    machines: [victim.id],
    variables,
  });
});
after(() => lab.close());

const isLong = ["long", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "");
const waits = isLong ? false : "waits for a minute: scripts/test --site";
const secret = "what nobody else may know";
const api = (call: Call): Promise<Answer> => lab.api(call);
const enrol = (name: string): Promise<Enrolled> => lab.enrol(name);
async function refused(call: Call, code: ErrorCode): Promise<void> {
  const answer = await api(call);
  const body = ErrorAnswer.parse(answer.json, { error: () => `${call.path}: ${answer.text}` });
  assert.equal(body.code, code, `${call.path}: ${body.detail}`);
}
const enrolBody = (credential: string, name: string) => ({ credential, machine: machineFacts(name) });
const report = (more: object) => ({
  reports: [{ id: randomUUID(), deploymentId: deployment.id, time: new Date().toISOString(), ...more }],
});

/** Bytes as they are, and what comes back until the site ends it or nothing comes any more. */
function exchange(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: site.address, port: site.port, rejectUnauthorized: false }, () => {
      socket.write(bytes);
    });
    let received = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
      // The head is all that is looked at; a connection may stay open for more.
      if (received.includes("\r\n\r\n")) setTimeout(() => socket.destroy(), 200);
    });
    socket.on("error", () => undefined).on("close", () => resolve(received));
    socket.setTimeout(20_000, () => socket.destroy());
  });
}

interface SiteDoor {
  path: string;
  /** Of a distribution point; null where anybody knocks. */
  token: string | null;
  bytesMost: number;
}
/** What everybody may post to, and what a distribution point in another building may with its key. */
const doors = (): [SiteDoor, SiteDoor] => [
  { path: "/enrol", token: null, bytesMost: limits.requestBodyBytes },
  { path: "/point/sync", token: pointToken, bytesMost: limits.pointSyncBytes },
];
/** To which the rest of the head, or nothing of it, may be put. */
function headAt({ path, token }: SiteDoor): string {
  const authorization = token === null ? "" : `Authorization: Bearer ${token}\r\n`;
  return `POST /api/v1${path} HTTP/1.1\r\nHost: site\r\nContent-Type: application/json\r\n${authorization}`;
}

async function goesOn(): Promise<void> {
  assert.equal((await api({ path: "/policy", token: victim.token })).status, 200);
  assert.ok(site.process.running, site.process.story());
}

test("a machine gets nothing of another's deployment: no session, secret, file, key or state", async () => {
  const path = `/deployments/${deployment.id}`;
  const me = `${path}/machines/me`;
  const calls: Call[] = [
    { method: "POST", path: `${path}/join`, body: { resume: false } },
    { method: "POST", path: `${path}/progress`, body: {} },
    { path: `${path}/variables` },
    { path: `${me}/variables` },
    { path: `${path}/sequence/0` },
    { path: `${path}/children` },
    { path: `${path}/packages/PS100001` },
    { method: "POST", path: `${me}/key` },
    { path: `${me}/checkpoint` },
    { method: "DELETE", path: `${me}/checkpoint` },
    { method: "POST", path: `${me}/state`, body: { purpose: "restore" } },
    { path: `/images/${image.id}/manifest` },
  ];
  for (const call of calls) {
    await refused({ ...call, token: attacker.token }, "E_FORBIDDEN");
    await refused(call, "E_NOT_ENROLLED");
    await refused({ ...call, token: `${victim.id}.${"0".repeat(64)}` }, "E_NOT_ENROLLED");
    await refused({ ...call, token: `${victim.id}.${attacker.token.split(".")[1]}` }, "E_NOT_ENROLLED");
  }
  const given = await api({ path: `${path}/variables`, token: victim.token });
  assert.ok(given.text.includes(secret), "the victim's own is there to be had");
});

test("forged and replayed reports change nothing of another's", async () => {
  await api({ path: "/policy", token: victim.token });
  const error = { code: "E_DEVICE_WRITE", detail: "forged", remedy: "none" };
  const forged = report({ kind: "failed", error });
  await api({ method: "POST", path: "/reports", token: attacker.token, body: forged });
  assert.equal((await site.machine("victim"))?.state, "enrolled");
  const started = report({ kind: "started", resume: false });
  const send = (token: string) => api({ method: "POST", path: "/reports", token, body: started });
  assert.equal((await send(victim.token)).status, 200);
  const failed = report({ kind: "failed", error });
  await api({ method: "POST", path: "/reports", token: victim.token, body: failed });
  // What was overheard, once more: by its sender it counts as it did, by another for nothing.
  assert.equal((await send(victim.token)).status, 200);
  assert.equal((await send(attacker.token)).status, 200);
  assert.equal((await site.machine("victim"))?.state, "failed");
  await api({
    method: "POST",
    path: "/reports",
    token: victim.token,
    body: report({ kind: "started", resume: true }),
  });
});

test("a credential is not used twice, and a join that is repeated has a key of its own each time", async () => {
  const credential = await site.newCredential(1);
  const body = enrolBody(credential, "once");
  assert.equal((await api({ method: "POST", path: "/enrol", body })).status, 200);
  await refused({ method: "POST", path: "/enrol", body }, "E_CREDENTIAL_REFUSED");
  await refused(
    { method: "POST", path: "/enrol", body: enrolBody(credential, "another") },
    "E_CREDENTIAL_REFUSED",
  );
  const joining: Call = {
    method: "POST",
    path: `/deployments/${deployment.id}/join`,
    token: victim.token,
    body: { resume: false },
  };
  const [first, second] = [await api(joining), await api(joining)].map(({ json }) => JoinAnswer.parse(json));
  assert.notEqual(first?.receiver.key, second?.receiver.key);
  await refused({ ...joining, token: attacker.token }, "E_FORBIDDEN");
});

test("an upload is only for who began it", async () => {
  const piece = randomBytes(1000);
  const wanted = { bytes: piece.length, hash: createHash("sha256").update(piece).digest("hex") };
  const begun = await api({ method: "POST", path: "/uploads", token: victim.token, body: wanted });
  const { id } = begun.json as { id: string };
  const headers = { "content-type": "application/octet-stream" };
  const put = (token: string, at: string): Call => ({
    method: "PUT",
    path: `/uploads/${id}/${at}`,
    token,
    headers,
    body: piece.toString("latin1"),
  });
  await refused(put(attacker.token, "0"), "E_NOT_FOUND");
  await refused(put(victim.token, "-1"), "E_REQUEST_INVALID");
  await refused(put(victim.token, "99999999999999999999"), "E_REQUEST_INVALID");
});

test("a body that is too large is refused before it is read, whether it says so or not", async () => {
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  for (const door of doors()) {
    const size = door.bytesMost + 1;
    const chunks = chunk.repeat(Math.ceil(size / 0x10000) + 1);
    const head = (more: string): string => `${headAt(door)}${more}\r\n\r\n`;
    const announced = await exchange(head(`Content-Length: ${size}`));
    assert.match(announced, /^HTTP\/1\.1 400 .*E_REQUEST_INVALID/s, door.path);
    assert.match(await exchange(head("Transfer-Encoding: chunked") + chunks), /^HTTP\/1\.1 400 /, door.path);
  }
  assert.match(
    await exchange(`GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: site\r\n\r\n`),
    /^(HTTP\/1\.1 4\d\d |$)/,
  );
  await goesOn();
});

test("paths that lead elsewhere lead nowhere", async () => {
  const marker = randomUUID();
  writeFileSync(join(site.folder, "marker"), marker);
  const paths = [
    "/../marker",
    "/..%2fmarker",
    "/%2e%2e/%2e%2e/marker",
    "/room.js/../../../marker",
    "/room.js%00.html",
    "//marker",
    "/\\..\\marker",
    "/site.json",
    "/admin-token",
    "/authority/authority.key",
    "/api/v1/../../marker",
    "/api/v1/images/..%2f..%2fmarker/manifest",
    `/api/v1/images/${image.id}%2f../manifest`,
    "/api/v1/deployments/%ff%fe",
    "/api/v1/machines?__proto__[role]=administrator",
    "https://elsewhere.example/api/v1/machines",
  ];
  for (const path of paths) {
    const answer = await exchange(`GET ${path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (303|4\d\d) /, `${path}: ${answer.slice(0, 100)}`);
    assert.ok(!answer.includes(marker) && !answer.includes("PRIVATE KEY"), path);
  }
  const token = readFileSync(join(site.folder, "admin-token"), "utf8").trim();
  for (const fileName of ["../x", "a/b", "..", "a\\b", "a\0b"]) {
    const body = { name: "x", fileName, uploadId: randomUUID() };
    await refused({ method: "POST", path: "/sequences", token, body }, "E_REQUEST_INVALID");
  }
  assert.equal(statSync(join(site.folder, "marker")).size, marker.length);
  await goesOn();
});

test("what is no request, or two in one, or would change objects of the program, is refused", async () => {
  const seed = testSeed("site hostile bytes");
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => ((seed * (index + 7)) >>> 5) & 0xff));
  await exchange(bytes);
  const smuggled =
    "POST /api/v1/enrol HTTP/1.1\r\nHost: site\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/machines HTTP/1.1\r\nHost: site\r\n\r\n";
  assert.match(await exchange(smuggled), /^HTTP\/1\.1 400 /);
  for (const body of [
    '{"__proto__":{"approves":true},"credential":"x"}',
    '{"constructor":{"prototype":{"a":1}}}',
    "[".repeat(50_000),
  ]) {
    await refused({ method: "POST", path: "/enrol", body }, "E_REQUEST_INVALID");
  }
  await new Promise<void>((resolve) => {
    const socket = connectPlain({ host: site.address, port: site.port }, () =>
      socket.end("no TLS at all\r\n\r\n"),
    );
    socket.on("error", () => undefined).on("close", () => resolve());
    socket.resume();
  });
  await goesOn();
});

test("many that send slowly keep nobody else waiting", async () => {
  const slow: TLSSocket[] = [];
  for (let count = 0; count < 200; count += 1) {
    const socket = connect({ host: site.address, port: site.port, rejectUnauthorized: false });
    socket
      .on("error", () => undefined)
      .once("secureConnect", () => {
        // Half of them stop in the head, half in the body.
        const [one, other] = doors();
        const head = headAt(count % 4 < 2 ? one : other);
        socket.write(count % 2 === 0 ? head : `${head}Content-Length: 1000\r\n\r\n{`);
      });
    slow.push(socket);
  }
  await waitFor(() => slow.every((socket) => socket.bytesWritten > 0), { what: "200 slow connections" });
  for (let count = 0; count < 20; count += 1) await goesOn();
  for (const socket of slow) socket.destroy();
});

test("who does not come to the end of a request is hung up on", { skip: waits }, async () => {
  const heads = doors().map(headAt);
  const bodies = heads.map((head) => `${head}Content-Length: 1000\r\n\r\n{`);
  const sockets = [...heads, ...bodies].map((begun) => {
    const socket = connect({ host: site.address, port: site.port, rejectUnauthorized: false });
    socket.on("error", () => undefined).once("secureConnect", () => socket.write(begun));
    return socket.resume();
  });
  // A minute, and Node looks for such requests twice in one.
  const timeMs = 150_000;
  await waitFor(() => sockets.every(({ closed }) => closed), { what: "the end of all", timeMs });
});

test("after all of it the site is the same process, has met no error of its own, and has told nobody its secrets", async () => {
  await goesOn();
  const log = readFileSync(join(site.folder, "site.log"), "utf8");
  assert.ok(
    !log.includes("E_INTERNAL"),
    log.split("\n").find((line) => line.includes("E_INTERNAL")),
  );
  assert.ok(!log.includes(secret) && !log.includes(victim.token) && !log.includes(attacker.token));
  const shown = [await site.machines(), await site.sessions(), await site.client.get("/deployments")];
  assert.ok(!JSON.stringify(shown).includes(secret));
});
