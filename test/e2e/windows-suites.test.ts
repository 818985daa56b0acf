/**
 * The C++ suite for Windows (`scripts/build --windows-tests`) and the unit tests that are the same on every system, both
 * under Wine. A new one of either is taken by itself; what is left out is named, in CMakeLists.txt and here.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { b3sumDigests } from "../fixtures/b3sum.ts";
import { testSeed } from "../fixtures/random.ts";
import { makePrefix, runWine, winePath } from "../fixtures/wine.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const programs = join(root, "build/windows-tests");
const units = join(root, "dist/test/unit");

/** Unit tests that are not for Windows, below dist/test/unit and without ".test.js"; a folder ends with "/". */
const leftOut: readonly { why: string; names: readonly string[] }[] = [
  {
    why: "what they try runs on Linux alone",
    names: [
      "bench/",
      "repository",
      "scripts/",
      "site/",
      "agent/linux-platform",
      "agent/staging/kexec-entry",
      "agent/steps/applied-linux",
      "agent/steps/linux-capture",
      "agent/steps/linux-state",
    ],
  },
  {
    why: "they call programs of Linux, as losetup, hivexregedit, b3sum and a shell",
    names: [
      "agent/condition-sources",
      "agent/condition-volumes",
      "agent/disk-table",
      "agent/fit-disk",
      "agent/sequence-killed",
      "agent/step-tools",
      "agent/steps/applied-windows",
      "agent/steps/apply-images",
      "agent/steps/bios-boot",
      "agent/steps/partition-types",
      "agent/steps/partitioning",
      "agent/steps/specialize-pass",
      "agent/steps/state-steps",
      "agent/steps/toolkit-sequence",
      "agent/steps/windows-pe-disk",
      "agent/steps/windows-pe-volume",
      "native/lifetime",
      "native/storage",
      "windows/",
    ],
  },
  {
    why: "folders of Linux stand for the drives of their Windows, or paths are as Linux has them",
    names: [
      "agent/sequence/console",
      "agent/staging/linux-pe-on-windows",
      "agent/steps/basic-steps",
      "agent/steps/content-steps",
      "agent/steps/drivers",
      "agent/steps/toolkit",
      "agent/steps/windows-profiles",
      "agent/steps/windows-programs",
      "agent/steps/windows-steps",
    ],
  },
  {
    why: "they look at modes of files, at sockets with a path, or end processes by a signal",
    names: [
      "agent/agent-files",
      "agent/checkpoint",
      "agent/hand-over",
      "agent/sequence-run",
      "agent/trust",
      "agent/sequence/checkpoint",
      "agent/sequence/environment-server",
      "agent/sequence/killed-run",
      "agent/steps/unattend",
    ],
  },
  {
    why: "they remove folders whose files are open",
    names: ["agent/casting-places", "agent/log-tail", "agent/outbox"],
  },
  { why: "Wine makes no symbolic links", names: ["agent/windows-platform"] },
  {
    why: "it takes minutes under Wine: each command and each moment fails once",
    names: ["agent/staging/windows-staging"],
  },
];

const isAt = (name: string, place: string): boolean =>
  place.endsWith("/") ? name.startsWith(place) : name === place;
const unitNames = readdirSync(units, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".test.js"))
  .map((path) => path.replace(/\.test\.js$/, ""))
  .toSorted();

/** The others, by their folder. */
function platformFree(): Map<string, string[]> {
  const places = leftOut.flatMap(({ names }) => names);
  const groups = new Map<string, string[]>();
  for (const name of unitNames.filter((one) => !places.some((place) => isAt(one, place)))) {
    const room = dirname(name);
    groups.set(room, [...(groups.get(room) ?? []), join(units, `${name}.test.js`)]);
  }
  return groups;
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
/** It asks b3sum, which it has to be brought. */
const blake3 = "test_core_blake3_b3sum.exe";

test("the C++ suite is built for Windows", { skip }, () => {
  assert.ok(built.includes(blake3), `${programs} holds ${built.join(", ")}`);
});
for (const name of built.filter((one) => one !== blake3)) {
  test(`C++: ${name}`, { skip }, async () => {
    const { code, story } = await runWine([join(programs, name)], folder);
    assert.equal(code, 0, story);
  });
}

test(`C++: ${blake3}, with what b3sum says on this system`, { skip }, async () => {
  const files = join(folder, "blake3");
  mkdirSync(files);
  const command = [join(programs, blake3), String(testSeed("BLAKE3")), winePath(files)];
  const written = await runWine(command, folder);
  assert.equal(written.code, 0, written.story);
  writeFileSync(join(files, "digests"), b3sumDigests(files));
  const { code, output, story } = await runWine(command, folder);
  assert.equal(code, 0, story);
  assert.match(output, /^[1-9]\d+ checks, 0 failed/m, story);
});

test("what is left out is there", () => {
  for (const { names, why } of leftOut) {
    const gone = names.filter((place) => !unitNames.some((name) => isAt(name, place)));
    assert.deepEqual(gone, [], why);
  }
});

for (const [room, files] of platformFree()) {
  test(`unit: ${room}, ${files.length} files`, { skip }, async () => {
    // One process for all of them: under Wine each takes seconds to start, and none can have a pipe for its output.
    const words = ["--test", "--experimental-test-isolation=none", "--test-reporter=tap"];
    const command = [node, ...words, ...files.map(winePath)];
    // Else it would speak to this test's runner, in that one's own language.
    const { output, story } = await runWine(command, folder, { NODE_TEST_CONTEXT: "" });
    assert.match(output, /^# pass [1-9]/m, story);
    assert.match(output, /^# fail 0$/m, story);
  });
}
