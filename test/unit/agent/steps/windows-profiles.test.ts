/** Users' files of a Windows without USMT: copied by robocopy, with a report of what was taken and what was not. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import { makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { accessOf } from "../../../fixtures/windows-tools/agent-tools.ts";

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

test("profiles go to the store and come back, and what does not is named", async (t) => {
  const old = makeRoom(t, "windows");
  const users = join(old.folder, "C", "Users");
  put(join(users, "alice", "Documents", "deep", "thesis.txt"), "forty-two");
  put(join(users, "alice", "Desktop", "locked.db"), "in use");
  put(join(users, "alice", "Desktop", "note.txt"), "note");
  put(join(users, "alice", "AppData", "Local", "cache"), "cache");
  put(join(users, "alice", "Games", "save"), "save");
  put(join(users, "bob", "Pictures", "cat.jpg"), "cat");
  put(join(users, "Default", "Documents", "no.txt"), "nobody's");
  old.machine.state.set("locked", new Set(["locked.db"]));
  const store = join(old.folder, "store");
  const variables = { OSDStateStorePath: store };
  const captured = await old.perform("CaptureUserState", {}, variables);
  succeed(captured);
  assert.match(captured.outcome.text, /^3 files of 3 folders .*1 files could not be read.*Without USMT/);
  assert.match(captured.outcome.output, /Not taken, as it could not be read: alice\/Desktop\/locked\.db/);
  assert.match(captured.outcome.output, /Not taken: alice\/AppData\nNot taken: alice\/Games\n/);
  assert.doesNotMatch(captured.outcome.output, /Default/);
  const report = JSON.parse(readFileSync(join(store, "volley-profiles.json"), "utf8")) as {
    taken: { folder: string; files: number; bytes: number }[];
  };
  assert.deepEqual(
    report.taken.map(({ bytes, files, folder }) => [folder, files, bytes]),
    [
      ["alice/Desktop", 2, 4],
      ["alice/Documents", 1, 9],
      ["bob/Pictures", 1, 3],
    ],
  );
  const fresh = makeRoom(t, "windows");
  const profiles = join(fresh.folder, "C", "Users");
  mkdirSync(join(profiles, "alice"), { recursive: true });
  const restored = await fresh.perform("RestoreUserState", {}, variables);
  succeed(restored);
  assert.equal(readFileSync(join(profiles, "alice", "Documents", "deep", "thesis.txt"), "utf8"), "forty-two");
  assert.equal(readFileSync(join(profiles, "bob", "Pictures", "cat.jpg"), "utf8"), "cat");
  assert.match(restored.outcome.text, /no profile of bob: administrators alone see it/);
  assert.deepEqual(
    [...accessOf(fresh.machine, join(profiles, "bob")).grants.keys()],
    ["*S-1-5-32-544", "*S-1-5-18"],
  );
  assert.deepEqual([...accessOf(fresh.machine, join(profiles, "alice")).grants], []);
});

test("a folder of which nothing can be read fails the step, and so does a report that leads elsewhere", async (t) => {
  const room = makeRoom(t, "windows");
  put(join(room.folder, "C", "Users", "alice", "Documents", "locked.db"), "in use");
  room.machine.state.set("locked", new Set(["locked.db"]));
  const store = join(room.folder, "store");
  const failed = await room.perform("CaptureUserState", {}, { OSDStateStorePath: store });
  assert.equal(failed.outcome.exitCode, 8);
  const lacking = { files: 0, bytes: 0, lacking: 0, lackingNames: [] };
  const taken = [{ folder: "alice/../../Windows", ...lacking }];
  put(join(store, "volley-profiles.json"), JSON.stringify({ taken, left: [] }));
  const strange = await room.perform("RestoreUserState", {}, { OSDStateStorePath: store });
  assert.equal(strange.outcome.exitCode, codes.invalidData);
  assert.ok(!existsSync(join(room.folder, "C", "Users", "Windows")));
});

test("a capture that the disk is not to be wiped after fails, whatever was copied before", async (t) => {
  const locked = "in use bücher.db";
  const capture = async (
    failing: [name: string, error: number][],
    properties: Record<string, string> = {},
  ): Promise<{ exitCode: number; text: string }> => {
    const room = makeRoom(t, "windows");
    for (const name of ["one", "two", "three", locked]) {
      put(join(room.folder, "C", "Users", "alice", "Videos", "deep", name), name);
    }
    room.machine.state.set("failing", new Map(failing));
    const store = join(room.folder, "store");
    const { outcome } = await room.perform("CaptureUserState", properties, { OSDStateStorePath: store });
    assert.equal(existsSync(join(store, "volley-profiles.json")), outcome.exitCode === 0, outcome.text);
    return outcome;
  };
  // ERROR_DISK_FULL, ERROR_NETNAME_DELETED, ERROR_PATH_NOT_FOUND.
  for (const error of [112, 64, 3]) {
    const failed = await capture([
      ["two", error],
      [locked, 32],
    ]);
    assert.equal(failed.exitCode, 9, failed.text);
    assert.match(failed.text, new RegExp(`error ${error}\\b`));
  }
  // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION.
  for (const error of [5, 32, 33]) {
    const lacking: [string, number][] = [[locked, error]];
    assert.equal((await capture(lacking)).exitCode, codes.success);
    const asked = await capture(lacking, { ContinueOnLockedFiles: "false" });
    assert.equal(asked.exitCode, 9);
    assert.match(asked.text, /ContinueOnLockedFiles/);
  }
  assert.equal((await capture([], { ContinueOnLockedFiles: "false" })).exitCode, codes.success);
});

test("robocopy that was ended, or that says nothing of a file that lacks, fails the capture", async (t) => {
  const capture = async (state: Record<string, unknown>): Promise<number> => {
    const room = makeRoom(t, "windows");
    for (const name of ["here", "bücher", "lost"]) {
      put(join(room.folder, "C", "Users", "alice", "Music", name), name);
    }
    for (const [key, value] of Object.entries(state)) room.machine.state.set(key, value);
    const variables = { OSDStateStorePath: join(room.folder, "store") };
    return (await room.perform("CaptureUserState", {}, variables)).outcome.exitCode;
  };
  const locked = new Set(["bücher", "lost"]);
  assert.equal(await capture({ locked }), codes.success);
  assert.equal(await capture({ locked, unsaid: new Set(["lost"]) }), 9);
  assert.equal(await capture({ unsaid: new Set(["lost"]) }), codes.failed);
  assert.equal(await capture({ locked, status: 16 }), 16);
  // What was ended by force has copied half of a file, in its full size.
  assert.equal(await capture({ status: 137 }), 137);
});
