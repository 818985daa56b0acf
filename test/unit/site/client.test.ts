/** The administrator's client, and a site that ends the connections it has kept. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { limits } from "../../../contract/limits.ts";
import { SiteClient } from "../../../site/client.ts";
import { testFolder } from "../../fixtures/folder.ts";

/** Of a site at 127.0.0.1. */
function ownCertificate(t: TestContext): { key: Buffer; authority: string } {
  const folder = testFolder(t);
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", [...made, "-keyout", key, "-out", certificate, ...name], { stdio: "ignore" });
  return { key: readFileSync(key), authority: readFileSync(certificate, "utf8") };
}

async function clientOf(t: TestContext, server: Server, authority: string): Promise<SiteClient> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = new SiteClient({ address: "127.0.0.1", port, authority, adminToken: "token" });
  t.after(() => client.close());
  return client;
}

test("a request on a connection that has ended meanwhile is made again, and no other", async (t) => {
  const { key, authority } = ownCertificate(t);
  let answers = 1;
  let taken = 0;
  const server = createServer({ key, cert: authority }, (request, response) => {
    taken += 1;
    if (answers === 0) request.socket.destroy();
    else response.end(JSON.stringify({ taken }));
    answers -= 1;
  });
  const client = await clientOf(t, server, authority);
  assert.deepEqual(await client.get("/one"), { taken: 1 });
  // The kept connection ends at the second request; the third comes on a new one.
  assert.deepEqual(await client.get("/two"), { taken: 3 });
  client.close();
  answers = 0;
  await assert.rejects(client.get("/three"), { code: "E_SITE_UNREACHABLE" });
  assert.equal(taken, 4, "a new connection that ends is not tried again");
});

test("who is connected waits for a long check; what never answers a connection is given up soon", async (t) => {
  const { key, authority } = ownCertificate(t);
  const slow = createServer({ key, cert: authority }, (_request, response) => {
    setTimeout(() => response.end("{}"), limits.requestTimeoutMs + 1000);
  });
  const held: Socket[] = [];
  const silent = createTcpServer((socket) => held.push(socket));
  t.after(() => held.forEach((socket) => socket.destroy()));
  const [patient, vain] = [await clientOf(t, slow, authority), await clientOf(t, silent, authority)];
  const given = assert.rejects(vain.get("/"), {
    code: "E_SITE_UNREACHABLE",
    message: new RegExp(`no answer for ${limits.requestTimeoutMs} ms`),
  });
  assert.deepEqual(await patient.post("/sequences", {}), {});
  await given;
});
