/** How a sequence is gone through; each row names the rule of "Task sequence planning" and the SDK it holds to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SequenceNode } from "../../../../agent/sequence/tree.ts";
import { interpretNodes, type Script } from "../../../fixtures/interpreter-run.ts";
import { group, step, when } from "../../../fixtures/sequences.ts";

const coe = { continueOnError: true };
const off = { disabled: true };
const failing: Script = { codes: [1] };
const wrong = { condition: { line: 1, kind: "unknown" as const, type: "X" } };
const three = [step("1"), step("2"), step("3")];

interface Row {
  rule: string;
  nodes: SequenceNode[];
  scripts?: Record<string, Script>;
  variables?: Record<string, string>;
  elsewhere?: string[];
  performed: string;
  /** "succeeded", "failed" or where it restarts to. */
  end?: string;
  succeeded?: string;
  name?: string;
  code?: string;
}

const rows: Row[] = [
  { rule: "steps run one after another", nodes: three, performed: "1 2 3" },
  {
    rule: "the first step that fails ends the sequence",
    nodes: three,
    scripts: { 2: failing },
    performed: "1 2",
    end: "failed",
    succeeded: "false",
    name: "2",
    code: "1",
  },
  {
    rule: "a step that continues on error",
    nodes: [step("1", coe), step("2")],
    scripts: { 1: failing },
    performed: "1 2",
    succeeded: "true",
  },
  {
    rule: "the documented example: step 2 fails in a group that continues on error, step 3 is not run, group 2 is",
    nodes: [group("G1", coe, ...three), group("G2", {}, step("4"))],
    scripts: { 2: failing },
    performed: "1 2 4",
  },
  {
    rule: "a failure goes to the parent, which fails",
    nodes: [group("G", {}, step("1"), step("2")), step("3")],
    scripts: { 1: failing },
    performed: "1",
    end: "failed",
  },
  {
    rule: "and on to the parent's parent, whose rest is skipped",
    nodes: [group("A", coe, group("B", {}, step("1"), step("2")), step("3")), step("4")],
    scripts: { 1: failing },
    performed: "1 4",
  },
  {
    rule: "the innermost group that continues on error is where it goes on",
    nodes: [group("A", coe, group("B", coe, step("1"), step("2")), step("3"))],
    scripts: { 1: failing },
    performed: "1 3",
  },
  {
    rule: "a group behind one that failed may ask for that",
    nodes: [
      group("G", coe, step("1")),
      group("Failed", { condition: when("_SMSTSLastActionSucceeded", "false") }, step("copy")),
    ],
    scripts: { 1: failing },
    performed: "1 copy",
  },
  {
    rule: "skipped steps leave alone what is said of the last action",
    nodes: [
      step("1", coe),
      step("off", off),
      step("no", { condition: when("X", "1") }),
      group("no group", { condition: when("X", "1") }, step("in it")),
      step("elsewhere", { runIn: "FullOS" }),
      step("asked", { condition: when("_SMSTSLastActionRetCode", "5") }),
    ],
    scripts: { 1: { codes: [5] }, asked: { codes: [0] } },
    elsewhere: ["elsewhere"],
    performed: "1 asked",
  },
  { rule: "a disabled step is skipped", nodes: [step("1", off), step("2")], performed: "2" },
  {
    rule: "a disabled group is skipped with all that is in it",
    nodes: [group("G", off, step("1"), group("H", {}, step("2"))), step("3")],
    performed: "3",
  },
  {
    rule: "a disabled step's condition is not asked",
    nodes: [step("1", { ...off, ...wrong }), step("2")],
    performed: "2",
  },
  {
    rule: "a group's false condition skips all of it",
    nodes: [group("G", { condition: when("V", "1") }, step("1")), step("2")],
    performed: "2",
  },
  {
    rule: "a condition is asked when it is reached, and sees what was set before",
    nodes: [
      step("set"),
      step("then", { condition: when("V", "1") }),
      step("else", { condition: when("V", "2") }),
    ],
    scripts: { set: { sets: { V: "1" } } },
    performed: "set then",
  },
  {
    rule: "a condition that cannot be judged is the step's failure",
    nodes: [step("1", wrong), step("2")],
    performed: "",
    end: "failed",
    name: "1",
  },
  {
    rule: "which continue on error ignores",
    nodes: [step("1", { ...wrong, ...coe }), step("2")],
    performed: "2",
  },
  {
    rule: "a group's condition that cannot be judged is the group's failure",
    nodes: [group("G", { ...wrong, ...coe }, step("1")), step("2")],
    performed: "2",
  },
  {
    rule: "codes in the list are success",
    nodes: [step("1", { successCodes: [0, 7] })],
    scripts: { 1: { codes: [7] } },
    performed: "1",
    code: "7",
    succeeded: "true",
  },
  {
    rule: "0 is a failure where the list has no 0",
    nodes: [step("1", { successCodes: [7] })],
    scripts: { 1: { codes: [0] } },
    performed: "1",
    end: "failed",
  },
  {
    rule: "negative codes of the list are the same 32 bits",
    nodes: [step("1", { successCodes: [-2147024894] })],
    scripts: { 1: { codes: [0x80070002] } },
    performed: "1",
    code: "-2147024894",
  },
  {
    rule: "3010 in the list restarts, in a PE into the PE",
    nodes: three,
    variables: { _SMSTSInWinPE: "true" },
    scripts: { 1: { codes: [3010] } },
    performed: "1",
    end: "WinPE",
    succeeded: "true",
    code: "3010",
  },
  {
    rule: "and in the full system into that",
    nodes: three,
    variables: { _SMSTSInWinPE: "false" },
    scripts: { 1: { codes: [3010] } },
    performed: "1",
    end: "HD",
  },
  {
    rule: "3010 not in the list is a failure",
    nodes: [step("1", { successCodes: [0] }), step("2")],
    scripts: { 1: { codes: [3010] } },
    performed: "1",
    end: "failed",
  },
  {
    rule: "SMSTSRebootRequested WinPE",
    nodes: three,
    scripts: { 1: { sets: { SMSTSRebootRequested: "WinPE" } } },
    performed: "1",
    end: "WinPE",
  },
  {
    rule: "SMSTSRebootRequested HD",
    nodes: three,
    scripts: { 2: { sets: { SMSTSRebootRequested: "HD" } } },
    performed: "1 2",
    end: "HD",
  },
  {
    rule: "a restart that was asked for by a step that failed and is ignored",
    nodes: [step("1", coe), step("2")],
    scripts: { 1: { codes: [1], sets: { SMSTSRebootRequested: "HD" } } },
    performed: "1",
    end: "HD",
    succeeded: "false",
  },
  {
    rule: "retryCount is for restarts that nobody asked for: a step that fails is not run again",
    nodes: [step("1", { retryCount: 2 })],
    scripts: { 1: { codes: [1, 0] } },
    performed: "1",
    end: "failed",
  },
  {
    rule: "retryCount: nor is one whose restart was asked for",
    nodes: [step("1", { retryCount: 2 }), step("2")],
    scripts: { 1: { codes: [3010] } },
    performed: "1",
    end: "HD",
  },
  {
    rule: "Run in: a step for another system is skipped",
    nodes: [step("1", { runIn: "FullOS" }), step("2")],
    elsewhere: ["1"],
    performed: "2",
  },
  {
    rule: "Setup Windows fails the sequence, whatever continues on error",
    nodes: [group("G", coe, step("1", { ...coe, type: "SetupWindowsAndSMS" })), step("2")],
    scripts: { 1: failing },
    performed: "1",
    end: "failed",
  },
  { rule: "an empty group is nothing", nodes: [group("G", {}), step("1")], performed: "1" },
];
for (const row of rows) {
  test(`a sequence: ${row.rule}`, async () => {
    const ran = await interpretNodes(row.nodes, row);
    assert.deepEqual(ran.performed, row.performed === "" ? [] : row.performed.split(" "));
    const end = ran.end?.kind === "restart" ? ran.end.target : ran.end?.kind;
    assert.equal(end, row.end ?? "succeeded");
    const said = {
      succeeded: ran.variables.get("_SMSTSLastActionSucceeded"),
      name: ran.variables.get("_SMSTSLastActionName"),
      code: ran.variables.get("_SMSTSLastActionRetCode"),
    };
    for (const key of ["succeeded", "name", "code"] as const) if (row[key]) assert.equal(said[key], row[key]);
  });
}
