/** Who may do what at a site: every route by everybody, signing in and out, tokens, and what is written down of it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { CredentialAnswer } from "../../contract/administration.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { Me, Role, type AccountAnswer, type AuditEntry, type TokenAnswer } from "../../contract/accounts.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { EnrolAnswer } from "../../contract/machine.ts";
import type { ApiContext } from "../../site/api/context.ts";
import { resources } from "../../site/api/resources.ts";
import type { Route, Who } from "../../site/api/route.ts";
import { openStore } from "../../site/store/store.ts";
import { enrolPoint } from "../fixtures/enrol-point.ts";
import { HttpsCaller, type Answer, type Call } from "../fixtures/https.ts";
import { machineFacts } from "../fixtures/records.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let caller: HttpsCaller;
let localToken: string;
const password = "correct horse battery";
before(async () => {
  room = await openRoom("site access");
  site = await room.startSite();
  localToken = readFileSync(join(site.folder, "admin-token"), "utf8").trim();
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  caller = new HttpsCaller({ host: site.address, port: site.port, authority });
});
after(async () => {
  caller.close();
  await room.close();
});

const api = (call: Call): Promise<Answer> => caller.call({ ...call, path: `/api/v1${call.path}` });
const codeOf = ({ json, status }: Answer): string =>
  status < 400 ? "done" : ErrorAnswer.parse(json, { error: () => `status ${status}` }).code;

async function refused(call: Call, code: ErrorCode): Promise<void> {
  const answer = await api(call);
  assert.equal(codeOf(answer), code, `${call.method ?? "GET"} ${call.path}: ${answer.text}`);
  assert.equal(answer.status, errors[code].httpStatus);
}

/** What a browser keeps, and what the page adds to it. */
interface SignedIn {
  cookie: string;
  me: Me;
}
async function signIn(name: string, secret: string): Promise<SignedIn> {
  const answer = await api({ method: "POST", path: "/login", body: { name, password: secret } });
  assert.equal(answer.status, 200, answer.text);
  const [line = ""] = [answer.headers["set-cookie"] ?? []].flat();
  for (const attribute of ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"]) {
    assert.ok(line.split("; ").includes(attribute), line);
  }
  return { cookie: line.split(";")[0] ?? "", me: Me.parse(answer.json) };
}
const headersOf = ({ cookie, me }: SignedIn): Record<string, string> => ({
  cookie,
  "x-volley-page": me.pageMark ?? "",
});

async function newAccount(name: string, role: Role): Promise<SignedIn> {
  await site.client.post<AccountAnswer>("/accounts", { name, role, password });
  return await signIn(name, password);
}
const newToken = (name: string, role: Role, validDays = 1): Promise<TokenAnswer> =>
  site.client.post<TokenAnswer>("/tokens", { name, role, validDays });

/** The API as it is stated. Its handlers close over what they work on, and none is called. */
const anything: unknown = new Proxy(() => undefined, { get: () => anything, apply: () => anything });
const routes: Route[] = resources.flatMap((resource) => resource(anything as ApiContext));

const reaches: Record<Who, readonly string[]> = {
  anyone: ["nobody", "machine", "point", ...Role.options],
  machine: ["machine"],
  viewer: Role.options,
  operator: ["operator", "administrator"],
  administrator: ["administrator"],
  "machine-or-viewer": ["machine", ...Role.options],
  "machine-or-administrator": ["machine", "administrator"],
  point: ["point"],
};
/** A machine that nobody has approved. Answers its key. */
async function enrolStranger(name: string): Promise<string> {
  const wish = { uses: 1, validHours: 1, approves: false };
  const { credential } = await site.client.post<CredentialAnswer>("/credentials", wish);
  const machine = { ...machineFacts(name), smbiosUuid: randomUUID() };
  const answer = await api({ method: "POST", path: "/enrol", body: { credential, machine } });
  const { machineId, machineKey } = EnrolAnswer.parse(answer.json);
  return `${machineId}.${machineKey}`;
}

/** What says that it was not the request's matter but who made it. */
const closed: ReadonlySet<string> = new Set(["E_NOT_SIGNED_IN", "E_NOT_ENROLLED", "E_FORBIDDEN"]);

