/** The plan, the debugger, the screen and the places of the log: what a person has of a sequence. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { openConsoleLines } from "../../../../agent/console-lines.ts";
import { logFolder, type LogPhase } from "../../../../agent/report/log-places.ts";
import { openScreen } from "../../../../agent/report/open-screen.ts";
import { infoLevelOf, sequenceLine, type SequenceView } from "../../../../agent/report/sequence-view.ts";
import type { ConditionWorld } from "../../../../agent/sequence/conditions/evaluate.ts";
import { openDebugger } from "../../../../agent/sequence/debugger.ts";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import { flatten } from "../../../../agent/sequence/instructions.ts";
import { planLines, planSequence } from "../../../../agent/sequence/plan.ts";
import { errorDialogSeconds, failureLines, holdError } from "../../../../agent/running/sequence-end.ts";
import { interpretNodes } from "../../../fixtures/interpreter-run.ts";
import { group, sequence, step, when } from "../../../fixtures/sequences.ts";

const off = { disabled: true };
const nodes = [
  group("Install", {}, step("First"), step("Off", off), step("Conditional", { condition: when("A", "1") })),
  group("Later", { condition: when("A", "1") }, step("Inside")),
  step("Odd", { condition: { line: 1, kind: "unknown", type: "X_Y" } }),
  step("Elsewhere", { runIn: "FullOS" }),
  step("Unknown", { type: null }),
];
const program = flatten(sequence(...nodes), () => null);

function environment(values: Record<string, string>): SequenceEnvironment {
  const variables = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
  for (const [name, value] of Object.entries(values)) {
    variables.set(name, value, { hidden: name === "Secret" });
  }
  return variables;
}

async function plan(values: Record<string, string>): Promise<string[]> {
  const planned = await planSequence(program, {
    world: { variables: environment(values) } as unknown as ConditionWorld,
    runsHere: ({ node }) => node.runIn !== "FullOS",
    unsupported: ({ node }) => (node.type === null ? "Nobody knows it" : null),
  });
  return planLines(program, planned).map((line) => line.replace("  RunCommandLineAction", ""));
}

test("a plan shows what would run now, what would not and why, and what cannot be judged", async () => {
  assert.deepEqual(await plan({}), [
    "0  [Install]",
    "1    First (1 of 6)",
    "2    Off  - skipped: disabled",
    "3    Conditional (2 of 6)  - skipped: its condition does not hold",
    "4  [Later]  - skipped: its condition does not hold",
    "5    Inside (3 of 6)  - skipped: its group is skipped",
    "6  Odd (4 of 6)  - Its condition cannot be judged: Nobody knows what a condition of type X_Y means",
    "7  Elsewhere (5 of 6)  - skipped: it is for FullOS",
    "8  Unknown (6 of 6)  - Nobody knows it",
  ]);
  assert.deepEqual((await plan({ A: "1" })).slice(3, 6), [
    "3    Conditional (2 of 6)",
    "4  [Later]",
    "5    Inside (3 of 6)",
  ]);
});

/** Runs three steps in the debugger with those lines; answers what was performed and written. */
async function debug(
  lines: string[],
  options: { breaks?: string[]; stepping?: boolean; fails?: number[]; onError?: boolean } = {},
) {
  const steps = [group("G", {}, step("1"), step("2")), step("3", { continueOnError: true })];
  const written: string[] = [];
  const variables = environment({ Plain: "seen", Secret: "not seen" });
  const inspector = openDebugger({
    program: flatten(sequence(...steps), () => null),
    breaks: options.breaks ?? [],
    stepping: options.stepping ?? false,
    console: { write: (text) => void written.push(text), ask: async () => lines.shift() ?? null },
  });
  const ran = await interpretNodes(steps, {
    scripts: { "2": { codes: options.fails ?? [0] }, "3": { codes: [5] } },
    async pause(instruction, _state, failure) {
      if (failure === null) return inspector.pause(instruction, variables);
      return options.onError === true
        ? inspector.pauseAtFailure(instruction, variables, failure)
        : { kind: "go" };
    },
  });
  return { performed: ran.performed.join(" "), written: written.join(""), end: ran.end?.kind ?? "stopped" };
}

const sessions: [what: string, lines: string[], options: object, performed: string, end: string][] = [
  ["step by step", ["step", "step", "", "step"], { stepping: true }, "1 2 3", "succeeded"],
  ["run from the first", ["run"], { stepping: true }, "1 2 3", "succeeded"],
  ["run to a break by name", ["quit"], { breaks: ["2"] }, "1", "stopped"],
  ["a break set and taken away", ["break 3", "break 3", "run"], { stepping: true }, "1 2 3", "succeeded"],
  ["set-current forwards stops there", ["set-current 3", "run"], { stepping: true }, "3", "succeeded"],
  ["set-current backwards", ["set-current 1", "run", "quit"], { breaks: ["2"] }, "1 1", "stopped"],
  ["nobody there any more", [], { stepping: true }, "", "stopped"],
  [
    "what it does not understand changes nothing",
    ["dance", "break 99", "run"],
    { stepping: true },
    "1 2 3",
    "succeeded",
  ],
];
const onError = { onError: true, fails: [2, 2, 0] };
sessions.push(
  ["TSDebugOnError: the failure takes its course", ["run"], onError, "1 2", "failed"],
  [
    "TSDebugOnError: the same step again until it works",
    ["set-current 2", "step", "set-current 2", "run"],
    { ...onError, breaks: [] },
    "1 2 2 2 3",
    "succeeded",
  ],
  ["TSDebugOnError: on behind it", ["set-current 3", "run"], onError, "1 2 3", "succeeded"],
  ["TSDebugOnError: quit", ["variables", "quit"], onError, "1 2", "stopped"],
  ["TSDebugOnError: nobody there", [], onError, "1 2", "failed"],
  ["without it nobody is asked", ["quit"], { fails: [2] }, "1 2", "failed"],
);
for (const [what, lines, options, performed, end] of sessions) {
  test(`the debugger: ${what}`, async () => {
    const found = await debug([...lines], options);
    assert.deepEqual([found.performed, found.end], [performed, end]);
  });
}

