/** Users' files of a refresh whose run has failed, and whose they are in the system that comes after. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { captureUserState } from "../../../../agent/steps/capture-user-state.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { restoreUserState } from "../../../../agent/steps/restore-user-state.ts";
import type { KeptState } from "../../../../agent/steps/services.ts";
import { contextOf, newLinux, oldLinux, put } from "../../../fixtures/linux-roots.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import type { TestContext as StepTestContext } from "../../../fixtures/step-context.ts";

const skip = process.getuid?.() === 0 ? false : "owners of files are root's to set";

/** A site that keeps one file and its key, as keptState has it there. */
function siteOf(t: TestContext) {
  const folder = testFolder(t);
  const copy = join(folder, "kept");
  const there = { place: "", restored: false, by: "" };
  const service = (system: string): KeptState => ({
    folder: join(folder, system, "UserState"),
    key: () => Promise.resolve("cd".repeat(32)),
    keep(file) {
      copyFileSync(file, copy);
      Object.assign(there, { place: `kept by ${system}`, restored: false, by: system });
      return Promise.resolve({ place: there.place, text: "at the site" });
    },
    note(file) {
      Object.assign(there, { place: file, restored: false, by: system });
      return Promise.resolve(file);
    },
    find: () =>
      Promise.resolve(
        there.place === ""
          ? null
          : { place: there.place, restored: there.restored, ownSystem: there.by === system },
      ),
    fetch(place, file) {
      copyFileSync(place.startsWith("/") ? place : copy, file);
      return Promise.resolve("cd".repeat(32));
    },
    forget: () => Promise.resolve(void (there.restored = true)),
    facts: () => ({ bytes: 1, reserve: null }),
    hold: () => Promise.resolve(),
  });
  return { there, service, of: (system: string) => ({ keptState: service(system) }) };
}

async function succeeds(step: typeof captureUserState, context: StepTestContext): Promise<string> {
  const outcome = await step.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  return outcome.text;
}

test("a run that ends after the wipe takes no files with it: the next one has them", { skip }, async (t) => {
  const site = siteOf(t);
  const variables = { OSDStateStorePath: site.service("old").folder };
  const root = oldLinux(t);
  await succeeds(captureUserState, contextOf(t, root, { variables, services: site.of("old") }));
  // The old system is as it was, and has more by now: it is captured anew.
  put(root, "people/ada/newer.txt", "more");
  await succeeds(captureUserState, contextOf(t, root, { variables, services: site.of("old") }));
  // Another run, that knows nothing of the first: no variable, no checkpoint.
  const fresh = newLinux(t);
  const properties = { LocalAccounts: "true" };
  const restoring = contextOf(t, fresh, { properties, services: site.of("new") });
  await succeeds(restoreUserState, restoring);
  assert.equal(readFileSync(join(fresh, "people/ada/newer.txt"), "utf8"), "more");
  assert.equal(site.there.restored, true);
  const again = contextOf(t, fresh, { properties, services: site.of("new") });
  assert.equal((await restoreUserState.perform(again)).exitCode, codes.notFound, "once is enough");
});

test(
  "a system that captures has back first what another has left, and its own newer files stay",
  { skip },
  async (t) => {
    const site = siteOf(t);
    const capture = (system: string, root: string) =>
      succeeds(
        captureUserState,
        contextOf(t, root, {
          variables: { OSDStateStorePath: site.service(system).folder },
          services: site.of(system),
        }),
      );
    const old = oldLinux(t);
    put(old, "people/ada/both.txt", "old");
    await capture("old", old);
    const fresh = newLinux(t);
    const later = put(fresh, "people/ada/both.txt", "new");
    utimesSync(later, new Date("2040-01-01"), new Date("2040-01-01"));
    await capture("new", fresh);
    assert.equal(site.there.by, "new");
    const third = newLinux(t);
    const services = site.of("third");
    await succeeds(
      restoreUserState,
      contextOf(t, third, { properties: { LocalAccounts: "true" }, services }),
    );
    assert.equal(readFileSync(join(third, "people/ada/Thesis ä.txt"), "utf8"), "words");
    assert.equal(readFileSync(join(third, "people/ada/both.txt"), "utf8"), "new");
  },
);

test("on a volume of the sequence's choice the key is the site's, too", { skip }, async (t) => {
  const site = siteOf(t);
  const store = join(testFolder(t), "store");
  const old = contextOf(t, oldLinux(t), {
    variables: { OSDStateStorePath: store },
    services: site.of("old"),
  });
  await succeeds(captureUserState, old);
  assert.equal(site.there.place, join(store, "volley-user-state"));
  const fresh = newLinux(t);
  await succeeds(restoreUserState, contextOf(t, fresh, { services: site.of("new") }));
  assert.equal(readFileSync(join(fresh, "people/ada/Thesis ä.txt"), "utf8"), "words");
});

test("files of someone who has no account here are root's alone", { skip }, async (t) => {
  const store = join(testFolder(t), "store");
  const old = contextOf(t, oldLinux(t), { variables: { OSDStateStorePath: store } });
  await succeeds(captureUserState, old);
  const key = old.variables.get("_VolleyStateStoreKey");
  const fresh = newLinux(t);
  // Ada's number is Bob's here.
  writeFileSync(
    join(fresh, "etc/passwd"),
    "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/people/bob:/bin/sh\n",
  );
  const variables = { OSDStateStorePath: store, _VolleyStateStoreKey: key };
  const context = contextOf(t, fresh, { variables });
  await succeeds(restoreUserState, context);
  const home = statSync(join(fresh, "people/ada"));
  assert.deepEqual([home.uid, home.gid, home.mode & 0o777], [0, 0, 0o700]);
  assert.match(context.lines.join("\n"), /ada has no account here/);
});

test("a home folder or a place that is a link is kept with what it leads to", { skip }, async (t) => {
  const root = oldLinux(t);
  const link = (target: string, path: string): void => symlinkSync(target, join(root, path));
  renameSync(join(root, "people/ada"), join(root, "srv/ada"));
  link("../srv/ada", "people/ada");
  link("results", "srv/latest");
  const store = join(testFolder(t), "store");
  const variables = { OSDStateStorePath: store, VolleyStatePaths: "/srv/latest" };
  const old = contextOf(t, root, { variables });
  await succeeds(captureUserState, old);
  const fresh = newLinux(t);
  const key = old.variables.get("_VolleyStateStoreKey");
  await succeeds(
    restoreUserState,
    contextOf(t, fresh, {
      variables: { OSDStateStorePath: store, _VolleyStateStoreKey: key },
      properties: { LocalAccounts: "true" },
    }),
  );
  assert.equal(readlinkSync(join(fresh, "people/ada")), "../srv/ada");
  assert.equal(readFileSync(join(fresh, "people/ada/Thesis ä.txt"), "utf8"), "words");
  assert.equal(readFileSync(join(fresh, "srv/latest/run 1.csv"), "utf8"), "1,2");
});
