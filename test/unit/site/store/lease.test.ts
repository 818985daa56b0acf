/** Of the processes that share a database one serves; another takes its place when it ends, is held up, or says so. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { sql } from "kysely";
import { openLog } from "../../../../site/log.ts";
import { SiteLease, servingAt, type LeaseOptions } from "../../../../site/store/lease.ts";
import { ownIdentity } from "../../../../site/store/process-identity.ts";
import type { Store } from "../../../../site/store/store.ts";
import { everyStore } from "../../../fixtures/every-store.ts";
import { waitFor } from "../../../fixtures/program.ts";

let store: Store;
let folder: string;
const test = everyStore((one) => {
  store = one;
});
before(() => {
  folder = mkdtempSync(join(tmpdir(), "volley-lease-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const log = openLog({ file: null, quiet: true });
const siteIdFiles = new WeakMap<Store, string>();
function siteIdFile(): string {
  const file = siteIdFiles.get(store) ?? join(folder, randomUUID());
  siteIdFiles.set(store, file);
  return file;
}
const never = new Promise<void>(() => undefined);
const options = (more: Partial<LeaseOptions> = {}): LeaseOptions => ({
  database: store.database,
  siteIdFile: siteIdFile(),
  contentFolders: [],
  hindrance: () => null,
  wait: false,
  ended: never,
  log,
  ...more,
});
const expire = () => sql`update site_lease set until = now() - interval '1 second'`.execute(store.database);
/** As if another computer had it. */
const beElsewhere = async (): Promise<void> => {
  const process = JSON.stringify({ ...ownIdentity(), bootId: randomUUID() });
  await store.database.updateTable("site_lease").set({ process }).execute();
};

test("one process serves, and says where; the next begins when it lets go", async () => {
  const first = await SiteLease.take(options());
  assert.equal(await servingAt(store.database), null);
  await first.announce({ address: "192.0.2.1", port: 8443 });
  assert.deepEqual(await servingAt(store.database), { address: "192.0.2.1", port: 8443 });
  await assert.rejects(SiteLease.take(options()), /E_SITE_BUSY.*at 192\.0\.2\.1:8443/);
  const second = SiteLease.take(options({ wait: true }));
  await first.release();
  await (await second).release();
  assert.equal(await servingAt(store.database), null);
});

test("who does not say that it is there any more is replaced, and ends", async () => {
  const first = await SiteLease.take(options());
  await beElsewhere();
  await assert.rejects(SiteLease.take(options()), /E_SITE_BUSY/);
  // On a slow disk the first may say once more that it is there, before the second asks.
  const replacing = async (): Promise<SiteLease | null> => {
    await expire();
    return await SiteLease.take(options()).catch(() => null);
  };
  const second = await waitFor(replacing, { what: "a lease that has run out" });
  assert.match((await first.lost).message, /another process/);
  await first.release();
  await assert.rejects(SiteLease.take(options()), /E_SITE_BUSY/, "the first no longer lets go of anything");
  await second.release();
});

test("a process of this computer that has ended is replaced at once", async () => {
  await SiteLease.take(options()).then((lease) => lease.release());
  const process = JSON.stringify({ ...ownIdentity(), startTicks: "1" });
  const until = sql<never>`now() + interval '1 hour'`;
  await store.database.updateTable("site_lease").set({ holder: randomUUID(), process, until }).execute();
  await (await SiteLease.take(options())).release();
});

test("only who has the site's address serves, and who loses it ends", async () => {
  let reason: string | null = "this machine does not have the address 192.0.2.9";
  const hindrance = (): string | null => reason;
  await assert.rejects(SiteLease.take(options({ hindrance })), /E_SITE_BUSY.*192\.0\.2\.9/);
  const waiting = SiteLease.take(options({ hindrance, wait: true }));
  reason = null;
  const lease = await waiting;
  reason = "the address went away";
  assert.match((await lease.lost).message, /the address went away/);
  await lease.release();
});

test("waiting ends when it is told to, and a folder of another site is refused", async () => {
  const lease = await SiteLease.take(options());
  await assert.rejects(SiteLease.take(options({ wait: true, ended: Promise.resolve() })), /E_SITE_BUSY/);
  await lease.release();
  const other = join(folder, randomUUID());
  await assert.rejects(SiteLease.take(options({ siteIdFile: other })), /E_CONFLICT/, "an empty folder");
  writeFileSync(other, randomUUID());
  await assert.rejects(SiteLease.take(options({ siteIdFile: other })), /E_CONFLICT/, "another's");
});

test("a database that is no site's yet is refused where a site has been", async () => {
  await sql`delete from site_lease`.execute(store.database);
  const used = mkdtempSync(join(folder, "used-"));
  const file = join(used, "site-id");
  const names = ["authority", "library", "files"].map((name) => join(used, name));
  const begin = () => SiteLease.take(options({ siteIdFile: file, contentFolders: names }));
  for (const one of names) {
    mkdirSync(one);
    writeFileSync(join(one, "content"), "");
    await assert.rejects(begin, /E_CONFLICT.*no site's yet/);
    assert.ok(!existsSync(file), "and nothing is changed");
    rmSync(one, { recursive: true });
  }
  // A process that ended before it had the row, and a disk of its own for the library.
  writeFileSync(file, randomUUID());
  mkdirSync(join(used, "library", "lost+found"), { recursive: true });
  const lease = await begin();
  writeFileSync(join(used, "library", "content"), "");
  await lease.release();
  await (await begin()).release();
  siteIdFiles.set(store, file);
});
