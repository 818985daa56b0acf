/** A PE that a system on the disk has staged: when that system is gone back to, and what is left of the wish to go there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "../../../../contract/deployment.ts";
import { openStateFolder } from "../../../../agent/state-folder.ts";
import { policyOf } from "../../../../agent/staging/open-staging.ts";
import type { LocalPe } from "../../../../agent/staging/local-pe.ts";
import { canGoBack, markTouched, type Staging } from "../../../../agent/staging/staging.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const deploymentId = "11111111-2222-4333-8444-555555555555";
const nothing: Policy = { deployment: null };
const site = { policy: () => Promise.resolve(nothing) };

test("a PE goes back when nobody wants anything, as long as the disk is as it was", async (t) => {
  const state = openStateFolder(testFolder(t), () => {});
  const inPe = { site, staging: null, operatingSystem: "linux-pe", once: true, state };
  assert.equal(await policyOf(inPe), nothing, "one that came from the network waits");
  state.write("origin.json", { deploymentId });
  assert.ok(canGoBack(state));
  await assert.rejects(policyOf(inPe), { code: "E_STAGING" });
  assert.equal(await policyOf({ ...inPe, operatingSystem: "linux" }), nothing);
  const wanted = { deployment: { id: deploymentId } } as Policy;
  assert.equal(await policyOf({ ...inPe, site: { policy: () => Promise.resolve(wanted) } }), wanted);
  markTouched(state, ["Everything on the disk is replaced"]);
  assert.ok(!canGoBack(state));
  assert.equal(await policyOf(inPe), nothing, "there is nothing to go back to");
});

test("in the old system what the site does not want is taken back at every policy", async (t) => {
  const state = openStateFolder(testFolder(t), () => {});
  const tidied: (string | null)[] = [];
  const staging = { tidy: (wanted: string | null) => Promise.resolve(void tidied.push(wanted)) };
  const old = { staging: staging as unknown as Staging, operatingSystem: "linux", once: false, state };
  await policyOf({ site, ...old });
  assert.deepEqual(tidied, [null]);
});

test("what failed in the PE is not gone back to the PE for", async (t) => {
  const state = openStateFolder(testFolder(t), () => {});
  const policy = { deployment: { id: deploymentId, failed: true } } as Policy;
  const tidied: (string | null)[] = [];
  const staging = {
    cameBack: true,
    tidy: (wanted: string | null) => Promise.resolve(void tidied.push(wanted)),
  } as unknown as LocalPe;
  const old = { site: { policy: () => Promise.resolve(policy) }, staging, operatingSystem: "linux", state };
  assert.equal(await policyOf({ ...old, once: false }), policy, "a service waits, and is told why");
  await assert.rejects(policyOf({ ...old, once: true }), { code: "E_STAGING" });
  assert.deepEqual(tidied, [null, null]);
  const notYet = { ...old, staging: { ...staging, cameBack: false } as LocalPe };
  await policyOf({ ...notYet, once: true });
  assert.equal(tidied.at(-1), deploymentId, "it failed before, and was begun once more");
});
