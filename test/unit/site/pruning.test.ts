/** What a site removes by itself when its time is over, with nobody asking for it. */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { limits } from "../../../contract/limits.ts";
import { FileLibrary } from "../../../site/content/files.ts";
import { MachineLogs } from "../../../site/content/machine-logs.ts";
import { openLog } from "../../../site/log.ts";
import { pruning } from "../../../site/pruning.ts";
import type { Store } from "../../../site/store/store.ts";
import { everyStore } from "../../fixtures/every-store.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { machineFacts } from "../../fixtures/records.ts";

let store: Store;
const test = everyStore((one) => {
  store = one;
});

test("users' files that were brought back go with their time, and others stay", async (t) => {
  const folder = testFolder(t);
  const files = new FileLibrary(folder);
  files.recover(new Set());
  const stored = async (name: string): Promise<{ machineId: string; path: string }> => {
    const machineId = await store.machines.enrol(machineFacts(name), randomUUID());
    const bytes = Buffer.from(`of ${name}`);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const { id } = await files.begin(machineId, { bytes: bytes.length, hash });
    await files.receive(machineId, id, 0, bytes);
    await files.take(machineId, id, limits.uploadBytesMost);
    await store.stateStores.captureKey(machineId, "00".repeat(32));
    await store.stateStores.store(machineId, { fileId: id, bytes: bytes.length, hash });
    return { machineId, path: files.path(id) };
  };
  const [old, young, never] = [await stored("old"), await stored("young"), await stored("never back")];
  await store.stateStores.restored(old.machineId, new Date(Date.now() - 1000).toISOString());
  await store.stateStores.restored(young.machineId, new Date(Date.now() + 600_000).toISOString());
  const log = openLog({ file: null, quiet: true });
  const stop = await pruning({ store, files, machineLogs: new MachineLogs(testFolder(t)) }, log);
  stop();
  assert.deepEqual(
    [old, young, never].map(({ path }) => existsSync(path)),
    [false, true, true],
  );
  assert.equal((await store.stateStores.files()).length, 2);
});
