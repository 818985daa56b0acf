/** Restarts, deaths, children, depth, and what a run says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { flatten } from "../../../../agent/sequence/instructions.ts";
import type { RunState } from "../../../../agent/sequence/run-state.ts";
import type { SequenceNode } from "../../../../agent/sequence/tree.ts";
import { interpretNodes, type Script } from "../../../fixtures/interpreter-run.ts";
import { child, group, sequence, step, when } from "../../../fixtures/sequences.ts";

const coe = { continueOnError: true };
const off = { disabled: true };
const failing: Script = { codes: [1] };
const three = [step("1"), step("2"), step("3")];

test("after a restart the run goes on behind the step, in the same groups", async () => {
  const nodes = [group("G", {}, step("1"), step("2")), step("3")];
  const first = await interpretNodes(nodes, { scripts: { 1: { codes: [3010] } } });
  const state = JSON.parse(JSON.stringify(first.state)) as RunState;
  const second = await interpretNodes(nodes, { state });
  assert.deepEqual(second.performed, ["2", "3"]);
  assert.equal(second.end?.kind, "succeeded");
  assert.deepEqual(
    second.state.outcomes.map(({ exitCode }) => exitCode),
    [3010, 0, 0],
  );
  assert.ok(second.lines.includes("The group (G) has been successfully completed"));
});

test("a machine that came back to the PE instead of its disk is restarted again, and after three times that is a failure", async () => {
  const nodes = [step("1"), step("2")];
  const inPe = { _SMSTSInWinPE: "true" };
  const sets = { SMSTSRebootRequested: "HD" };
  let ran = await interpretNodes(nodes, { variables: inPe, scripts: { 1: { sets } } });
  const again = (variables: Record<string, string>): Promise<typeof ran> =>
    interpretNodes(nodes, { variables, state: JSON.parse(JSON.stringify(ran.state)) as RunState });
  const arrived = await again({ _SMSTSInWinPE: "false" });
  assert.deepEqual([arrived.performed, arrived.end?.kind], [["2"], "succeeded"]);
  for (let restart = 2; restart <= 3; restart += 1) {
    ran = await again(inPe);
    assert.deepEqual([ran.performed, ran.end], [[], { kind: "restart", target: "HD" }]);
  }
  ran = await again(inPe);
  assert.deepEqual([ran.performed, ran.end?.kind], [[], "failed"]);
  assert.match(ran.end?.kind === "failed" ? ran.end.result.text : "", /3 times and did not come to its inst/);
});

test("SMSTSRetryRequested with SMSTSRebootRequested runs the same step again after the restart, once", async () => {
  const nodes = [step("1"), step("2")];
  const sets = { SMSTSRebootRequested: "HD", SMSTSRetryRequested: "true" };
  const first = await interpretNodes(nodes, { scripts: { 1: { sets } } });
  assert.equal(first.end?.kind, "restart");
  assert.equal(first.variables.get("SMSTSRetryRequested"), "");
  const second = await interpretNodes(nodes, { state: first.state });
  assert.deepEqual(second.performed, ["1", "2"]);
});

test("SMSTSRetryRequested alone means nothing, as documented", async () => {
  const ran = await interpretNodes(three, { scripts: { 1: { sets: { SMSTSRetryRequested: "true" } } } });
  assert.deepEqual(ran.performed, ["1", "2", "3"]);
});

test("a step that died is run again, unless it must not be: then it fails with a code that says so", async () => {
  const nodes = [step("1"), step("2")];
  const dead = await interpretNodes(nodes, { scripts: { 1: { dies: true } } });
  assert.equal(dead.end, null);
  const again = await interpretNodes(nodes, { state: structuredClone(dead.state) });
  assert.deepEqual(again.performed, ["1", "2"]);
  const refused = await interpretNodes(nodes, { state: structuredClone(dead.state), notRepeatable: ["1"] });
  assert.deepEqual(refused.performed, []);
  assert.ok(refused.end?.kind === "failed");
  assert.equal(refused.end.result.exitCode, 0x800703e3);
  const ignored = await interpretNodes([step("1", coe), step("2")], {
    state: structuredClone(dead.state),
    notRepeatable: ["1"],
  });
  assert.deepEqual(ignored.performed, ["2"]);
});

interface RetryRow {
  rule: string;
  retryCount: number;
  /** How often the computer restarts while the step runs. */
  restarts: number;
  /** How often the step was begun in all. */
  begun: number;
  end: "succeeded" | "failed";
  notRepeatable?: string[];
}
const retryRows: RetryRow[] = [
  { rule: "two retries, no restart", retryCount: 2, restarts: 0, begun: 1, end: "succeeded" },
  { rule: "two retries, two restarts", retryCount: 2, restarts: 2, begun: 3, end: "succeeded" },
  { rule: "two retries, and no more", retryCount: 2, restarts: 3, begun: 3, end: "failed" },
  { rule: "from one …", retryCount: 1, restarts: 2, begun: 2, end: "failed" },
  { rule: "… to five retries", retryCount: 5, restarts: 5, begun: 6, end: "succeeded" },
  { rule: "without the setting the run goes on", retryCount: 0, restarts: 7, begun: 8, end: "succeeded" },
  { rule: "never twice", retryCount: 2, restarts: 1, begun: 1, end: "failed", notRepeatable: ["1"] },
];
for (const { begun, end, notRepeatable = [], restarts, retryCount, rule } of retryRows) {
  test(`"Retry this step if computer unexpectedly restarts" (retryCount): ${rule}`, async () => {
    const nodes = [step("1", { retryCount }), step("2")];
    let state: RunState | undefined;
    const performed: string[] = [];
    for (let restart = 1; restart <= restarts; restart += 1) {
      const ran = await interpretNodes(nodes, {
        scripts: { 1: { dies: true } },
        ...(state !== undefined && { state }),
        notRepeatable,
      });
      performed.push(...ran.performed);
      state = JSON.parse(JSON.stringify(ran.state)) as RunState;
    }
    const last = await interpretNodes(nodes, { ...(state !== undefined && { state }), notRepeatable });
    performed.push(...last.performed);
    assert.equal(performed.filter((name) => name === "1").length, begun);
    const ended = last.end?.kind ?? state?.ended;
    assert.equal(ended, end);
    if (restarts > 0 && retryCount > 0 && end === "succeeded") {
      const words = `The step "1" was interrupted and is run again: ${restarts} of ${retryCount}`;
      assert.ok(last.lines.includes(words), last.lines.join("\n"));
    }
  });
}

