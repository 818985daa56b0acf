/** The catalogue: every step the reader knows is there, says where it runs, and fails where it does not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import { checkSequence } from "../../../../agent/sequence/check.ts";
import { stepTypes } from "../../../../agent/sequence/step-types.ts";
import { findStepKind, stepKinds } from "../../../../agent/steps/catalogue.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { stepsDocument } from "../../../../scripts/steps-document.ts";
import { child, sequence, step } from "../../../fixtures/sequences.ts";
import { testContext } from "../../../fixtures/step-context.ts";

const root = fileURLToPath(new URL("../../../../../", import.meta.url));
const systems: readonly SystemName[] = ["winpe", "linuxpe", "windows", "linux"];

test("every step type the reader knows has a kind, once, under the same title", () => {
  const types = stepKinds.map(({ type }) => type);
  assert.equal(new Set(types.map((type) => type.toLowerCase())).size, types.length);
  // A child sequence is the engine's.
  const known = stepTypes.filter(({ type }) => type !== "SubTasksequence");
  assert.deepEqual(types.toSorted(), known.map(({ type }) => type).toSorted());
  for (const { title, type } of known) assert.equal(findStepKind(type)?.title, title, type);
});

test("a child sequence is real on every system, and a step as the catalogue says", () => {
  const read = {
    sequence: sequence(child("ABC00009"), step("s", { type: "Reboot" })),
    packageId: "",
    entry: "",
  };
  const { steps } = checkSequence(read, { supportOf: (type) => findStepKind(type)?.support });
  const [run, restart] = steps;
  assert.deepEqual(run?.support, { winpe: "real", linuxpe: "real", windows: "real", linux: "real" });
  assert.deepEqual(run.reasons, {});
  for (const system of systems) {
    assert.equal(restart?.support[system], findStepKind("Reboot")?.support[system].kind, system);
  }
});

test("a step says why it does not run somewhere, and fails there with 0x80070032 without doing anything", async () => {
  for (const kind of stepKinds) {
    for (const system of systems) {
      const support = kind.support[system];
      if (support.kind !== "real") assert.ok(support.reason.length > 10, `${kind.type} on ${system}`);
      if (support.kind !== "unsupported") continue;
      const context = testContext({ system });
      const outcome = await kind.perform(context);
      assert.equal(outcome.exitCode, codes.notSupported, `${kind.type} on ${system}`);
      assert.ok(outcome.text.includes(support.reason));
      assert.deepEqual(context.runs, []);
    }
  }
});

test("a step that is told nothing fails with a code or does nothing, and never throws", async () => {
  const harmless = new Set([
    "SetDynamicVariables",
    "Reboot",
    "InstallDeployTools",
    "CaptureNetworkSettings",
    "CaptureWindowsSettings",
    "LTIApplyPE",
    "BDD_Gather",
    "ZTINextPhase",
    "ZTICopyLogs",
    "ZTIBackup",
    "LTISysprep",
    "BDD_InstallRoles",
    "BDD_UninstallRoles",
    "BDD_InstallApplication",
    "BDD_RecoverDomainJoin",
    // Nothing is to be wiped, coalesced or moved.
    "ZTIWipeDisk",
    "ZTICoalesce",
    "ZTIMoveStateStore",
    // "By default … enabled": skipped where there is no TPM.
    "OfflineEnableBitLocker",
    // Without the toolkit there is none of what these work on.
    "LTICopyScripts",
    "LTIApplyPost",
    "LTICleanup",
    "ZTIAppXmlGen",
    "ZTIApplyGPOPack",
    "ZTIBIOSCheck",
    "ZTIBde",
    "ZTIGroups",
  ]);
  const tools = { run: () => Promise.resolve({ exitCode: 1, output: "", timedOut: false }) };
  for (const kind of stepKinds) {
    for (const system of systems) {
      const outcome = await kind.perform(testContext({ system, tools }));
      const isFine = outcome.exitCode !== 0 || harmless.has(kind.type);
      assert.ok(isFine, `${kind.type} on ${system} pretends: ${outcome.text}`);
      assert.ok(
        outcome.exitCode >= 0 && outcome.exitCode <= 0xffffffff && Number.isInteger(outcome.exitCode),
      );
      assert.notEqual(outcome.text, "");
    }
  }
});

test("retryCount where the console has none for it: the check says what it does", () => {
  const about = (type: string, retryCount: number): string[] =>
    (findStepKind(type)?.check(step("s", { type, retryCount })) ?? []).filter((text) =>
      text.startsWith("retryCount"),
    );
  for (const type of ["InstallApplication", "InstallSoftware", "InstallUpdate"]) {
    assert.deepEqual(about(type, 2), []);
  }
  assert.deepEqual(about("RunCommandLine", 0), []);
  assert.match(about("RunCommandLine", 2).join(""), /when it fails it is not run again$/);
  assert.match(about("UpgradeOperatingSystem", 2).join(""), /has no effect/);
});

test("docs/STEPS.md is the catalogue", () => {
  const path = join(root, "docs/STEPS.md");
  assert.equal(
    readFileSync(path, "utf8"),
    stepsDocument(),
    "node dist/scripts/steps-document.js > docs/STEPS.md",
  );
});