test("every route is open to exactly those whom it names: nobody, a machine, a distribution point, each role by cookie and token", async () => {
  const credential = await site.newCredential(1);
  const body = { credential, machine: machineFacts("walker") };
  const enrolled = EnrolAnswer.parse((await api({ method: "POST", path: "/enrol", body })).json);
  const callers: { kind: string; name: string; more: Partial<Call> }[] = [
    { kind: "nobody", name: "nobody", more: {} },
    { kind: "nobody", name: "wrong key", more: { token: `${enrolled.machineId}.${"0".repeat(64)}` } },
    { kind: "nobody", name: "wrong cookie", more: { headers: { cookie: "__Host-volley=guessed" } } },
    { kind: "machine", name: "machine", more: { token: `${enrolled.machineId}.${enrolled.machineKey}` } },
    { kind: "point", name: "distribution point", more: { token: await enrolPoint(site, "annexe") } },
    { kind: "stranger", name: "machine that waits", more: { token: await enrolStranger("waits") } },
    { kind: "stranger", name: "refused machine", more: { token: await enrolStranger("is refused") } },
  ];
  const refusedDevice = (await site.client.get<DeviceRecord[]>("/devices")).find(
    ({ name }) => name === "is refused",
  );
  await site.client.post(`/devices/${refusedDevice?.id}/state`, { state: "refused" });
  for (const role of Role.options) {
    const { token } = await newToken(`walk as ${role}`, role);
    callers.push({ kind: role, name: `${role}'s token`, more: { token } });
    const signedIn = await newAccount(`walker-${role}`, role);
    callers.push({ kind: role, name: `${role} on the page`, more: { headers: headersOf(signedIn) } });
  }
  assert.ok(routes.length > 60, `${routes.length} routes`);
  const toStrangers = routes.filter(({ beforeApproval }) => beforeApproval === true);
  assert.deepEqual(toStrangers.map(({ method, path }) => `${method} ${path}`).toSorted(), [
    "GET /policy",
    "POST /reports",
  ]);
  // Signing out would end the walk, and a stream of events does not end.
  const walked = routes.filter(({ path }) => path !== "/logout" && path !== "/events");
  assert.equal(walked.length, routes.length - 2);
  for (const { beforeApproval = false, method, path, who } of walked) {
    const place = path
      .replace(/:offset/g, "0")
      .replace(/:packageId/g, "PS1")
      .replace(/:\w+/g, () => randomUUID());
    for (const { kind, more, name } of callers) {
      // What no schema takes: nothing is done even where the caller may.
      const wrong = method === "GET" || method === "DELETE" ? {} : { body: [] };
      if (who === "anyone" && method !== "GET") continue;
      const code = codeOf(await api({ method, path: place, ...more, ...wrong }));
      const opens = kind === "stranger" ? who === "anyone" || beforeApproval : reaches[who].includes(kind);
      const what = `${method} ${path}, which is for ${who}, by ${name}: ${code}`;
      assert.equal(!closed.has(code), opens, what);
      assert.notEqual(code, "E_INTERNAL", what);
    }
  }
});

test("the first password opens one door, to a password of one's own", async () => {
  assert.match(site.firstPassword, /^([a-z0-9]{5}-){3}[a-z0-9]{5}$/);
  const log = readFileSync(join(site.folder, "site.log"), "utf8");
  assert.ok(!log.includes(site.firstPassword));
  const first = await signIn("Admin", site.firstPassword);
  assert.equal(first.me.mustChangePassword, true);
  await refused({ path: "/machines", headers: headersOf(first) }, "E_PASSWORD_CHANGE");
  const change = (current: string, fresh: string): Call => ({
    method: "POST",
    path: "/me/password",
    headers: headersOf(first),
    body: { current, password: fresh },
  });
  await refused(change(site.firstPassword, "too short"), "E_REQUEST_INVALID");
  await refused(change(site.firstPassword, site.firstPassword), "E_REQUEST_INVALID");
  await refused(change("another password", password), "E_SIGN_IN");
  const other = await signIn("admin", site.firstPassword);
  assert.equal((await api(change(site.firstPassword, password))).status, 204);
  assert.equal((await api({ path: "/machines", headers: headersOf(first) })).status, 200);
  await refused({ path: "/machines", headers: headersOf(other) }, "E_NOT_SIGNED_IN");
  await refused(
    { method: "POST", path: "/login", body: { name: "admin", password: site.firstPassword } },
    "E_SIGN_IN",
  );
});

