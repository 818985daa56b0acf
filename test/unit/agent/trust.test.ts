/** The agent and real HTTPS servers: whom it believes, whom it tells its secrets, and what it makes of answers. */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, randomUUID, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fetchAuthority } from "../../../agent/site/authority.ts";
import { SiteClient } from "../../../agent/site/site-client.ts";
import { openTransport, type SiteAddress, type Transport } from "../../../agent/site/transport.ts";
import { openStateFolder } from "../../../agent/state-folder.ts";
import type { MachineFacts } from "../../../contract/machine.ts";
import {
  makeAuthority,
  makeServerCertificate,
  type CertifiedKey,
} from "../../../site/authority/certificates.ts";

const machine: MachineFacts = {
  name: "pc1",
  smbiosUuid: null,
  serial: null,
  manufacturer: null,
  model: null,
  macAddresses: [],
  firmware: "bios",
  operatingSystem: "linux",
  agentVersion: "0",
  memoryBytes: 1,
};
const credential = "credential-of-sixteen-or-more";
const manifestKey = generateKeyPairSync("ed25519")
  .publicKey.export({ type: "spki", format: "pem" })
  .toString();

interface Site {
  address: SiteAddress;
  requests: { line: string; authorization: string | undefined; body: string }[];
  /** Status and body by "METHOD path". */
  answers: Map<string, (request: IncomingMessage) => { status: number; body: unknown }>;
  close(): Promise<void>;
}

