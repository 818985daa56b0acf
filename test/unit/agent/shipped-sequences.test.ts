/** The task sequences that are shipped: whole, understood to the last attribute, and laid out as the console does it. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkSequence } from "../../../agent/sequence/check.ts";
import type { SequenceNode } from "../../../agent/sequence/tree.ts";
import { readSequenceFile } from "../../../agent/sequence/reading/file.ts";
import { findStepKind } from "../../../agent/steps/catalogue.ts";

const folder = fileURLToPath(new URL("../../../../docs/sequences/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".xml"));

const namesOf = (nodes: readonly SequenceNode[]): string[] => nodes.map(({ name }) => name);

test("there is one for bare metal, one for a refresh and one for a capture, of each system", () => {
  const kinds = ["bare-metal", "capture", "refresh"];
  assert.deepEqual(
    files.sort(),
    kinds.flatMap((kind) => [`${kind}-linux.xml`, `${kind}.xml`]),
  );
});

for (const file of files) {
  test(`the check finds no error in ${file}, and every step is known`, async () => {
    const [read, ...others] = await readSequenceFile(join(folder, file));
    assert.ok(read);
    assert.deepEqual(others, []);
    const check = checkSequence(read, {
      supportOf: (type) => findStepKind(type)?.support,
      checkStep: (step) => findStepKind(step.type ?? "")?.check(step) ?? [],
    });
    assert.deepEqual(
      check.problems.filter(({ severity }) => severity === "error"),
      [],
    );
    const unknown = check.steps.filter(({ support }) => Object.values(support).includes("unknown"));
    assert.deepEqual(unknown, []);
    const nowhere = check.steps.filter(({ support }) =>
      Object.values(support).every((word) => word === "unsupported"),
    );
    assert.deepEqual(nowhere, []);
  });
}

test('the refresh has the layout of the console\'s "Install an existing image"', async () => {
  const [read] = await readSequenceFile(join(folder, "refresh.xml"));
  const { nodes } = read?.sequence ?? { nodes: [] };
  const groups = nodes.map((node) => (node.kind === "group" ? namesOf(node.nodes) : []));
  assert.deepEqual(namesOf(nodes), [
    "Capture Files and Settings",
    "Install Operating System",
    "Setup Operating System",
  ]);
  assert.deepEqual(groups, [
    ["Capture Windows Settings", "Capture Network Settings", "Capture User Files and Settings"],
    [
      "Restart in Windows PE",
      "Apply Operating System",
      "Apply Windows Settings",
      "Apply Network Settings",
      "Apply Device Drivers",
      "Apply Driver Package",
    ],
    ["Setup Windows", "Install Updates", "Install Applications", "Restore User Files and Settings"],
  ]);
});