test("a cookie changes nothing without the page's mark, and nothing for another page", async () => {
  const { cookie, me } = await newAccount("carol", "operator");
  const post: Call = { method: "POST", path: "/credentials", body: { uses: 1, validHours: 1 } };
  await refused({ ...post, headers: { cookie } }, "E_PAGE_MARK");
  await refused({ ...post, headers: { cookie, "x-volley-page": "guessed" } }, "E_PAGE_MARK");
  const marked = headersOf({ cookie, me });
  await refused({ ...post, headers: { ...marked, "sec-fetch-site": "cross-site" } }, "E_PAGE_MARK");
  assert.equal((await api({ ...post, headers: marked })).status, 201);
  // A wrong token is not made good by a cookie.
  await refused({ path: "/machines", headers: marked, token: "volley_wrong" }, "E_NOT_SIGNED_IN");
});

test("signing out, a new role, a lock and a removal end what was open", async () => {
  const accounts = await site.client.get<AccountAnswer[]>("/accounts");
  const carol = accounts.find(({ name }) => name === "carol");
  const open = async (signedIn: SignedIn) =>
    (await api({ path: "/me", headers: headersOf(signedIn) })).status;
  const first = await signIn("carol", password);
  assert.equal(await open(first), 200);
  assert.equal((await api({ method: "POST", path: "/logout", headers: headersOf(first) })).status, 204);
  assert.equal(await open(first), 401);
  const second = await signIn("carol", password);
  await site.client.post(`/accounts/${carol?.id}`, { role: "viewer" });
  assert.equal(await open(second), 401);
  const third = await signIn("carol", password);
  assert.equal(third.me.role, "viewer");
  await site.client.post(`/accounts/${carol?.id}`, { disabled: true });
  assert.equal(await open(third), 401);
  await refused({ method: "POST", path: "/login", body: { name: "carol", password } }, "E_SIGN_IN");
  await site.client.post(`/accounts/${carol?.id}`, { disabled: false });
  const fourth = await signIn("carol", password);
  await site.client.remove(`/accounts/${carol?.id}`);
  assert.equal(await open(fourth), 401);
});

test("the last administrator stays, and nobody locks the own account", async () => {
  const accounts = await site.client.get<AccountAnswer[]>("/accounts");
  const administrators = accounts.filter(({ role }) => role === "administrator");
  const [admin, ...others] = administrators;
  const self = await signIn(admin?.name ?? "", password);
  const own: Call = { method: "DELETE", path: `/accounts/${admin?.id}`, headers: headersOf(self) };
  await refused(own, "E_CONFLICT");
  for (const { id } of others) await site.client.post(`/accounts/${id}`, { role: "viewer" });
  await assert.rejects(site.client.remove(`/accounts/${admin?.id}`), { code: "E_CONFLICT" });
  await assert.rejects(site.client.post(`/accounts/${admin?.id}`, { disabled: true }), {
    code: "E_CONFLICT",
  });
  await assert.rejects(site.client.post(`/accounts/${admin?.id}`, { role: "viewer" }), {
    code: "E_CONFLICT",
  });
});

test("a token ends when it expires and when it is revoked", async () => {
  const short = await newToken("short", "viewer", 0.001);
  assert.equal((await api({ path: "/machines", token: short.token })).status, 200);
  const { id, token } = await newToken("revoked", "viewer");
  assert.equal((await api({ path: "/me", token })).status, 200);
  await site.client.remove(`/tokens/${id}`);
  await refused({ path: "/me", token }, "E_NOT_SIGNED_IN");
  await assert.rejects(newToken("short", "viewer"), { code: "E_CONFLICT" });
  await site.stop();
  const store = await openStore(site.database);
  await store.database.updateTable("api_token").set({ expires: new Date().toISOString() }).execute();
  await store.close();
  await site.start();
  await refused({ path: "/me", token: short.token }, "E_NOT_SIGNED_IN");
});

