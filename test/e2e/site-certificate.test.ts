/** A site under its owner's certificate: for whom it is, what is refused, and a renewal while the site runs. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";

let room: Room;
before(async () => {
  room = await openRoom("site certificate");
});
after(() => room.close());

/** Self-signed, as good as any other for the one who shows it. */
function makeCertificate(
  name: string,
  names: string,
  kind = ["rsa:2048"],
): { certificate: string; key: string } {
  const [certificate, key] = [join(room.folder, `${name}.pem`), join(room.folder, `${name}.key`)];
  const made = ["-x509", "-newkey", ...kind, "-nodes", "-days", "2", "-subj", `/CN=${name}`];
  const files = ["-addext", `subjectAltName=${names}`, "-keyout", key, "-out", certificate];
  execFileSync("openssl", ["req", ...made, ...files], { stdio: "ignore" });
  return { certificate, key };
}

/** The name on the certificate that a client is shown who asks for the host. */
function shownFor(port: number, host: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, rejectUnauthorized: false };
    const socket = connect({ ...options, ...(host !== undefined && { servername: host }) }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("who comes by its name is shown the owner's certificate, all others the site's, and a renewed one at once", async () => {
  const { certificate, key } = makeCertificate("first", "DNS:deploy.example.test,DNS:*.lab.example.test");
  const site = await room.startSite({ words: ["--certificate", certificate, "--key", key] });
  assert.equal(await shownFor(site.port, "deploy.example.test"), "first");
  assert.equal(await shownFor(site.port, "one.lab.example.test"), "first");
  assert.equal(await shownFor(site.port, "other.example.test"), "Volley site");
  assert.equal(await shownFor(site.port, undefined), "Volley site");
  assert.deepEqual(await site.machines(), [], "the site's own authority still vouches for it");

  const renewed = makeCertificate("second", "DNS:deploy.example.test");
  renameSync(renewed.key, key);
  renameSync(renewed.certificate, certificate);
  await waitFor(async () => (await shownFor(site.port, "deploy.example.test")) === "second", {
    what: "the renewed certificate",
    story: () => site.process.story(),
  });
  const wrong = makeCertificate("third", "DNS:deploy.example.test");
  renameSync(wrong.certificate, certificate);
  await waitFor(() => readFileSync(join(site.folder, "site.log"), "utf8").includes("The one before stays"), {
    what: "word of the wrong key",
    story: () => site.process.story(),
  });
  assert.equal(await shownFor(site.port, "deploy.example.test"), "second");
  await site.stop();
});

test("a key on an elliptic curve works as well, over one of the other kind before", async () => {
  const { certificate, key } = makeCertificate("curve", "DNS:deploy.example.test", [
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-384",
  ]);
  const site = await room.startSite({ words: ["--certificate", certificate, "--key", key] });
  assert.equal(await shownFor(site.port, "deploy.example.test"), "curve");
  assert.equal(await shownFor(site.port, undefined), "Volley site");
  await site.stop();
});

test("what cannot be used is refused at the start", async () => {
  const good = makeCertificate("good", "DNS:deploy.example.test");
  const other = makeCertificate("other", "DNS:deploy.example.test");
  const address = makeCertificate("address", "IP:127.0.0.1");
  const start = (certificate: string, key: string) =>
    room.startSite({ words: ["--certificate", certificate, "--key", key] });
  await assert.rejects(start(good.certificate, other.key), /E_CERTIFICATE/);
  await assert.rejects(start(address.certificate, address.key), /E_CERTIFICATE.*names no host/s);
  await assert.rejects(start(join(room.folder, "nothing.pem"), good.key), /E_CERTIFICATE/);
  await assert.rejects(room.startSite({ words: ["--key", good.key] }), /E_USAGE/);
});
