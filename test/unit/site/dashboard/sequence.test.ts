/** The tree that the page makes of the agent's check. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CheckedGroup, CheckedStep } from "../../../../contract/sequence.ts";
import { sequenceTree, typeText, type TreeNode } from "../../../../site/dashboard/words/sequence.ts";

const step = (name: string, depth: number): CheckedStep =>
  CheckedStep.parse({
    path: "",
    name,
    depth,
    type: "SMS_TaskSequence_RunCommandLineAction",
    line: 1,
    disabled: false,
    packages: [],
    support: { winpe: "real", linuxpe: "real", windows: "real", linux: "real" },
    reasons: {},
  });
const group = (name: string, depth: number, before: number): CheckedGroup =>
  CheckedGroup.parse({
    name,
    depth,
    before,
    line: 1,
    disabled: false,
    continueOnError: false,
    condition: "",
  });

const drawn = (nodes: readonly TreeNode[]): string =>
  nodes
    .map((node) => (node.kind === "step" ? node.step.name : `${node.group.name}(${drawn(node.nodes)})`))
    .join(" ");
const part = (groups: CheckedGroup[], steps: CheckedStep[]) => ({
  groups,
  steps,
  packages: [],
  problems: [],
});

test("groups stand around their steps, also empty ones and those at the end", () => {
  const groups = [
    group("A", 0, 0),
    group("empty", 1, 0),
    group("B", 1, 1),
    group("C", 0, 3),
    group("end", 0, 4),
  ];
  const steps = [step("a", 1), step("b", 2), step("top", 0), step("c", 1)];
  const { left, nodes } = sequenceTree(part(groups, steps));
  assert.equal(drawn(nodes), "A(empty() a B(b)) top C(c) end()");
  assert.equal(left, 0);
});

test("a check from before there were groups is a plain list, and what is too deep or too long is cut", () => {
  assert.equal(drawn(sequenceTree(part([], [step("a", 0), step("b", 0)])).nodes), "a b");
  const deep = Array.from({ length: 100 }, (_, depth) => group("g", depth, 0));
  assert.equal(drawn(sequenceTree(part(deep, [])).nodes).split("(").length - 1, 100);
  const long = Array.from({ length: 5000 }, () => step("s", 0));
  assert.equal(sequenceTree(part([], long)).left, 2000);
});

test("a type is read without what all of them have", () => {
  assert.equal(typeText(step("a", 0)), "Run Command Line");
});
