/**
 * A long sequence of cheap steps, in a process that a test kills: `node long-run.js FOLDER`. What it did is in the
 * folder: a line for each step in "lines", one in "once-N" for each time a non-repeatable step ran, and at the end its
 * variables and outcomes in "result.json".
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endProcessTree } from "../../../../agent/platform/linux/process-tree.ts";
import { runStepTool } from "../../../../agent/platform/step-tools.ts";
import { folderStore, type CheckpointStore } from "../../../../agent/sequence/checkpoint.ts";
import type { ConditionWorld } from "../../../../agent/sequence/conditions/evaluate.ts";
import type { SequenceEnvironment, StepEnvironment } from "../../../../agent/sequence/environment.ts";
import { flatten, type StepInstruction } from "../../../../agent/sequence/instructions.ts";
import type { StepResult } from "../../../../agent/sequence/narrator.ts";
import { runSequence } from "../../../../agent/sequence/run.ts";
import type { SequenceNode } from "../../../../agent/sequence/tree.ts";
import { openStateFolder, writeWhole } from "../../../../agent/state-folder.ts";
import { group, sequence, step, when } from "../../../fixtures/sequences.ts";
import { sequenceFacts } from "../../../fixtures/sequence-facts.ts";

const folder = process.argv[2] ?? "";
const resultFile = join(folder, "result.json");
const rounds = 40;

/** Each round: count, append a line, do something once, fail inside a group, and restart now and then. */
function round(index: number): SequenceNode {
  const last = { condition: when("_SMSTSLastActionSucceeded", "false") };
  return group(
    `Round ${index}`,
    {},
    step("count", { type: "Count" }),
    step(`line ${index}`, { type: "Line" }),
    step(`once ${index}`, { type: "Once", continueOnError: true }),
    group(
      "tries",
      { continueOnError: true },
      step("fails", { type: "Fail" }),
      step("never", { type: "Count" }),
    ),
    group("after it", last, step("count the failure", { type: "Count" })),
  );
}
const program = flatten(sequence(...Array.from({ length: rounds }, (_, index) => round(index))), () => null);

async function perform(
  { node }: StepInstruction,
  variables: StepEnvironment,
  mark: string,
): Promise<StepResult> {
  const done = { exitCode: 0, text: "", output: "" };
  switch (node.type) {
    case "Count":
      variables.set("Counter", String(Number(variables.get("Counter")) + 1));
      variables.set("Secret", `secret value ${variables.get("Counter")}`, { hidden: true });
      return done;
    case "Line": {
      const script = `grep -qx "${node.name}" lines || { sleep 0.01; echo "${node.name}" >> lines; }`;
      await runStepTool(
        { command: ["/bin/sh", "-c", script], workingFolder: folder },
        {
          environment: { PATH: process.env["PATH"] },
          mark,
          outputCharacters: 1000,
          timeLeftMs: () => 60_000,
          signal: new AbortController().signal,
          endTree: endProcessTree,
        },
      );
      return done;
    }
    case "Once":
      appendFileSync(join(folder, node.name.replace(" ", "-")), "ran\n");
      await delay(3);
      return done;
    default:
      return { exitCode: 5, text: "", output: "" };
  }
}

function flushFolder(path: string): void {
  const descriptor = openSync(path, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

const state = openStateFolder(join(folder, "state"), flushFolder);
const kept = folderStore(state);
let environment: SequenceEnvironment | null = null;
let outcomes: unknown = null;
/** The end is written before the checkpoint goes, so that a kill between them does not begin everything anew. */
const store: CheckpointStore = {
  load: () => kept.load(),
  async save(checkpoint) {
    ({ outcomes } = (checkpoint as { state: { outcomes: unknown } }).state);
    await kept.save(checkpoint);
  },
  async remove() {
    writeWhole(resultFile, JSON.stringify({ variables: environment?.snapshot(), outcomes }));
    await kept.remove();
  },
};

if (!existsSync(resultFile)) {
  const quiet = (): void => {};
  await runSequence({
    program,
    facts: sequenceFacts(),
    layers: {},
    processVariables: {},
    stores: [store],
    secretKey: { key: async () => readFileSync(join(folder, "key")) },
    onHidden: quiet,
    world: (variables) => ({ variables }) as unknown as ConditionWorld,
    onEnvironment: (found) => (environment = found),
    perform,
    isRepeatable: ({ node }) => node.type !== "Once",
    runsHere: () => true,
    endLeft: (mark) => endProcessTree(null, mark),
    rest: async () => {},
    status: quiet,
    log: { detail: quiet, warning: quiet, error: quiet },
  });
}
