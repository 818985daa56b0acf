/** Users' files, accounts, name and time zone of a Linux: captured in one, restored in the next. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import { captureUserState } from "../../../../agent/steps/capture-user-state.ts";
import { captureWindowsSettings } from "../../../../agent/steps/capture-windows-settings.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { restartComputer } from "../../../../agent/steps/restart-computer.ts";
import { restoreUserState } from "../../../../agent/steps/restore-user-state.ts";
import type { KeptState, StepServices } from "../../../../agent/steps/services.ts";
import { addAccounts, readAccounts, statePaths } from "../../../../agent/steps/user-state/linux-users.ts";
import { contextOf, newLinux, oldLinux } from "../../../fixtures/linux-roots.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import type { TestContext as StepTestContext } from "../../../fixtures/step-context.ts";

const skip = process.getuid?.() === 0 ? false : "owners of files are root's to set";

test(
  "home folders and named places go to the store, encrypted, and back with their accounts",
  { skip },
  async (t) => {
    const root = oldLinux(t);
    const store = join(testFolder(t), "store");
    const old = contextOf(t, root, {
      variables: { OSDStateStorePath: store, VolleyStatePaths: "/srv/results/; /srv/none" },
    });
    const captured = await captureUserState.perform(old);
    assert.equal(captured.exitCode, 0, `${captured.text}\n${captured.output}`);
    assert.deepEqual(readdirSync(store), ["volley-user-state"]);
    assert.ok(old.hidden.has("_volleystatestorekey"));
    const key = old.variables.get("_VolleyStateStoreKey");
    const fresh = newLinux(t);
    const context = contextOf(t, fresh, {
      variables: { OSDStateStorePath: store, _VolleyStateStoreKey: key },
      properties: { LocalAccounts: "true" },
    });
    const restored = await restoreUserState.perform(context);
    assert.equal(restored.exitCode, 0, `${restored.text}\n${restored.output}`);
    const thesis = statSync(join(fresh, "people/ada/Thesis ä.txt"));
    assert.deepEqual([thesis.uid, thesis.gid, thesis.mode & 0o777], [1000, 1000, 0o600]);
    assert.equal(readlinkSync(join(fresh, "people/ada/latest")), "Thesis ä.txt");
    assert.equal(readFileSync(join(fresh, "srv/results/run 1.csv"), "utf8"), "1,2");
    for (const path of ["people/ada/.cache/big", "srv/other", ".volley-accounts.json"]) {
      assert.ok(!existsSync(join(fresh, path)), path);
    }
    assert.match(
      readFileSync(join(fresh, "etc/passwd"), "utf8"),
      /\/people\/other:\/bin\/sh\nada:x:1000:1000:/,
    );
    assert.match(readFileSync(join(fresh, "etc/shadow"), "utf8"), /^ada:\$y\$secret:/m);
    assert.equal(lstatSync(join(fresh, "etc/shadow")).mode & 0o777, 0o640);
    assert.deepEqual(
      readdirSync(context.services?.folders?.work ?? "").filter((name) => /^(state|accounts)-/.test(name)),
      [],
      "nothing in clear stays behind",
    );
    const before = readFileSync(join(fresh, "etc/passwd"), "utf8");
    assert.equal((await restoreUserState.perform(context)).exitCode, 0);
    assert.equal(readFileSync(join(fresh, "etc/passwd"), "utf8"), before, "again adds nobody twice");
  },
);

test("without LocalAccounts nobody is added; without a store the step says so", { skip }, async (t) => {
  const store = join(testFolder(t), "store");
  const old = contextOf(t, oldLinux(t), { variables: { OSDStateStorePath: store } });
  assert.equal((await captureUserState.perform(old)).exitCode, 0);
  const fresh = newLinux(t);
  const key = old.variables.get("_VolleyStateStoreKey");
  const context = contextOf(t, fresh, { variables: { OSDStateStorePath: store, _VolleyStateStoreKey: key } });
  const outcome = await restoreUserState.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.ok(!readFileSync(join(fresh, "etc/passwd"), "utf8").includes("ada"));
  const nowhere = contextOf(t, fresh, { variables: { OSDStateStorePath: join(store, "none") } });
  assert.equal((await restoreUserState.perform(nowhere)).exitCode, codes.fileNotFound);
  const unset = contextOf(t, fresh);
  assert.equal((await captureUserState.perform(unset)).exitCode, codes.notFound);
});

test(
  "what is to be at the run's own place is kept elsewhere, and no longer once it is back",
  { skip },
  async (t) => {
    const folder = testFolder(t);
    const path = join(folder, "UserState");
    const copy = join(folder, "kept");
    const calls: string[] = [];
    /** The step that restores, once it runs. */
    const restoring: StepTestContext[] = [];
    const keptState: KeptState = {
      folder: path,
      key: () => Promise.resolve("ab".repeat(32)),
      note: () => Promise.reject(new Error("it is kept at its own place")),
      find: () => Promise.resolve(null),
      facts: () => ({ bytes: 1, reserve: null }),
      hold: () => Promise.resolve(),
      keep(file) {
        copyFileSync(file, copy);
        calls.push("keep");
        return Promise.resolve({ place: "there 7", text: "at the end of the disk" });
      },
      fetch(place, file) {
        copyFileSync(copy, file);
        calls.push(`fetch ${place}`);
        return Promise.resolve("ab".repeat(32));
      },
      forget(place) {
        if (restoring[0]?.runs.at(-1)?.command[0] === "sync") calls.push("flushed");
        calls.push(`forget ${place}`);
        return Promise.resolve();
      },
    };
    const services = { keptState };
    const old = contextOf(t, oldLinux(t), { variables: { OSDStateStorePath: path }, services });
    const captured = await captureUserState.perform(old);
    assert.equal(captured.exitCode, 0, captured.text);
    assert.match(captured.text, /^Kept at the end of the disk: /);
    assert.deepEqual(readdirSync(path), [], "the disk is overwritten, so nothing counts on it");
    assert.equal(old.variables.get("_VolleyStateStoreKey"), "", "the key stays at the site");
    const variables = {
      // As of an agent whose state was elsewhere.
      OSDStateStorePath: join(folder, "of the old system"),
      _VolleyKeptState: old.variables.get("_VolleyKeptState"),
    };
    const fresh = newLinux(t);
    const context = contextOf(t, fresh, { variables, services });
    restoring.push(context);
    const restored = await restoreUserState.perform(context);
    assert.equal(restored.exitCode, 0, restored.text);
    assert.equal(readFileSync(join(fresh, "people/ada/Thesis ä.txt"), "utf8"), "words");
    assert.deepEqual(calls, ["keep", "fetch there 7", "flushed", "forget there 7"]);
    assert.equal(context.variables.get("_VolleyKeptState"), "");
  },
);