async function startSite(authorityPem: string, certificate: CertifiedKey): Promise<Site> {
  const requests: Site["requests"] = [];
  const answers: Site["answers"] = new Map();
  const server = createServer(
    { cert: certificate.certificate, key: certificate.key },
    (request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const line = `${request.method} ${request.url}`;
        requests.push({
          line,
          authorization: request.headers.authorization,
          body: Buffer.concat(pieces).toString(),
        });
        if (line === "GET /api/v1/authority") return response.end(authorityPem);
        const { body, status } = answers.get(line)?.(request) ?? { status: 404, body: "nothing here" };
        return response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { address: { host: "127.0.0.1", port }, requests, answers, close };
}

const fingerprint = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();

let ours: CertifiedKey;
let theirs: CertifiedKey;
let honest: Site;
/** Shows our authority to whoever asks, but has a certificate of its own. */
let impostor: Site;
/** Ours, but for another address. */
let misnamed: Site;
let folder: string;
const transports: Transport[] = [];

before(async () => {
  ours = await makeAuthority();
  theirs = await makeAuthority();
  honest = await startSite(ours.certificate, await makeServerCertificate(ours, ["127.0.0.1"]));
  impostor = await startSite(ours.certificate, await makeServerCertificate(theirs, ["127.0.0.1"]));
  misnamed = await startSite(ours.certificate, await makeServerCertificate(ours, ["10.9.8.7"]));
  folder = mkdtempSync(join(tmpdir(), "volley-trust-"));
});
after(async () => {
  for (const transport of transports) transport.close();
  await Promise.all([honest.close(), impostor.close(), misnamed.close()]);
  rmSync(folder, { recursive: true });
});

function clientOf(
  site: Site,
  credentials: string | null = credential,
  state: string = randomUUID(),
): SiteClient {
  const transport = openTransport(site.address, ours.certificate);
  transports.push(transport);
  return new SiteClient({
    transport,
    site: `${site.address.host}:${site.address.port}`,
    authority: ours.certificate,
    state: openStateFolder(join(folder, state), () => {}),
    machine,
    readCredential: () => credentials,
    onSecret: () => {},
  });
}

function enrolment() {
  return { machineId: randomUUID(), machineKey: randomBytes(32).toString("hex"), manifestKey };
}

test("the authority is taken when its fingerprint is the expected one", async () => {
  const pem = await fetchAuthority(honest.address, fingerprint(ours.certificate));
  assert.equal(fingerprint(pem), fingerprint(ours.certificate));
});

test("an authority with another fingerprint is refused", async () => {
  await assert.rejects(fetchAuthority(honest.address, fingerprint(theirs.certificate)), {
    code: "E_SITE_UNTRUSTED",
  });
});

test("a leaf certificate does not pass for an authority, whatever its fingerprint", async () => {
  const leaf = await makeServerCertificate(ours, ["127.0.0.1"]);
  const site = await startSite(leaf.certificate, leaf);
  await assert.rejects(fetchAuthority(site.address, fingerprint(leaf.certificate)), {
    code: "E_SITE_UNTRUSTED",
  });
  await site.close();
});

test("an impostor that shows the right authority gets no credential", async () => {
  await fetchAuthority(impostor.address, fingerprint(ours.certificate));
  const earlier = impostor.requests.length;
  await assert.rejects(clientOf(impostor).enrol(), { code: "E_SITE_UNTRUSTED" });
  assert.equal(impostor.requests.length, earlier, "something was sent to an untrusted server");
});

test("a certificate for another address is refused", async () => {
  await assert.rejects(clientOf(misnamed).enrol(), { code: "E_SITE_UNTRUSTED" });
});

test("nobody listening is unreachable, not untrusted", async () => {
  const site = await startSite(ours.certificate, await makeServerCertificate(ours, ["127.0.0.1"]));
  const client = clientOf(site);
  await site.close();
  await assert.rejects(client.enrol(), { code: "E_SITE_UNREACHABLE" });
});

test("enrols once; the key is private, kept, and used from then on", async () => {
  const answer = enrolment();
  honest.answers.set("POST /api/v1/enrol", () => ({ status: 200, body: answer }));
  honest.answers.set("GET /api/v1/policy", () => ({ status: 200, body: { deployment: null } }));
  const earlier = honest.requests.length;
  assert.deepEqual(await clientOf(honest, credential, "kept").policy(), { deployment: null });
  assert.deepEqual(await clientOf(honest, null, "kept").policy(), { deployment: null });
  const [enrol, ...rest] = honest.requests.slice(earlier);
  assert.deepEqual(JSON.parse(enrol?.body ?? ""), { credential, machine });
  assert.deepEqual(
    rest.map(({ authorization, line }) => `${line} ${authorization}`),
    Array.from({ length: 2 }, () => `GET /api/v1/policy Bearer ${answer.machineId}.${answer.machineKey}`),
  );
  assert.equal(statSync(join(folder, "kept", "enrolment.json")).mode & 0o777, 0o600);
  assert.ok(!readFileSync(join(folder, "kept", "enrolment.json"), "utf8").includes(credential));
});

test("enrols again by itself when the site has forgotten the machine, and only once for many requests", async () => {
  const [old, renewed] = [enrolment(), enrolment()];
  let current = old;
  honest.answers.set("POST /api/v1/enrol", () => ({ status: 200, body: current }));
  honest.answers.set("GET /api/v1/policy", (request) =>
    request.headers.authorization?.includes(renewed.machineKey)
      ? { status: 200, body: { deployment: null } }
      : { status: 401, body: { code: "E_NOT_ENROLLED", detail: "Who?", remedy: "Enrol." } },
  );
  const client = clientOf(honest, credential, "forgotten");
  await client.enrol();
  current = renewed;
  const earlier = honest.requests.length;
  await Promise.all([client.policy(), client.policy(), client.policy()]);
  const enrolments = honest.requests.slice(earlier).filter(({ line }) => line === "POST /api/v1/enrol");
  assert.equal(enrolments.length, 1);
  assert.deepEqual(await clientOf(honest, null, "forgotten").policy(), { deployment: null });
});

test("without a credential it says that one is missing", async () => {
  await assert.rejects(clientOf(honest, null).enrol(), { code: "E_NOT_ENROLLED" });
});

const answers: { title: string; status: number; body: unknown; code: string; says: RegExp }[] = [
  {
    title: "the site's own error",
    status: 403,
    body: { code: "E_FORBIDDEN", detail: "not yours", remedy: "r" },
    code: "E_FORBIDDEN",
    says: /^not yours$/,
  },
  {
    title: "an error with an unknown code",
    status: 400,
    body: { code: "E_NEW", detail: "d", remedy: "r" },
    code: "E_REQUEST_INVALID",
    says: /400/,
  },
  { title: "a proxy's error page", status: 502, body: "<html>", code: "E_SITE_UNREACHABLE", says: /502/ },
  { title: "no JSON", status: 200, body: "hello", code: "E_INTERNAL", says: /no JSON/ },
  {
    title: "another shape",
    status: 200,
    body: { deployment: { id: "x" } },
    code: "E_INTERNAL",
    says: /deployment\.id/,
  },
];
for (const { body, code, says, status, title } of answers) {
  test(`an answer that is ${title} becomes ${code}`, async () => {
    honest.answers.set("POST /api/v1/enrol", () => ({ status: 200, body: enrolment() }));
    honest.answers.set("GET /api/v1/policy", () => ({ status, body }));
    await assert.rejects(clientOf(honest).policy(), (error: Error & { code: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, says);
      return true;
    });
  });
}

test("an answer without end is cut off", async () => {
  honest.answers.set("GET /api/v1/policy", () => ({ status: 200, body: "x".repeat(5_000_000) }));
  await assert.rejects(clientOf(honest).policy(), /longer than/);
});
