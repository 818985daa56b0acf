/** A checkpoint is whole, bound to its sequence, in one or two places, and holds no secret in clear. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  folderStore,
  openRunRecord,
  type CheckpointStore,
  type RunRecord,
} from "../../../../agent/sequence/checkpoint.ts";
import { startState } from "../../../../agent/sequence/run-state.ts";
import { openStateFolder, type StateFolder } from "../../../../agent/state-folder.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const hash = "ab".repeat(32);
const key = randomBytes(32);
const variables = [
  { name: "Plain", value: "in clear", hidden: false },
  { name: "OSDJoinPassword", value: "correct horse battery", hidden: true },
];

interface OpenOptions {
  sequenceHash?: string;
  withKey?: Buffer;
  warnings?: string[];
}

function open(
  stores: [CheckpointStore, ...CheckpointStore[]],
  { sequenceHash = hash, warnings = [], withKey = key }: OpenOptions = {},
): Promise<RunRecord> {
  return openRunRecord({
    stores,
    secretKey: { key: async () => withKey },
    sequenceHash,
    onWarning: (text) => void warnings.push(text),
  });
}

const file = (state: StateFolder): string => join(state.path, "sequence-checkpoint.json");

function stateFolders(count: number, context: Parameters<typeof testFolder>[0]): StateFolder[] {
  return Array.from({ length: count }, () => openStateFolder(testFolder(context), () => {}));
}

test("what was saved is there again; hidden variables are, and nowhere in clear", async (context) => {
  const [folder] = stateFolders(1, context) as [StateFolder];
  const store = folderStore(folder);
  const first = await open([store]);
  assert.equal(first.variables, null);
  assert.deepEqual(first.state, startState());
  const state = { ...startState(), pointer: 7, begun: true, starts: 2, groups: [1, 3] };
  await first.save(state, variables);
  const text = readFileSync(file(folder), "utf8");
  assert.ok(text.includes("in clear"));
  assert.ok(!text.includes("battery") && !text.includes("OSDJoinPassword"));
  assert.ok(!text.includes(Buffer.from("correct horse").toString("base64").slice(0, 12)));
  assert.equal(statSync(file(folder)).mode & 0o777, 0o600);
  const again = await open([store]);
  assert.deepEqual(again.state, state);
  assert.deepEqual(again.variables, variables);
  assert.equal(again.runId, first.runId);
  await again.remove();
  assert.equal((await open([store])).variables, null);
});

test("two savings of the same secrets have nothing in common", async (context) => {
  const [folder] = stateFolders(1, context) as [StateFolder];
  const record = await open([folderStore(folder)]);
  const secrets: string[] = [];
  for (let time = 0; time < 2; time += 1) {
    await record.save(startState(), variables);
    secrets.push((JSON.parse(readFileSync(file(folder), "utf8")) as { secrets: string }).secrets);
  }
  assert.notEqual(secrets[0]?.slice(0, 40), secrets[1]?.slice(0, 40));
});

test("a sequence that changed is not resumed", async (context) => {
  const [folder] = stateFolders(1, context) as [StateFolder];
  await (await open([folderStore(folder)])).save(startState(), variables);
  const changed = open([folderStore(folder)], { sequenceHash: "cd".repeat(32) });
  await assert.rejects(changed, { code: "E_SEQUENCE_CHANGED" });
});

const changes: [what: string, change: (text: string) => string, options?: OpenOptions][] = [
  ["another key", (text) => text, { withKey: randomBytes(32) }],
  ["half a file", (text) => text.slice(0, text.length / 2)],
  ["another form", () => '{"format":2}'],
  ["no state", (text) => text.replace('"pointer": 0', '"pointer": "x"')],
  ["secrets of another saving", (text) => text.replace('"serial": 1', '"serial": 2')],
  ["a changed secret", (text) => text.replace(/"secrets": "..../, '"secrets": "AAAA')],
];
for (const [what, change, options] of changes) {
  test(`a checkpoint with ${what} is an error, and no new beginning`, async (context) => {
    const [folder] = stateFolders(1, context) as [StateFolder];
    await (await open([folderStore(folder)])).save(startState(), variables);
    writeFileSync(file(folder), change(readFileSync(file(folder), "utf8")));
    await assert.rejects(open([folderStore(folder)], options), { code: "E_CHECKPOINT" });
  });
}

test("of two places the one that is further counts, and one is enough", async (context) => {
  const [near, far] = stateFolders(2, context).map(folderStore) as [CheckpointStore, CheckpointStore];
  const record = await open([near, far]);
  await record.save({ ...startState(), pointer: 1 }, variables);
  const alone = await open([near]);
  await alone.save({ ...startState(), pointer: 2 }, variables);
  assert.equal((await open([near, far])).state.pointer, 2);
  // The image was written over the first place.
  await near.remove();
  assert.equal((await open([near, far])).state.pointer, 1);
});

test("a second place that fails is told of and holds nothing up; a first one that fails stops the run", async (context) => {
  const [folder] = stateFolders(1, context) as [StateFolder];
  const broken: CheckpointStore = {
    load: async () => null,
    save: () => Promise.reject(new Error("the site is away")),
    remove: async () => {},
  };
  const warnings: string[] = [];
  const record = await open([folderStore(folder), broken], { warnings });
  await record.save(startState(), variables);
  assert.match(warnings.join(), /the site is away/);
  const stopped = await open([broken, folderStore(folder)]);
  await assert.rejects(stopped.save(startState(), variables), /the site is away/);
});