test("the debugger shows variables, and hidden ones without their value", async () => {
  const { written } = await debug(["variables", "run"], { stepping: true });
  assert.match(written, /Plain = seen/);
  assert.match(written, /Secret = \(hidden\)/);
  await assert.rejects(debug([], { breaks: ["nothing"] }), { code: "E_USAGE" });
});

test("lines of a pipe come one after another, also when they came at once", async () => {
  const input = new PassThrough();
  const lines = openConsoleLines(input);
  const { signal } = new AbortController();
  input.end("one\ntwo\n");
  assert.deepEqual(
    [await lines.next(signal), await lines.next(signal), await lines.next(signal)],
    ["one", "two", null],
  );
  const stop = new AbortController();
  const waiting = openConsoleLines(new PassThrough()).next(stop.signal);
  stop.abort();
  await assert.rejects(waiting, { code: "E_CANCELLED" });
});

const view: SequenceView = {
  title: "Deploy",
  step: "Install\nSoftware",
  number: 3,
  total: 4,
  fraction: 0.5,
  doing: "copying",
  infoLevel: 1,
};

test("TSProgressInfoLevel: the count, the count and per cent, per cent alone", () => {
  const text = (level: string): string => sequenceLine({ ...view, infoLevel: infoLevelOf(level) });
  for (const level of ["", "1", "7"]) assert.match(text(level), /^3 of 4 {2}Install/);
  assert.match(text("2"), /^3 of 4 \(62 % complete\) {2}Install/);
  assert.match(text("3"), /^62 % complete {2}Install/);
});

test("a terminal shows the step, n of m, a bar for the whole and one for the step, drawn over themselves", () => {
  let out = "";
  const screen = openScreen({ write: (text) => (out += text), isTTY: true, columns: 80 });
  screen.sequence(view);
  const [whole, own] = out.split("\n");
  assert.match(whole ?? "", /^ █{16}░{10} 3 of 4 {2}Install Software$/);
  assert.match(own ?? "", /^ █{13}░{13} {2}50 % {2}copying$/);
  screen.sequence({ ...view, doing: "" });
  assert.ok(out.includes("\x1b[2A"));
  assert.match(out, / {2}50 % {2}Deploy/);
});

test("what is no terminal gets a line for each step, and not for each per cent", () => {
  let out = "";
  let now = 0;
  const screen = openScreen({ write: (text) => (out += text) }, { fullWith: null, now: () => now });
  screen.sequence(view);
  screen.sequence({ ...view, fraction: 0.6 });
  screen.sequence({ ...view, number: 4 });
  now = 10_000;
  screen.sequence({ ...view, number: 4, fraction: 0.9 });
  assert.deepEqual(out.match(/\d of 4/g), ["3 of 4", "4 of 4", "4 of 4"]);
});

test("a failure shows code, meaning and remedy; the error stands as long as documented", async () => {
  const result = { exitCode: 0x80070002, text: "no such file", output: "" };
  assert.deepEqual(failureLines({ kind: "failed", action: "Copy", result }), [
    "Task sequence failed at: Copy",
    "  Code 0x80070002 (2147942402): The system cannot find the file specified.",
    "  no such file",
    "  What to do: Check the path, and that the content was distributed.",
  ]);
  assert.deepEqual(["", "30", "x", "0", "999999999"].map(errorDialogSeconds), [900, 30, 900, 0, 86_400]);
  const { signal } = new AbortController();
  const started = Date.now();
  await holdError(1, openConsoleLines(new PassThrough()), signal);
  assert.ok(Date.now() - started >= 900);
  const enter = new PassThrough();
  enter.write("\n");
  await holdError(900, openConsoleLines(enter), signal);
});

const phase: LogPhase = {
  system: "winpe",
  stateFolder: "/state",
  dataDrive: null,
};
const places: [what: string, phase: Partial<LogPhase>, folder: string][] = [
  ["Windows PE before the disk is formatted", {}, "X:\\Windows\\temp\\smstslog"],
  ["Windows PE after it is", { dataDrive: "C:" }, "C:\\_SMSTaskSequence\\Logs\\smstslog"],
  ["the full system", { system: "windows" }, "C:\\_SMSTaskSequence\\Logs\\smstslog"],
  ["Linux", { system: "linuxpe" }, "/state/logs"],
];
for (const [what, changes, folder] of places) {
  test(`smsts.log is in its place: ${what}`, () => {
    assert.equal(logFolder({ ...phase, ...changes }), folder);
  });
}
