/** Data folders of earlier versions, opened by this one: everything is there, and what was before is kept in a file. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AccountRecord } from "../../contract/accounts.ts";
import type { DeploymentRecord, ImageRecord, VerificationState } from "../../contract/administration.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { StatusEntry } from "../../contract/status-messages.ts";
import { verifyBackup } from "../../site/backup/restore.ts";
import { knownMigrations } from "../../site/store/migrations/index.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { foldersPath, type KeptFolder } from "../fixtures/make-data-folder.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { SiteProcess } from "../fixtures/site-process.ts";

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

for (const archive of archives) {
  test(`the data folder of ${archive.replace(".tar.xz", "")} is brought up to date`, async () => {
    const place = join(room.folder, archive.replace(".tar.xz", ""));
    mkdirSync(place);
    execFileSync("tar", ["-C", place, "-xJf", join(foldersPath, archive)]);
    const kept = JSON.parse(readFileSync(join(place, "expected.json"), "utf8")) as KeptFolder;
    const folder = join(place, "data");
    const site = new SiteProcess(folder, {});
    try {
      await site.start();
      assert.equal(site.firstPassword, "", "its accounts are there");
      await check(site, folder, kept);
      const isUpgraded = knownMigrations.some((name) => !kept.migrations.includes(name));
      const names = isUpgraded ? readdirSync(join(folder, "before-upgrade")) : [];
      assert.equal(names.length, isUpgraded ? 1 : 0);
      for (const name of names) {
        const passphrase = readFileSync(join(folder, "authority", "secrets.key"), "utf8").trim();
        const facts = await verifyBackup(join(folder, "before-upgrade", name), passphrase);
        assert.deepEqual(facts.migrations.toSorted(), kept.migrations.toSorted());
      }
    } finally {
      await site.close();
    }
  });
}
