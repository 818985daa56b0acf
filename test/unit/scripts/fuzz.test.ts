/** The order of a fuzz run, with shell scripts for targets: what broke one before is tried first, and fails the run. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runFuzzers } from "../../../scripts/fuzz.ts";
import type { Tally } from "../../../scripts/tally.ts";

function makeTree(context: TestContext, target: string): string {
  const root = mkdtempSync(join(tmpdir(), "volley-fuzz-"));
  context.after(() => rmSync(root, { recursive: true }));
  for (const folder of ["build/fuzz", "test/fuzz/regressions/codec"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "test/fuzz/codec.fuzz.cpp"), "");
  writeFileSync(join(root, "test/fuzz/regressions/codec/empty"), "");
  const programs = { fuzz_seeds: "exit 0", fuzz_codec: target };
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(root, "build/fuzz", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return root;
}

const run = (root: string): Promise<Tally> =>
  runFuzzers({ root, filter: /./, seconds: 1, signal: new AbortController().signal });

const tries = 'echo "stat::number_of_executed_units: 7"';
const breaksOnRegression = 'case "$*" in *regressions/codec/empty*) echo "broken: silence"; exit 77 ;; esac';

test("a target that holds on what broke it before is fuzzed", async (context) => {
  assert.deepEqual(await run(makeTree(context, tries)), { passed: 1, failed: 0, failures: [] });
});

test("a target that breaks again on a kept input fails, whatever fuzzing would find", async (context) => {
  const tally = await run(makeTree(context, `${breaksOnRegression}\n${tries}`));
  assert.deepEqual(tally.failures, ["fuzz codec: broken: silence"]);
});
