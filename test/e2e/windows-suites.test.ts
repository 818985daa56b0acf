/**
 * The C++ suite for Windows (`scripts/build --windows-tests`) and the unit tests that are the same on every system, both
 * under Wine. What is left out tries Linux itself: its /proc, its sockets, its permissions, its programs.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makePrefix, runWine, winePath } from "../fixtures/wine.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const programs = join(root, "build/windows-tests");
const units = join(root, "dist/test/unit");

/** Below dist/test/unit, without ".test.js". */
const platformFree = [
  ...namesIn("contract"),
  ...["bottleneck", "choose-disk", "cmtrace", "command-line", "file-transfer", "plan", "receiving"].map(
    (name) => `agent/${name}`,
  ),
  ...["redactor", "sequence-command"].map((name) => `agent/${name}`),
  ...["check", "conditions", "environment", "interpreter", "interpreter-runs", "step-types", "wql"].map(
    (name) => `agent/sequence/${name}`,
  ),
  ...namesIn("agent/sequence/reading"),
  ...["inf", "windows-tools"].map((name) => `agent/steps/${name}`),
];

function namesIn(folder: string): string[] {
  const path = join(units, folder);
  if (!existsSync(path)) throw new Error(`${path} is not there`);
  return readdirSync(path)
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => `${folder}/${name.replace(/\.test\.js$/, "")}`);
}

let folder = "";
let node = "";
before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), "volley-windows-suites-"));
  await makePrefix();
  node = join(folder, "node.exe");
  copyFileSync(join(root, "build/windows-node/node.exe"), node);
});
after(() => {
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

const built = existsSync(programs) ? readdirSync(programs).filter((name) => name.endsWith(".exe")) : [];

test("the C++ suite is built for Windows", { skip }, () => {
  assert.ok(
    built.some((name) => name.startsWith("test_core_")),
    `${programs} holds ${built.join(", ")}`,
  );
});
for (const name of built) {
  test(`C++: ${name}`, { skip }, async () => {
    const { code, story } = await runWine([join(programs, name)], folder);
    assert.equal(code, 0, story);
  });
}
for (const name of platformFree) {
  test(`unit: ${name}`, { skip }, async () => {
    const file = winePath(join(units, `${name}.test.js`));
    // Else it would speak to this test's runner, in that one's own language.
    const { output, story } = await runWine([node, file], folder, { NODE_TEST_CONTEXT: "" });
    assert.match(output, /^# pass [1-9]/m, story);
    assert.match(output, /^# fail 0$/m, story);
  });
}
