/**
 * volley-agent.exe as Configuration Manager's alternate content provider (Microsoft KB2744420), on Wine: under its other name,
 * with its settings beside it, called with the words that the client of a task sequence gives.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { errors } from "../../contract/errors.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";
import { onDriveC, packageForWindows, runWine, type WineRun } from "../fixtures/wine.ts";

/** The plain run has the program for Linux. */
const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
/** As `SMSTSDownloadAbortCode` says it. */
const abortCode = 222;
const locations = ["http://dp1.example/sms_dp_smspkg$/ps100012", String.raw`\\dp 2\SMSPKGD$\PS100012`];
const [tools, packages] = [onDriveC("volley tools"), onDriveC("_SMSTaskSequence", "Packages")];

let room: Room;
let site: SiteProcess;
let source = "";
before(async () => {
  if (skip !== false) return;
  room = await openRoom("windows download");
  site = await room.startSite();
  const agent = await packageForWindows(join(room.folder, "package"));
  source = join(room.folder, "Office 2024");
  mkdirSync(join(source, "sub", "déjà vu"), { recursive: true });
  writeFileSync(join(source, "setup.cmd"), "@echo off\r\n");
  writeFileSync(join(source, "sub", "déjà vu", "big.bin"), randomBytes(3_500_000));
  await volley(site, "package", "add", source, "--id", "PS100012");
  await volley(site, "package", "add", source, "--id", "PS100013", "--multicast", "only");
  await volley(site, "package", "add", source, "--id", "PS100014");
  for (const id of ["PS100012", "PS100013"]) await volley(site, "package", "share", id);
  // Of an earlier run, on the same drive of Wine's.
  for (const folder of [tools, packages]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(tools);
  copyFileSync(agent, join(tools, "volley-download.exe"));
  writeFileSync(join(tools, "credential"), await site.newCredential(1));
  const { fingerprint, url } = site;
  const own = { credentialFile: "credential", state: "state", name: "pc", abortCode };
  writeFileSync(join(tools, "volley-download.json"), JSON.stringify({ site: url, fingerprint, ...own }));
});
after(async () => {
  await room?.close();
  for (const folder of [tools, packages]) rmSync(folder, { recursive: true, force: true });
});

/** The words after the program's path: the identifier, the folder, the locations in the client's order. */
function download(packageId: string): Promise<WineRun> {
  const folder = String.raw`C:\_SMSTaskSequence\Packages` + `\\${packageId}`;
  return runWine(["C:\\volley tools\\volley-download.exe", packageId, folder, ...locations], room.folder);
}

function arrived(packageId: string): void {
  const list = (path: string): string[] =>
    readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted();
  const folder = join(packages, packageId);
  assert.deepEqual(list(folder), list(source));
  const big = join("sub", "déjà vu", "big.bin");
  assert.ok(readFileSync(join(folder, big)).equals(readFileSync(join(source, big))));
}

test("the content is in the folder, checked, and nothing is beside it", { skip }, async () => {
  const { code, story } = await download("PS100012");
  assert.equal(code, 0, story);
  assert.match(story, /with the right SHA-256/);
  arrived("PS100012");
  assert.deepEqual(readdirSync(packages), ["PS100012"]);
});

test("by multicast, as a machine that the site knows by now", { skip }, async () => {
  const isCastable = async (): Promise<true | null> => {
    const { imageId } = await site.client.get<PackageRecord>("/packages/PS100013");
    return imageId === null ? null : true;
  };
  await waitFor(isCastable, { what: "package PS100013 as content" });
  rmSync(join(tools, "credential"));
  const { code, story } = await download("PS100013");
  assert.equal(code, 0, story);
  assert.match(story, /by multicast, 0 bytes by unicast/);
  arrived("PS100013");
});

test("what the site does not share is left to Configuration Manager", { skip }, async () => {
  const { code, story } = await download("PS100014");
  assert.equal(code, errors.E_FORBIDDEN.exitCode, story);
  assert.match(story, /E_FORBIDDEN/);
});

test("what the site has and cannot bring ends with the abort code", { skip }, async () => {
  await site.client.post("/distribution-point", { multicast: false });
  rmSync(join(packages, "PS100013"), { recursive: true });
  const { code, story } = await download("PS100013");
  assert.equal(code, abortCode, story);
  assert.match(story, /E_NO_MULTICAST/);
});