test("restarts that a step asks for do not use up its retries", async () => {
  const nodes = [step("1", { retryCount: 1 })];
  const asks = { 1: { sets: { SMSTSRebootRequested: "HD", SMSTSRetryRequested: "true" } } };
  let state: RunState | undefined;
  for (let count = 0; count < 3; count += 1) {
    const ran = await interpretNodes(nodes, { scripts: asks, ...(state !== undefined && { state }) });
    assert.equal(ran.end?.kind, "restart");
    ({ state } = ran);
  }
  const dead = await interpretNodes(nodes, {
    scripts: { 1: { dies: true } },
    ...(state !== undefined && { state }),
  });
  const again = await interpretNodes(nodes, { state: dead.state });
  assert.deepEqual([again.performed, again.end?.kind], [["1"], "succeeded"]);
});

test("a child sequence runs in its place with the same variables, and its failure is its parent's to ignore", async () => {
  const inner = sequence(step("a", { condition: when("V", "1") }), step("b"), step("c"));
  inner.globalVariables = [{ name: "G", property: "G", value: "child", hidden: false, line: 1 }];
  const nodes = [step("set"), child("ABC00001", coe), step("end")];
  const scripts = { set: { sets: { V: "1" } }, b: failing };
  const ran = await interpretNodes(nodes, { children: { ABC00001: inner }, scripts });
  assert.deepEqual(ran.performed, ["set", "a", "b", "end"]);
  const program = flatten(sequence(...nodes), () => inner);
  assert.deepEqual(program.globals, [{ name: "G", value: "child" }]);
  assert.equal(program.steps, 5);
});

test("a child that is not there or contains itself is an error before anything runs; a disabled one is not looked for", () => {
  const nodes = sequence(child("A"));
  assert.throws(() => flatten(nodes, () => null), { code: "E_NOT_FOUND", message: /line 1/ });
  assert.throws(() => flatten(nodes, () => nodes), { code: "E_CONFLICT" });
  assert.equal(flatten(sequence(child("A", off)), () => null).instructions.length, 1);
});

test("steps count without groups, references to children and what is disabled", () => {
  const program = flatten(
    sequence(group("G", {}, step("1"), step("2", off)), group("H", off, step("3")), step("4")),
    () => null,
  );
  assert.equal(program.steps, 2);
  const numbers = program.instructions.map((one) => (one.kind === "step" ? one.number : null));
  assert.deepEqual(numbers, [null, 1, 0, null, 0, 2]);
});

test("twenty thousand nested groups, all the way in and all the way out of a failure", async () => {
  const depth = 20_000;
  let node: SequenceNode = step("deep");
  for (let level = 0; level < depth; level += 1) node = group(`G${level}`, {}, node);
  const whole = group("outermost", coe, node);
  const ran = await interpretNodes([whole, step("after")], { scripts: { deep: failing } });
  assert.deepEqual(ran.performed, ["deep", "after"]);
  const fine = await interpretNodes([whole]);
  assert.equal(fine.end?.kind, "succeeded");
  assert.equal(fine.lines.filter((line) => line.includes("successfully completed")).length, depth + 1);
});

test("the hash follows what runs, and not lines and descriptions", () => {
  const hashOf = (...nodes: SequenceNode[]): string => flatten(sequence(...nodes), () => null).hash;
  const plain = hashOf(group("G", {}, step("1")), step("2"));
  assert.equal(hashOf(group("G", { line: 9 }, step("1", { description: "new" })), step("2")), plain);
  for (const [what, changed] of [
    ["a name", hashOf(group("G", {}, step("x")), step("2"))],
    ["nesting", hashOf(group("G", {}, step("1"), step("2")))],
    ["order", hashOf(step("2"), group("G", {}, step("1")))],
    ["a flag", hashOf(group("G", coe, step("1")), step("2"))],
    ["a condition", hashOf(group("G", {}, step("1", { condition: when("A", "1") })), step("2"))],
  ] as const) {
    assert.notEqual(changed, plain, what);
  }
});

