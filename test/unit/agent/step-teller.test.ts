/** What the site hears of a sequence's steps: one at a time, the latest next, and nothing that holds the steps up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StepTeller } from "../../../agent/report/step-teller.ts";
import type { RunningStep } from "../../../contract/report.ts";

const step = (number: number): RunningStep => ({ number, total: 9, name: `step ${number}` });
/** Everything that waits for no event has run. */
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("while one is told, only the latest of the others waits", async () => {
  const told: number[] = [];
  let answer = (): void => {};
  const teller = new StepTeller(async ({ number }) => {
    told.push(number);
    await new Promise<void>((resolve) => (answer = resolve));
  });
  for (const number of [1, 2, 3]) teller.offer(step(number));
  await settle();
  assert.deepEqual(told, [1]);
  answer();
  await settle();
  assert.deepEqual(told, [1, 3]);
  answer();
  await settle();
  teller.offer(step(4));
  assert.deepEqual(told, [1, 3, 4]);
});

test("a site that is away hears of the next step", async () => {
  const told: number[] = [];
  const teller = new StepTeller(async ({ number }) => {
    told.push(number);
    throw new Error("away");
  });
  teller.offer(step(1));
  await settle();
  teller.offer(step(2));
  await settle();
  assert.deepEqual(told, [1, 2]);
});