test("an open stream of the room ends when its token was revoked, and when its sign-in ended", async () => {
  const { id, token } = await newToken("watcher", "viewer");
  const kept = await newToken("watcher that stays", "viewer");
  const onPage = await newAccount("watcher", "viewer");
  const streams = [
    { headers: { authorization: `Bearer ${token}` } },
    { headers: headersOf(onPage) },
    { headers: { authorization: `Bearer ${kept.token}` } },
  ].map(({ headers }) => caller.open("/api/v1/events", headers));
  const [byToken, byCookie, stays] = await Promise.all(streams);
  assert.ok(byToken && byCookie && stays);
  await site.client.remove(`/tokens/${id}`);
  assert.equal((await api({ method: "POST", path: "/logout", headers: headersOf(onPage) })).status, 204);
  await Promise.all([byToken.ended, byCookie.ended]);
  assert.equal(stays.isOpen(), true);
  stays.close();
});

test("the audit log has who did what from where, in order, and nothing takes an entry away", async () => {
  const { cookie, me } = await newAccount("dora", "operator");
  const headers = headersOf({ cookie, me });
  await api({ method: "POST", path: "/credentials", headers, body: { uses: 1, validHours: 1 } });
  await refused(
    { method: "POST", path: "/accounts", headers, body: { name: "eve", role: "viewer" } },
    "E_FORBIDDEN",
  );
  await refused({ method: "POST", path: "/login", body: { name: "dora", password: "wrong" } }, "E_SIGN_IN");
  const entries = await site.client.get<AuditEntry[]>("/audit?who=dora");
  const told = entries.map(({ action, outcome }) => `${action}: ${outcome}`).toReversed();
  assert.deepEqual(told, [
    "sign in: done",
    "POST /api/v1/credentials: done",
    "POST /api/v1/accounts: E_FORBIDDEN",
    "sign in: E_SIGN_IN",
  ]);
  assert.deepEqual(new Set(entries.map(({ address }) => address)), new Set(["127.0.0.1"]));
  const all = await api({ path: "/audit?limit=10000", token: localToken });
  assert.ok(!all.text.includes(password) && !all.text.includes(site.firstPassword));
  const csv = await api({ path: "/audit/export?format=csv&who=dora", token: localToken });
  assert.equal(csv.text.split("\r\n")[0], "sequence,time,who,kind,address,action,target,outcome");
  assert.equal(csv.text.trim().split("\r\n").length, 5);
  await site.stop();
  const store = await openStore(site.database);
  const table = store.database;
  await assert.rejects(table.deleteFrom("audit_entry").execute(), /stay as they are/);
  await assert.rejects(table.updateTable("audit_entry").set({ who: "nobody" }).execute(), /stay as they are/);
  const old = { who: "x", kind: "local" as const, address: "", action: "", target: "", outcome: "done" };
  await table
    .insertInto("audit_entry")
    .values({ ...old, time: "2020-01-01T00:00:00.000Z" })
    .execute();
  await store.audit.prune();
  assert.equal(
    (await store.audit.list({ who: "x", limit: 10 })).length,
    0,
    "what is older than its time goes",
  );
  await store.close();
  await site.start();
});

test("whoever guesses the password of an account has to wait, whatever else is tried from there", async () => {
  await newAccount("frida", "viewer");
  const guess = (name: string, secret: string): Call => ({
    method: "POST",
    path: "/login",
    body: { name, password: secret },
  });
  for (let count = 0; count < limits.failedSignIns; count += 1) {
    await refused(guess("frida", `guess number ${count}`), "E_SIGN_IN");
  }
  await refused(guess("frida", password), "E_TOO_MANY_ATTEMPTS");
  for (let count = limits.failedSignIns; count < limits.failedAttempts; count += 1) {
    await refused(guess(`nobody-${count}`, password), "E_SIGN_IN");
  }
  await refused(guess("admin", password), "E_TOO_MANY_ATTEMPTS");
  const { length } = await site.client.get<AuditEntry[]>("/audit?outcome=E_SIGN_IN&who=frida");
  assert.equal(length, limits.failedSignIns);
});