test("the log has the lines that tools look for, and the site hears of every step and group", async () => {
  const ran = await interpretNodes(
    [
      group("G", coe, step("1"), step("2")),
      group("off", off, step("x")),
      step("no", { condition: when("A", "1") }),
    ],
    { scripts: { 2: { codes: [0x80070002] } } },
  );
  assert.deepEqual(ran.lines, [
    "Start executing an instruction. Instruction name: 'G'.  Pointer: 0. Type: ''. Disabled: 0",
    "The group (G) has been successfully started",
    "Start executing an instruction. Instruction name: '1'.  Pointer: 1. Type: 'SMS_TaskSequence_RunCommandLineAction'. Disabled: 0",
    "Successfully completed the action (1) with the exit win32 code 0",
    "Set a global environment variable _SMSTSLastActionName=1",
    "Set a global environment variable _SMSTSLastActionRetCode=0",
    "Set a global environment variable _SMSTSLastActionSucceeded=true",
    "Start executing an instruction. Instruction name: '2'.  Pointer: 2. Type: 'SMS_TaskSequence_RunCommandLineAction'. Disabled: 0",
    "Failed to run the action: 2.\r\nThe system cannot find the file specified. (Error: 80070002; Source: Windows)",
    "Let the parent group (G) decides whether to continue execution",
    "Set a global environment variable _SMSTSLastActionName=2",
    "Set a global environment variable _SMSTSLastActionRetCode=-2147024894",
    "Set a global environment variable _SMSTSLastActionSucceeded=false",
    "The group (G) ignored the failure of the action (2)",
    "Start executing an instruction. Instruction name: 'off'.  Pointer: 3. Type: ''. Disabled: 1",
    "Skip the disabled group (off)",
    "Start executing an instruction. Instruction name: 'no'.  Pointer: 5. Type: 'SMS_TaskSequence_RunCommandLineAction'. Disabled: 0",
    "The condition for the action (no) is evaluated to be false. Skip the action",
  ]);
  assert.deepEqual(
    ran.statuses.map(({ action, exitCode, group: inside, messageId }) => [
      messageId,
      inside,
      action,
      exitCode,
    ]),
    [
      [11124, "", "G", 0],
      [11134, "G", "1", 0],
      [11135, "G", "2", 0x80070002],
      [11138, "G", "2", 0x80070002],
      [11138, "", "G", 0x80070002],
      [11129, "", "off", 0],
      [11130, "", "no", 0],
    ],
  );
  assert.equal(ran.statuses[1]?.output, "printed");
});

test("the site hears how each group ended that a failure went through", async () => {
  const told = async (...steps: Parameters<typeof interpretNodes>[0]): Promise<unknown[]> => {
    const { statuses } = await interpretNodes(steps, { scripts: { 2: { codes: [5] } } });
    return statuses.map(({ action, exitCode, messageId }) => [messageId, action, exitCode]);
  };
  const inner = group("inner", {}, step("2"));
  assert.deepEqual(await told(group("outer", coe, inner)), [
    [11124, "outer", 0],
    [11124, "inner", 0],
    [11135, "2", 5],
    [11135, "inner", 5],
    [11138, "2", 5],
    [11138, "outer", 5],
  ]);
  assert.deepEqual(await told(group("outer", {}, inner)), [
    [11124, "outer", 0],
    [11124, "inner", 0],
    [11135, "2", 5],
    [11135, "inner", 5],
    [11135, "outer", 5],
  ]);
  // Whatever continues on error around it.
  assert.deepEqual(await told(group("outer", coe, step("2", { type: "SetupWindowsAndSMS" }))), [
    [11124, "outer", 0],
    [11135, "2", 5],
    [11135, "outer", 5],
  ]);
});

test("a step that was left out by its own setting says why before its success, and the sequence goes on", async () => {
  const scripts = { 1: { reservation: "skippedWithoutTpm" as const } };
  const ran = await interpretNodes([step("1"), step("2")], { scripts });
  assert.deepEqual(ran.performed, ["1", "2"]);
  assert.deepEqual(
    ran.statuses.map(({ action, messageId }) => [messageId, action]),
    [
      [11912, "1"],
      [11134, "1"],
      [11134, "2"],
    ],
  );
});

test("a failure at the end of everything says so as Configuration Manager does", async () => {
  const ran = await interpretNodes([group("G", {}, step("1"))], { scripts: { 1: failing } });
  assert.deepEqual(ran.lines.slice(-2), [
    "Failed to run the last action: 1. Execution of task sequence failed.\r\nIncorrect function. (Error: 00000001; Source: Windows)",
    "Task Sequence Engine failed! Code: enExecutionFail",
  ]);
  assert.ok(
    ran.lines.includes(
      "The execution of the group (G) has failed and the execution has been aborted. An action failed.",
    ),
  );
});
