/** An image that is wrong at the site itself: how often a distribution point fetches it, and how much of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import * as native from "../../../../native/index.ts";
import { Library } from "../../../../site/content/library.ts";
import { openLog } from "../../../../site/log.ts";
import { Pace } from "../../../../site/point/pace.ts";
import { Replication } from "../../../../site/point/replication.ts";
import { makeFolder } from "../../../../site/store/files.ts";
import { openStore } from "../../../../site/store/store.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { prepareImage } from "../../../fixtures/native-session.ts";
import { waitFor } from "../../../fixtures/program.ts";
import { storedImage } from "../../../fixtures/records.ts";

test("an image that stays wrong is fetched later and later, its wrong chunks alone, until it is right", async (t) => {
  const folder = testFolder(t);
  const prepared = await prepareImage(folder, 8, 5);
  const content = readFileSync(prepared.contentPath);
  const image = { ...storedImage("lab"), root: prepared.root, contentBytes: content.length };
  let rotten = true;
  const fetched = new Map<number, number>();
  const fetch = async (path: string): Promise<Buffer> => {
    if (path.endsWith("/manifest")) return prepared.manifest;
    const offset = Number(path.split("/").at(-1));
    fetched.set(offset, (fetched.get(offset) ?? 0) + 1);
    const piece = Buffer.from(content.subarray(offset, offset + limits.filePieceBytes));
    if (rotten && offset === 0) piece[100] = (piece[100] ?? 0) ^ 0xff;
    return piece;
  };
  /** A try ends with the last of these. */
  let verified = 0;
  const verifyContent = (options: Parameters<typeof native.verifyContent>[0]) => {
    const task = native.verifyContent(options);
    return { ...task, cancel: () => task.cancel(), result: task.result.finally(() => (verified += 1)) };
  };
  const store = await openStore(join(folder, "database"));
  const log = openLog({ file: null, quiet: true });
  const door = { readManifest: native.readManifest, verifyContent };
  const authority = { verifyManifest: () => true };
  const library = new Library({
    folder: join(folder, "library"),
    store,
    authority,
    native: door,
    packageContents: "copied",
    log,
  });
  makeFolder(library.folder);
  let nowMs = Date.now();
  const replication = new Replication({
    folder: join(folder, "copying"),
    library,
    images: store.images,
    line: { fetch },
    native: door,
    pace: new Pace(() => ({ rateMbps: 0, hours: null })),
    log,
    now: () => nowMs,
  });
  const perTry = limits.pointRepairs + 1;
  const tries = (count: number): Promise<unknown> =>
    waitFor(() => verified === perTry * count || null, { what: `the end of try ${count}` });
  replication.start();
  try {
    replication.want([image]);
    await tries(1);
    nowMs += 2 * limits.pointSyncMs;
    await tries(2);
    nowMs += 2 * limits.pointSyncMs;
    await sleep(1500);
    assert.equal(verified, perTry * 2, "the second pause is longer than the first");
    nowMs += 2 * limits.pointSyncMs;
    await tries(3);
    for (let count = 4; count < 13; count += 1) {
      nowMs += limits.pointCorruptPauseMostMs;
      await tries(count);
    }
    assert.match(replication.holding[0]?.trouble ?? "", /chunk 0 /);
    rotten = false;
    nowMs += limits.pointCorruptPauseMostMs;
    await waitFor(() => replication.holding[0]?.whole || null, { what: "the image" });
    assert.deepEqual(readFileSync(library.contentPath(image.id)), content);
    assert.ok(content.length > limits.filePieceBytes);
    fetched.delete(0);
    assert.deepEqual(new Set(fetched.values()), new Set([1]), "what came right was not fetched again");
  } finally {
    await replication.stop();
    await store.close();
  }
});
