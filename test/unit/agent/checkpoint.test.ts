/** What the state folder keeps is whole or absent, private, and tells one disk and image from another. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  clearCheckpoint,
  isConfirmed,
  isResume,
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
} from "../../../agent/imaging/checkpoint.ts";
import type { DiskFacts } from "../../../agent/platform/platform.ts";
import { openStateFolder, type StateFolder } from "../../../agent/state-folder.ts";

const checkpoint: Checkpoint = {
  deploymentId: "6f2ff6a0-7a4c-4a53-9d0b-2a8e1b0f9a11",
  root: "ab".repeat(32),
  device: "/dev/sda",
  identity: "wwid:1:500",
  started: "2024-01-02T03:04:05.000Z",
  partitionsBefore: ["0b6ef6a1-52cd-4f4c-b6e4-1f6d7a9b0c11"],
};
const disk = { path: "/dev/sdb", identity: "wwid:1:500" } as DiskFacts;

function inFolder(work: (state: StateFolder, flushed: string[]) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "volley-state-"));
  const flushed: string[] = [];
  try {
    work(
      openStateFolder(join(folder, "state"), (path) => flushed.push(path)),
      flushed,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("written, read, cleared; the folder is flushed each time and nobody else may read", () => {
  inFolder((state, flushed) => {
    assert.equal(readCheckpoint(state), null);
    writeCheckpoint(state, checkpoint);
    assert.deepEqual(readCheckpoint(state), checkpoint);
    assert.equal(statSync(join(state.path, "checkpoint.json")).mode & 0o777, 0o600);
    assert.equal(statSync(state.path).mode & 0o777, 0o700);
    clearCheckpoint(state);
    assert.equal(readCheckpoint(state), null);
    assert.deepEqual(flushed, [state.path, state.path]);
    assert.deepEqual(readdirSync(state.path), []);
  });
});

for (const damage of ["", "{", '{"root":1}', "\0\0\0\0"]) {
  test(`a checkpoint of ${JSON.stringify(damage)} counts as none`, () => {
    inFolder((state) => {
      writeFileSync(join(state.path, "checkpoint.json"), damage);
      assert.equal(readCheckpoint(state), null);
    });
  });
}

test("it is a resume on the same disk under another path, and only with the same image", () => {
  assert.equal(isResume(checkpoint, checkpoint.root, disk), true);
  assert.equal(isResume(checkpoint, "cd".repeat(32), disk), false);
  assert.equal(isResume(checkpoint, checkpoint.root, { ...disk, identity: "wwid:2:500" }), false);
  assert.equal(isResume(null, checkpoint.root, disk), false);
});

test("a confirmation holds for the deployment it was given for", () => {
  assert.equal(isConfirmed(checkpoint, checkpoint.deploymentId, checkpoint.root, disk), true);
  assert.equal(isConfirmed(checkpoint, "6f2ff6a0-7a4c-4a53-9d0b-2a8e1b0f9a12", checkpoint.root, disk), false);
  assert.equal(isConfirmed(null, checkpoint.deploymentId, checkpoint.root, disk), false);
});

test("a folder that cannot be made is an error of the registry", () => {
  assert.throws(() => openStateFolder("/dev/null/state", () => {}), { code: "E_OUTBOX" });
});
