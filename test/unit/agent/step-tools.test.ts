/** Programs of steps: what they print and end with, and that nothing of them survives a time limit. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { endProcessTree } from "../../../agent/platform/linux/process-tree.ts";
import {
  markVariable,
  runStepTool,
  type StepToolResult,
  type StepToolRun,
  type StepToolsOptions,
} from "../../../agent/platform/step-tools.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { waitFor } from "../../fixtures/program.ts";

const shell = (script: string, run: Partial<StepToolRun> = {}, options: Partial<StepToolsOptions> = {}) =>
  runStepTool(
    { command: ["/bin/sh", "-c", script], ...run },
    {
      environment: { PATH: process.env["PATH"], BASE: "base" },
      mark: randomUUID(),
      outputCharacters: 100,
      timeLeftMs: () => Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
      endTree: endProcessTree,
      ...options,
    },
  );

const rows: [what: string, script: string, result: Partial<StepToolResult>, run?: Partial<StepToolRun>][] = [
  [
    "status and both outputs",
    "echo out; sleep 0.05; echo err >&2; exit 3",
    { exitCode: 3, output: "out\nerr\n" },
  ],
  ["a signal is 128 and its number", "kill -TERM $$", { exitCode: 143 }],
  ["input", "cat", { output: "given" }, { input: "given" }],
  [
    "its environment over the base",
    'echo "$BASE $OWN"',
    { output: "base own\n" },
    { environment: { OWN: "own" } },
  ],
  ["the working folder", "pwd", { output: "/\n" }, { workingFolder: "/" }],
  [
    "the last of the output",
    "head -c 5000 /dev/zero | tr '\\0' x; echo end",
    { output: `${"x".repeat(96)}end\n` },
  ],
  ["input that nobody reads", "exit 0", { exitCode: 0 }, { input: "x".repeat(1_000_000) }],
];
for (const [what, script, result, run] of rows) {
  test(`a program of a step: ${what}`, async () => {
    const found = await shell(script, run);
    assert.deepEqual({ ...found, ...result }, found);
    assert.equal(found.timedOut, false);
  });
}

test("a program that is not there, and a folder that is not there", async () => {
  await assert.rejects(shell("", { command: ["/nowhere/program"] }), { code: "E_TOOL_MISSING" });
  await assert.rejects(shell("", { command: [] }), { code: "E_TOOL_MISSING" });
  await assert.rejects(shell("true", { workingFolder: "/nowhere" }), { code: "E_NOT_FOUND" });
});

test("a child that a program leaves behind does not hold up the step, and lives", async (context) => {
  const mark = randomUUID();
  context.after(() => endProcessTree(null, mark));
  const started = Date.now();
  const { exitCode, output } = await shell("sleep 30 & echo started", {}, { mark });
  assert.deepEqual([exitCode, output], [0, "started\n"]);
  assert.ok(Date.now() - started < 20_000);
  // A program that is just being put in another's place shows no environment.
  await waitFor(() => processesWith(mark) === 1, { what: "child that lives" });
});

/** Children of the same group, in sessions of their own, orphans, and those that hide from the mark. */
const families: [what: string, script: string][] = [
  ["its own children", "sleep 61 & sleep 61"],
  [
    "children in sessions of their own",
    "setsid sleep 61 & setsid sh -c 'setsid sleep 61 & sleep 61' & sleep 61",
  ],
  ["orphans", "(setsid sh -c '(setsid sleep 61 &) ; sleep 61' &) ; sleep 61"],
  ["children without the environment", "env -i /bin/sh -c '/bin/sleep 61 & /bin/sleep 61' & sleep 61"],
  ["programs that ignore signals", "trap '' TERM INT HUP; sleep 61; sleep 61"],
  ["programs that start others again and again", "while :; do setsid sleep 61 & sleep 0.01; done"],
];
for (const [what, script] of families) {
  test(`a time limit ends ${what}`, async (context) => {
    const path = join(testFolder(context), "pids");
    const mark = randomUUID();
    const before = sleepers();
    const result = await shell(`echo $$ > ${path}; ${script}`, { timeoutMs: 2000 }, { mark });
    assert.equal(result.timedOut, true);
    assert.ok(existsSync(path), "the program did not even begin");
    assert.equal(processesWith(mark), 0);
    assert.equal(sleepers(), before);
  });
}

test("the step's time counts before the program's own", async () => {
  const result = await shell("sleep 20", { timeoutMs: 20_000 }, { timeLeftMs: () => 100 });
  assert.equal(result.timedOut, true);
});

test("a cancellation ends the tree, too", async () => {
  const mark = randomUUID();
  const stop = new AbortController();
  const running = shell("setsid sleep 61 & sleep 61", {}, { mark, signal: stop.signal });
  await delay(200);
  stop.abort();
  await assert.rejects(running, { code: "E_CANCELLED" });
  assert.equal(processesWith(mark), 0);
  await assert.rejects(shell("true", {}, { signal: stop.signal }), { code: "E_CANCELLED" });
});

test("what a killed agent left running is found by its mark", async () => {
  const mark = randomUUID();
  await shell("setsid sleep 61 > /dev/null 2>&1 &", {}, { mark });
  await waitFor(() => processesWith(mark) === 1, { what: "program that is left running" });
  assert.equal(await endProcessTree(null, mark), 0);
  assert.equal(processesWith(mark), 0);
});

function processesWith(mark: string): number {
  return allProcesses().filter(({ environment }) => environment.includes(`${markVariable}=${mark}`)).length;
}
function sleepers(): number {
  return allProcesses().filter(({ command }) => /sleep\0(61)\0$/.test(command)).length;
}
function allProcesses(): { command: string; environment: string[] }[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return "";
    }
  };
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.map((id) => ({
    command: read(`/proc/${id}/cmdline`),
    environment: read(`/proc/${id}/environ`).split("\0"),
  }));
}