test("accounts: a name that is there stays, a number that is taken is replaced, damage is refused", () => {
  const user = (name: string, userId: number) => ({
    name,
    userId,
    home: `/people/${name}`,
    passwd: `${name}:x:${userId}:${userId}::/people/${name}:/bin/sh`,
    group: `${name}:x:${userId}:`,
    shadow: null,
  });
  const tables = {
    passwd: "ada:x:1005:1005::/people/ada:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n",
    group: "",
    shadow: "",
  };
  const {
    added,
    renumbered,
    tables: after,
  } = addAccounts(tables, [user("ada", 1000), user("eve", 1001), user("joe", 1002)]);
  assert.deepEqual([added, renumbered], [["eve", "joe"], ["eve"]]);
  const accounts = ["eve:x:1003:1003::/people/eve:/bin/sh", "joe:x:1002:1002::/people/joe:/bin/sh", ""];
  assert.equal(after.passwd, `${tables.passwd}${accounts.join("\n")}`);
  assert.equal(after.group, "eve:x:1003:\njoe:x:1002:\n");
  const inGroup = {
    ...user("kim", 1010),
    passwd: "kim:x:1010:100::/people/kim:/bin/sh",
    group: "staff:x:100:",
  };
  const grouped = addAccounts({ ...tables, group: "users:x:100:\n" }, [inGroup]).tables;
  assert.match(grouped.passwd, /^kim:x:1010:1000:/m, "a group of another name is not joined");
  assert.match(grouped.group, /^staff:x:1000:$/m);
  const known = addAccounts({ ...tables, group: "staff:x:50:\n" }, [inGroup]).tables;
  assert.match(known.passwd, /^kim:x:1010:50:/m);
  const good = user("ada", 1000);
  const lines = [
    "ada:x:1000:0::/:/bin/sh\nroot2:x:0:0::/:/bin/sh",
    "ada:x:0:0::/:/bin/sh",
    "root:x:1000:0::/:/",
  ];
  const forged = lines.map((passwd) => JSON.stringify([{ ...good, passwd }]));
  for (const wrong of ["{}", "x", ...forged]) {
    assert.throws(() => readAccounts(wrong), { exitCode: codes.invalidData }, wrong);
  }
  for (const wrong of [
    { ...good, userId: 0 },
    { ...good, home: "home" },
    { ...good, name: "a:b" },
  ]) {
    assert.throws(() => readAccounts(JSON.stringify([wrong])), { exitCode: codes.invalidData });
  }
});

test("a place that is no absolute path is refused", async (t) => {
  for (const wrong of ["srv", "/", "/srv/../etc"]) {
    await assert.rejects(statePaths(testFolder(t), wrong), { exitCode: codes.invalidSetting }, wrong);
  }
});

test("the computer's name and time zone are captured as Linux has them", async (t) => {
  const root = oldLinux(t);
  const context = contextOf(t, root);
  const outcome = await captureWindowsSettings.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.equal(context.variables.get("OSDComputerName"), "lab-07");
  assert.equal(context.variables.get("OSDTimeZone"), "Europe/Berlin");
  const without = contextOf(t, root, { properties: { MigrateComputerName: "false" } });
  await captureWindowsSettings.perform(without);
  assert.equal(without.variables.get("OSDComputerName"), "");
});

test("Restart Computer puts the PE in place first, and what is missing for it is its failure", async (t) => {
  let prepared = 0;
  const bootStaging = {
    prepare: () => {
      prepared += 1;
      return Promise.resolve();
    },
  };
  const into = (target: string, services: StepServices) =>
    contextOf(t, "/", { properties: { Target: target }, services });
  const good = into("WinPE", { bootStaging });
  assert.equal((await restartComputer.perform(good)).exitCode, 0);
  assert.deepEqual([prepared, good.variables.get("SMSTSRebootRequested")], [1, "WinPE"]);
  assert.equal((await restartComputer.perform(into("HD", { bootStaging }))).exitCode, 0);
  assert.equal(prepared, 1, "the installed system needs none");
  const failing = into("WinPE", {
    bootStaging: {
      prepare: () => Promise.reject(new VolleyError("E_NOT_FOUND", "The site has no boot image")),
    },
  });
  assert.equal((await restartComputer.perform(failing)).exitCode, codes.fileNotFound);
  assert.equal(failing.variables.get("SMSTSRebootRequested"), "");
});
