/** The site's keys and certificates: made once, kept private, made anew when they have to be. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FailedAttempts } from "../../../../site/failed-attempts.ts";
import { openAuthority } from "../../../../site/authority/authority.ts";
import { hashSecret, matchesHash } from "../../../../site/authority/secrets.ts";
import { limits } from "../../../../contract/limits.ts";
import { testFolder } from "../../../fixtures/folder.ts";

test("the authority stays, the server's certificate follows its names", async (context) => {
  const folder = join(testFolder(context), "authority");
  const authority = await openAuthority(folder);
  const names = ["127.0.0.1", "10.1.2.3", "localhost", "site.example"];
  const first = await authority.serverCertificate(names, "ec");
  const certificate = new X509Certificate(first.certificate);
  const issuer = new X509Certificate(authority.certificate);
  assert.ok(certificate.verify(issuer.publicKey));
  assert.ok(certificate.checkIssued(issuer));
  assert.ok(issuer.ca);
  assert.ok(!certificate.ca);
  for (const address of ["127.0.0.1", "10.1.2.3"]) assert.equal(certificate.checkIP(address), address);
  for (const host of ["localhost", "site.example"]) assert.equal(certificate.checkHost(host), host);
  assert.equal(certificate.checkIP("10.1.2.4"), undefined);

  const again = await openAuthority(folder);
  assert.equal(again.certificate, authority.certificate);
  assert.equal(again.fingerprint, authority.fingerprint);
  assert.equal(again.manifestKey, authority.manifestKey);
  assert.equal((await again.serverCertificate(names, "ec")).certificate, first.certificate);
  const other = await again.serverCertificate([...names, "10.9.9.9"], "ec");
  assert.notEqual(other.certificate, first.certificate);
  assert.equal(new X509Certificate(other.certificate).checkIP("10.9.9.9"), "10.9.9.9");

  // A cut between the two writes of a new certificate.
  writeFileSync(join(folder, "server.key"), first.key);
  const repaired = await again.serverCertificate([...names, "10.9.9.9"], "ec");
  assert.ok(new X509Certificate(repaired.certificate).publicKey);
  assert.notEqual(repaired.certificate, other.certificate);
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".key"))) {
    assert.equal(statSync(join(folder, file)).mode & 0o077, 0, `${file} is readable by others`);
  }
  rmSync(join(folder, "authority.key"));
  assert.notEqual((await openAuthority(folder)).fingerprint, authority.fingerprint);
});

test("a manifest's signature is the site's over exactly these bytes", async (context) => {
  const [own, other] = [join(testFolder(context), "own"), join(testFolder(context), "other")];
  const authority = await openAuthority(own);
  const bytes = Buffer.from("a manifest");
  const signature = authority.signManifest(bytes);
  assert.equal(signature.length, 64);
  assert.ok(authority.verifyManifest(bytes, signature));
  assert.ok(!authority.verifyManifest(Buffer.from("a manifesT"), signature));
  assert.ok(!(await openAuthority(other)).verifyManifest(bytes, signature));
});

test("secrets are compared as hashes", () => {
  assert.ok(matchesHash("secret", hashSecret("secret")));
  assert.ok(!matchesHash("Secret", hashSecret("secret")));
  assert.ok(!hashSecret("secret").includes("secret"));
});

test("an address that guesses has to wait, others do not, and what is remembered is bounded", () => {
  const attempts = new FailedAttempts();
  for (let attempt = 0; attempt < limits.failedAttempts; attempt += 1) {
    attempts.check("10.0.0.1", attempt);
    attempts.failed("10.0.0.1", attempt);
  }
  assert.throws(() => attempts.check("10.0.0.1", 1000), { code: "E_TOO_MANY_ATTEMPTS" });
  attempts.check("10.0.0.2", 1000);
  attempts.check("10.0.0.1", limits.failedAttemptsSpanMs);
  for (let address = 0; address < limits.failedAttemptsAddresses; address += 1) {
    attempts.failed(`a${address}`, 0);
  }
  for (let failure = 0; failure < limits.failedAttempts; failure += 1) attempts.failed("last", 0);
  assert.throws(() => attempts.check("last", 1), { code: "E_TOO_MANY_ATTEMPTS" });
});
