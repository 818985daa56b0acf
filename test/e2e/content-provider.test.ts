/** volley-agent download, run as Configuration Manager runs its alternate content provider (Microsoft KB2744420). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { PackageRecord } from "../../contract/sequence.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const agent = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const abortCode = 222;
/** In order, as the client's list of locations has them; the provider need not use them. */
const locations = ["http://dp1.example/sms_dp_smspkg$/ps100012", String.raw`\\dp 2\SMSPKGD$\PS100012`];

let room: Room;
let site: SiteProcess;
let source: string;
before(async () => {
  room = await openRoom("content provider");
  site = await room.startSite();
  source = join(room.folder, "Office 2024");
  mkdirSync(join(source, "sub", "déjà vu"), { recursive: true });
  writeFileSync(join(source, "setup.cmd"), "@echo off\r\n");
  writeFileSync(join(source, "sub", "déjà vu", "big.bin"), randomBytes(3_500_000));
  writeFileSync(join(source, "empty"), "");
  await volley(site, "package", "add", source, "--id", "PS100012", "--json");
  await volley(site, "package", "add", join(source, "setup.cmd"), "--id", "PS100013", "--json");
  await volley(site, "package", "add", source, "--id", "PS100014", "--json");
  await volley(site, "package", "share", "ps100012");
  await volley(site, "package", "share", "PS100013");
});
after(() => room.close());

interface Outcome {
  /** What the task sequence does next. */
  next: "content is there" | "fetches it itself" | "fails";
  code: number | null;
  said: string;
}

/** As the download library of a task sequence: the program's path, then the identifier, the folder and the locations. */
function asTaskSequence(program: string, packageId: string, folder: string): Outcome {
  const { status, stderr, stdout } = spawnSync(program, [packageId, folder, ...locations], {
    encoding: "utf8",
    timeout: 240_000,
  });
  const said = `${stdout}${stderr}`;
  if (status === 0) return { next: "content is there", code: status, said };
  return { next: status === abortCode ? "fails" : "fetches it itself", code: status, said };
}

/** What SMSTSDownloadProgram names: one file, with its settings beside it. */
async function makeProgram(name: string, more: Record<string, unknown> = {}): Promise<string> {
  const folder = join(room.folder, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "credential"), await site.newCredential(1), { mode: 0o600 });
  const settings = {
    site: site.url,
    fingerprint: site.fingerprint,
    credentialFile: "credential",
    state: "state",
    name,
    ...more,
  };
  writeFileSync(join(folder, "volley-download.json"), JSON.stringify(settings));
  const program = join(folder, "volley-download");
  const words = `"${process.execPath}" "${agent}" download --settings "${folder}/volley-download.json"`;
  writeFileSync(program, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return program;
}

/** A folder as the task sequence's own: _SMSTaskSequence/Packages/PS100012. */
function cacheFolder(name: string, packageId: string): string {
  return join(room.folder, `cache ${name}`, "Packages", packageId);
}

function sameFiles(folder: string): void {
  const list = (path: string): string[] =>
    readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  assert.deepEqual(list(folder), list(source));
  const big = join("sub", "déjà vu", "big.bin");
  assert.ok(readFileSync(join(folder, big)).equals(readFileSync(join(source, big))));
}

test("the content is there, checked, and nothing is beside it", async () => {
  const program = await makeProgram("plain");
  const folder = cacheFolder("plain", "PS100012");
  const outcome = asTaskSequence(program, "PS100012", folder);
  assert.equal(outcome.next, "content is there", outcome.said);
  assert.match(outcome.said, /with the right SHA-256/);
  sameFiles(folder);
  assert.deepEqual(readdirSync(dirname(folder)), ["PS100012"]);

  // The machine is known by now: a second package takes no credential.
  rmSync(join(dirname(program), "credential"));
  const file = cacheFolder("plain", "PS100013");
  assert.equal(asTaskSequence(program, "PS100013", file).next, "content is there");
  assert.deepEqual(readdirSync(file), ["setup.cmd"]);
});

test("what an earlier try has is gone on with, and what is wrong is refused and thrown away", async () => {
  const program = await makeProgram("resumed", { abortCode });
  const folder = cacheFolder("resumed", "PS100012");
  const { bytes, hash } = await site.client.get<PackageRecord>("/packages/PS100012");
  const part = join(dirname(folder), `PS100012-${hash?.slice(0, 16)}.tar.gz.part`);
  mkdirSync(dirname(folder), { recursive: true });
  writeFileSync(part, Buffer.alloc(bytes - 5));
  const wrong = asTaskSequence(program, "PS100012", folder);
  assert.deepEqual([wrong.next, wrong.code], ["fails", abortCode], wrong.said);
  assert.match(wrong.said, /E_CONTENT_CORRUPT/);
  assert.ok(!existsSync(part));
  assert.deepEqual(readdirSync(folder), []);
  assert.equal(asTaskSequence(program, "PS100012", folder).next, "content is there");
  sameFiles(folder);
});

test("what the site does not give out is left to Configuration Manager", async () => {
  const program = await makeProgram("left", { abortCode });
  for (const [packageId, reason] of [
    ["PS100014", /E_FORBIDDEN/],
    ["PS109999", /E_NOT_FOUND/],
    ["Content_3f2b0c1e-5b7a-4c39-9d0c-2a8f6f2f1f00", /E_REQUEST_INVALID/],
  ] as const) {
    const outcome = asTaskSequence(program, packageId, cacheFolder("left", packageId));
    assert.equal(outcome.next, "fetches it itself", outcome.said);
    assert.match(outcome.said, reason);
  }
  await volley(site, "package", "share", "PS100012", "--stop");
  try {
    const outcome = asTaskSequence(program, "PS100012", cacheFolder("left", "PS100012"));
    assert.equal(outcome.next, "fetches it itself", outcome.said);
  } finally {
    await volley(site, "package", "share", "PS100012");
  }
});

test("a machine that may not enrol gets nothing, and Configuration Manager goes on", async () => {
  const program = await makeProgram("refused");
  writeFileSync(join(dirname(program), "credential"), "not-a-credential");
  const outcome = asTaskSequence(program, "PS100012", cacheFolder("refused", "PS100012"));
  assert.equal(outcome.next, "fetches it itself", outcome.said);
  assert.match(outcome.said, /E_CREDENTIAL_REFUSED/);
});
