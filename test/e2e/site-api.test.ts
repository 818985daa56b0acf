/** A real site over real HTTPS: who may do what, what is refused and how, and what a kill leaves. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import { JoinAnswer, Policy } from "../../contract/deployment.ts";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import type { Answer, Call } from "../fixtures/https.ts";
import { machineFacts, progressFacts } from "../fixtures/records.ts";
import { waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let lab: DeviceSite;
let room: Room;
let site: SiteProcess;
let adminToken: string;
let image: ImageRecord;
let secondImage: ImageRecord;
before(async () => {
  lab = await DeviceSite.open("site api", { chunks: 8 });
  ({ image, room, site } = lab);
  adminToken = readFileSync(join(site.folder, "admin-token"), "utf8").trim();
  secondImage = await site.importImage((await room.makeImage(4)).path, "library");
});
after(() => lab.close());

const api = (call: Call): Promise<Answer> => lab.api(call);
const enrol = (name: string): Promise<Enrolled> => lab.enrol(name);

async function refused(call: Call, code: ErrorCode): Promise<void> {
  const answer = await api(call);
  const what = `${call.method ?? "GET"} ${call.path}`;
  const body = ErrorAnswer.parse(answer.json, {
    error: () => `${what} answered ${answer.status} ${answer.text}`,
  });
  assert.equal(body.code, code, `${what}: ${body.detail}`);
  assert.equal(answer.status, errors[code].httpStatus, what);
  assert.equal(body.remedy, errors[code].remedy);
}

async function deploy(
  name: string,
  machines: Enrolled[],
  more: Partial<DeploymentRecord> = {},
): Promise<DeploymentRecord> {
  return await site.createDeployment({
    name,
    imageId: image.id,
    machines: machines.map(({ id }) => id),
    ...more,
  });
}

const joinAs = async (machine: Enrolled, deployment: DeploymentRecord) =>
  JoinAnswer.parse(
    (
      await api({
        method: "POST",
        path: `/deployments/${deployment.id}/join`,
        token: machine.token,
        body: { resume: false },
      })
    ).json,
  );

const progress = (sessionId: string, more: object = {}) => ({ sessionId, ...progressFacts, ...more });

test("the authority is answered to anyone, has the fingerprint shown at start, and TLS is 1.2 at least", async () => {
  const answer = await api({ path: "/authority" });
  const path = join(site.folder, "authority", "authority.pem");
  assert.equal(answer.text, readFileSync(path, "utf8"));
  const shown = execFileSync("openssl", ["x509", "-in", path, "-noout", "-fingerprint", "-sha256"], {
    encoding: "utf8",
  });
  assert.equal(shown.trim().split("=")[1]?.replaceAll(":", "").toLowerCase(), site.fingerprint);
  const old = await new Promise<string>((resolve) => {
    const options = { host: site.address, port: site.port, rejectUnauthorized: false } as const;
    const socket = connectTls({ ...options, minVersion: "TLSv1", maxVersion: "TLSv1.1" }, () =>
      resolve("connected"),
    );
    socket.on("error", () => resolve("refused"));
  });
  assert.equal(old, "refused");
  for (const name of [
    "admin-token",
    "authority/authority.key",
    "authority/manifest.key",
    "authority/server.key",
  ]) {
    assert.equal(statSync(join(site.folder, name)).mode & 0o077, 0, name);
  }
  assert.equal(statSync(site.folder).mode & 0o077, 0);
});

test("every refusal is of the registry, with its status", async () => {
  const machine = await enrol("refusals");
  const token = adminToken;
  await refused({ path: "/nonsense", token }, "E_NOT_FOUND");
  await refused({ path: "/images/no-identifier", token }, "E_NOT_FOUND");
  await refused({ path: `/images/${randomUUID()}`, token }, "E_NOT_FOUND");
  await refused({ path: `/imports/${randomUUID()}`, token }, "E_NOT_FOUND");
  await refused({ method: "PATCH", path: "/images", token, body: {} }, "E_NOT_FOUND");
  await refused({ method: "POST", path: "/images", token, body: "{" }, "E_REQUEST_INVALID");
  await refused({ method: "POST", path: "/images", token, body: { path: 7 } }, "E_REQUEST_INVALID");
  await refused(
    { method: "POST", path: "/images", token, body: "x", headers: { "content-type": "text/plain" } },
    "E_REQUEST_INVALID",
  );
  const huge = { path: "x".repeat(limits.requestBodyBytes + 1) };
  await refused({ method: "POST", path: "/images", token, body: huge }, "E_REQUEST_INVALID");
  await refused(
    { method: "POST", path: "/credentials", token, body: { uses: 0, validHours: 1 } },
    "E_REQUEST_INVALID",
  );
  const strange = { name: "strange", imageId: image.id, machines: [randomUUID()] };
  await refused({ method: "POST", path: "/deployments", token, body: strange }, "E_NOT_FOUND");
  await refused(
    { method: "POST", path: "/reports", token: machine.token, body: { reports: [] } },
    "E_REQUEST_INVALID",
  );
  await refused({ path: "/policy" }, "E_NOT_ENROLLED");
  await refused({ path: "/policy", token }, "E_NOT_ENROLLED");
  await refused(
    { path: "/policy", token: `${machine.token.slice(0, -1)}${machine.token.endsWith("0") ? 1 : 0}` },
    "E_NOT_ENROLLED",
  );
  for (const path of ["/images", "/machines", "/sessions", "/deployments", "/events"]) {
    await refused({ path }, "E_NOT_SIGNED_IN");
    await refused({ path, token: machine.token }, "E_FORBIDDEN");
    await refused({ path, token: `${adminToken}x` }, "E_NOT_SIGNED_IN");
  }
  await refused(
    { method: "POST", path: "/credentials", token: machine.token, body: { uses: 1, validHours: 1 } },
    "E_FORBIDDEN",
  );
});

test("a machine sees its own deployment and nothing of another's", async () => {
  const [mine, other] = [await enrol("mine"), await enrol("other")];
  assert.deepEqual((await api({ path: "/policy", token: mine.token })).json, { deployment: null });
  const deployment = await deploy("mine only", [mine]);
  const policy = Policy.parse((await api({ path: "/policy", token: mine.token })).json);
  assert.equal(policy.deployment?.image?.root, image.root);
  assert.deepEqual((await api({ path: "/policy", token: other.token })).json, { deployment: null });

  const manifest = `/images/${image.id}/manifest`;
  assert.equal((await api({ path: manifest, token: mine.token })).status, 200);
  await refused({ path: manifest, token: other.token }, "E_FORBIDDEN");
  await refused({ path: `/images/${secondImage.id}/manifest`, token: mine.token }, "E_FORBIDDEN");
  await refused({ path: manifest }, "E_NOT_ENROLLED");

  const asking = { method: "POST", path: `/deployments/${deployment.id}/join`, body: { resume: false } };
  await refused({ ...asking, token: other.token }, "E_FORBIDDEN");
  await refused({ ...asking }, "E_NOT_ENROLLED");
  await refused({ ...asking, token: adminToken }, "E_NOT_ENROLLED");
  const answer = await joinAs(mine, deployment);
  const report = {
    method: "POST",
    path: `/deployments/${deployment.id}/progress`,
    body: progress(answer.session.id),
  };
  assert.deepEqual((await api({ ...report, token: mine.token })).json, { next: "go-on", moved: "" });
  await refused({ ...report, token: other.token }, "E_FORBIDDEN");
  const secret =
    (await api({ path: "/sessions", token: adminToken })).text +
    (await api({ path: "/machines", token: adminToken })).text;
  assert.ok(!secret.includes(answer.session.key) && !secret.includes(answer.receiver.key));
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  await refused({ ...asking, token: mine.token }, "E_SESSION_GONE");
  assert.deepEqual((await api({ ...report, token: mine.token })).json, { next: "rejoin", moved: "" });
});

test("every join of a session has the session's key and a receiver's key of its own", async () => {
  const machine = await enrol("keys");
  const deployment = await deploy("keys", [machine]);
  const [first, second] = [await joinAs(machine, deployment), await joinAs(machine, deployment)];
  assert.equal(first.session.key, second.session.key);
  assert.notEqual(first.receiver.number, second.receiver.number);
  assert.notEqual(first.receiver.key, second.receiver.key);
  await site.client.remove(`/deployments/${deployment.id}`);
});

test("a report that comes again is acknowledged again and counts once", async () => {
  const machine = await enrol("reports");
  const deployment = await deploy("reports", [machine]);
  await api({ path: "/policy", token: machine.token });
  const common = { deploymentId: deployment.id, time: new Date().toISOString() };
  const error = { code: "E_DEVICE_WRITE", detail: "sda", remedy: "replace" };
  const outcome = {
    root: image.root,
    multicastBytes: 1,
    unicastBytes: 2,
    foundChunks: 0,
    repairedSymbols: 0,
    seconds: 3,
  };
  const failed = { ...common, id: randomUUID(), kind: "failed", error };
  const succeeded = { ...common, id: randomUUID(), kind: "succeeded", outcome };
  const send = (reports: object[]) =>
    api({ method: "POST", path: "/reports", token: machine.token, body: { reports } });
  assert.deepEqual((await send([failed])).json, { acknowledged: [failed.id] });
  assert.equal((await site.machine("reports"))?.state, "failed");
  assert.deepEqual((await send([succeeded])).json, { acknowledged: [succeeded.id] });
  assert.deepEqual((await send([failed, succeeded])).json, { acknowledged: [failed.id, succeeded.id] });
  const record = await site.machine("reports");
  assert.equal(record?.state, "succeeded");
  assert.equal(record.outcome?.seconds, 3);
  assert.deepEqual((await api({ path: "/policy", token: machine.token })).json, { deployment: null });
});

test("whoever guesses credentials has to wait, with a right one too", async () => {
  const right = await site.newCredential(1);
  const attempt = (credential: string): Call => ({
    method: "POST",
    path: "/enrol",
    body: { credential, machine: machineFacts("guess") },
  });
  for (let count = 0; count < limits.failedAttempts; count += 1) {
    await refused(attempt(`a wrong credential ${count}`), "E_CREDENTIAL_REFUSED");
  }
  await refused(attempt("one more wrong credential"), "E_TOO_MANY_ATTEMPTS");
  await refused(attempt(right), "E_TOO_MANY_ATTEMPTS");
  const signIn = { name: "admin", password: site.firstPassword };
  await refused({ method: "POST", path: "/login", body: signIn }, "E_TOO_MANY_ATTEMPTS");
  const log = readFileSync(join(site.folder, "site.log"), "utf8");
  assert.match(log, /an enrolment from 127\.0\.0\.1 was refused/);
  assert.ok(!log.includes(right) && !log.includes(adminToken));
});

test("a site that is killed leaves no sender, and goes on with the same ports under a higher start", async () => {
  // A killed site also forgets who guessed, so that machines can enrol again.
  await site.kill();
  await site.start();
  const machine = await enrol("killed");
  const deployment = await deploy("killed", [machine]);
  const answer = await joinAs(machine, deployment);
  const startOf = async () => (await site.sessions()).find(({ id }) => id === answer.session.id)?.start ?? 0;
  const start = await startOf();
  assert.ok(answer.unicastPort);
  assert.ok(await answers(answer.unicastPort), "the unicast side listens");
  await site.kill();
  assert.ok(!(await answers(answer.unicastPort)), "nothing listens after the kill");
  await isFree(answer.unicastPort);

  await site.start();
  const report: Call = {
    method: "POST",
    path: `/deployments/${deployment.id}/progress`,
    token: machine.token,
    body: progress(answer.session.id),
  };
  assert.deepEqual((await api(report)).json, { next: "go-on", moved: "" });
  assert.ok(await answers(answer.unicastPort), "it listens at the same port");
  assert.ok((await startOf()) > start);
  const again = await joinAs(machine, deployment);
  assert.equal(again.session.id, answer.session.id);
  assert.equal(again.session.key, answer.session.key);
  assert.equal(again.feedbackPort, answer.feedbackPort);
  assert.ok(again.receiver.number > answer.receiver.number);
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  assert.ok(!(await answers(answer.unicastPort)), "the sender ends with its deployment");
});

test("a site that is told to end ends well, and another may not have its folder meanwhile", async () => {
  await assert.rejects(room.startSite({ words: ["--data", site.folder] }), /E_SITE_BUSY/);
  await site.stop();
  assert.deepEqual(await site.process.ended, { code: 0, signal: null });
  await site.start();
});

test("events show a change, and no more states than one for each interval", async () => {
  const states: { at: number; text: string }[] = [];
  const socket = connectTls({ host: site.address, port: site.port, rejectUnauthorized: false });
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    received += text;
    for (const state of received.split("\n\n").slice(0, -1)) {
      if (state.includes("event: room")) states.push({ at: Date.now(), text: state });
    }
    received = received.slice(received.lastIndexOf("\n\n") + 2);
  });
  socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: site\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`);
  await waitFor(() => states.length > 0, { what: "first state" });
  const machine = await enrol("watched");
  await waitFor(() => states.some(({ text }) => text.includes('"watched"')), {
    what: "state with the machine",
  });
  const deployment = await deploy("watched", [machine]);
  const answer = await joinAs(machine, deployment);
  const earlier = states.length;
  const began = Date.now();
  // So many changes that a state for each of them would be too many, and until a few states are shown.
  for (let count = 0; count < 100 || states.length - earlier < 3; count += 1) {
    assert.ok(Date.now() - began < 60_000, `${states.length - earlier} states in a minute of changes`);
    const body = progress(answer.session.id, { bytesVerified: count });
    await api({ method: "POST", path: `/deployments/${deployment.id}/progress`, token: machine.token, body });
  }
  const shown = states.length - earlier;
  const tookMs = Date.now() - began;
  // One may have been on its way, and one at each end.
  const most = Math.ceil(tookMs / limits.roomIntervalMs) + 3;
  assert.ok(shown <= most, `${shown} states in ${tookMs} ms`);
  socket.destroy();
  await site.client.remove(`/deployments/${deployment.id}`);
});

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
    socket.connect(port, site.address);
  });
}

/** Fails when anything still has the port. */
async function isFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, site.address, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}
