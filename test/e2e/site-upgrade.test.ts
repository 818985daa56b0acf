/** Data folders of earlier versions, opened by this one: everything is there, and what was before is kept in a file. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AccountRecord } from "../../contract/accounts.ts";
import type { DeploymentRecord, ImageRecord, VerificationState } from "../../contract/administration.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { StatusEntry } from "../../contract/status-messages.ts";
import { partsOf, verifyBackup } from "../../site/backup/restore.ts";
import { makeDatabase } from "../../site/store/database.ts";
import { loadDump } from "../../site/store/dump.ts";
import { settleRestored } from "../../site/store/lease.ts";
import { knownMigrations } from "../../site/store/migrations/index.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { foldersPath, type KeptFolder } from "../fixtures/make-data-folder.ts";
import { PostgresServer } from "../fixtures/postgres-server.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { SiteProcess } from "../fixtures/site-process.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));
let room: Room;
before(async () => {
  room = await openRoom("site upgrade");
});
after(() => room.close());

const archives = readdirSync(foldersPath).filter((name) => name.endsWith(".tar.xz"));
assert.ok(archives.length > 0, "there is no data folder of an earlier version");

async function verified(site: SiteProcess, image: ImageRecord): Promise<string> {
  const { id } = await site.client.post<VerificationState>(`/images/${image.id}/verify`, {});
  const ended = await waitFor(
    async () => {
      const state = await site.client.get<VerificationState>(`/verifications/${id}`);
      return state.state === "running" ? null : state;
    },
    { what: "verification" },
  );
  return ended.state;
}

async function check(site: SiteProcess, folder: string, kept: KeptFolder): Promise<void> {
  const { client } = site;
  const images = await client.get<ImageRecord[]>("/images");
  assert.deepEqual(
    images.map(({ name, root }) => ({ name, root })),
    [kept.image],
  );
  for (const image of images) assert.equal(await verified(site, image), "done");
  const deployments = await client.get<DeploymentRecord[]>("/deployments");
  assert.deepEqual(deployments.map(({ name }) => name).toSorted(), kept.deployments.toSorted());
  const sequences = await client.get<SequenceRecord[]>("/sequences");
  assert.deepEqual(
    sequences.map(({ hash, name }) => ({ name, hash })),
    [kept.sequence],
  );
  const collections = await client.get<{ name: string }[]>("/collections");
  assert.ok(collections.some(({ name }) => name === kept.collection));
  const accounts = await client.get<AccountRecord[]>("/accounts");
  assert.deepEqual(accounts.map(({ name }) => name).toSorted(), kept.accounts);
  const statuses = await client.get<StatusEntry[]>("/status");
  const told = statuses.map(({ output }) => output).filter((output) => kept.reports.includes(output));
  assert.deepEqual(told, kept.reports.toReversed());

  const authority = readFileSync(join(folder, "authority", "authority.pem"), "utf8");
  const caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  try {
    const policy = await caller.call({ path: "/api/v1/policy", token: kept.machineToken });
    assert.equal(policy.status, 200, "a machine is known by its key");
    const me = await caller.call({ path: "/api/v1/me", token: kept.apiToken });
    assert.equal(me.status, 200, "a program is known by its token");
  } finally {
    caller.close();
  }
}

/** The one backup that an upgrade has left, which opens with the site's own passphrase. */
async function backupBefore(folder: string, kept: KeptFolder) {
  const names = readdirSync(join(folder, "before-upgrade"));
  assert.equal(names.length, 1);
  const path = join(folder, "before-upgrade", names[0] ?? "");
  const passphraseFile = join(folder, "authority", "secrets.key");
  const passphrase = readFileSync(passphraseFile, "utf8").trim();
  const facts = await verifyBackup(path, passphrase);
  assert.deepEqual(facts.migrations.toSorted(), kept.migrations.toSorted());
  return { path, passphrase, passphraseFile };
}

for (const archive of archives) {
  const version = archive.replace(".tar.xz", "");
  const placeOf = (): string => join(room.folder, version);
  const folderOf = (): string => join(placeOf(), "data");
  let kept: KeptFolder;

  test(`the data folder of ${version} is brought up to date`, async () => {
    mkdirSync(placeOf());
    execFileSync("tar", ["-C", placeOf(), "-xJf", join(foldersPath, archive)]);
    kept = JSON.parse(readFileSync(join(placeOf(), "expected.json"), "utf8")) as KeptFolder;
    const folder = folderOf();
    const site = new SiteProcess(folder, {});
    try {
      await site.start();
      assert.equal(site.firstPassword, "", "its accounts are there");
      await check(site, folder, kept);
      if (isUpgraded(kept)) await backupBefore(folder, kept);
      else assert.ok(!existsSync(join(folder, "before-upgrade")));
    } finally {
      await site.close();
    }
  });

  test(`a backup of ${version} is restored on PostgreSQL, and upgraded there with its backup first`, async (context) => {
    if (!isUpgraded(kept)) return context.skip("it is this version");
    const backup = await backupBefore(folderOf(), kept);
    const server = await PostgresServer.start();
    context.after(() => server.stop());
    const { at, words } = await server.forSite(placeOf());
    const shared = join(placeOf(), "shared");
    const own = join(placeOf(), "own");
    const place = [...words, "--shared", shared, "--data", own];
    const passphrase = ["--passphrase-file", backup.passphraseFile];
    execFileSync(process.execPath, [volley, "restore", backup.path, ...place, ...passphrase]);
    cpSync(join(folderOf(), "library"), join(shared, "library"), { recursive: true });
    const site = new SiteProcess(own, { sharedFolder: shared });
    try {
      await site.start();
      await check(site, shared, kept);
      await site.stop();
      assert.ok(!existsSync(join(shared, "before-upgrade")), "it was restored as what this version has");

      await server.query(at, "drop schema public cascade");
      await server.query(at, "create schema public");
      const old = await makeDatabase(at, kept.migrations);
      await loadDump(old, partsOf(backup.path, backup.passphrase));
      writeFileSync(join(shared, "site-id"), `${await settleRestored(old)}\n`);
      await old.destroy();
      await site.start();
      await check(site, shared, kept);
      await backupBefore(shared, kept);
    } finally {
      await site.close();
    }
  });
}

const isUpgraded = ({ migrations }: KeptFolder): boolean =>
  knownMigrations.some((name) => !migrations.includes(name));
