/** Status messages: each with its number, found by every filter, exported whole, and kept no longer than is said. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { limits } from "../../../../contract/limits.ts";
import type { Report } from "../../../../contract/report.ts";
import { StatusQuery } from "../../../../contract/status-messages.ts";
import type { Store } from "../../../../site/store/store.ts";
import { everyStore } from "../../../fixtures/every-store.ts";
import { machineFacts } from "../../../fixtures/records.ts";

let store: Store;
const test = everyStore((one) => {
  store = one;
});

const steps = [
  11_124, 11_127, 11_128, 11_134, 11_135, 11_138, 11_140, 11_141, 11_142, 11_143, 11_911, 11_912,
];
const error = { code: "E_DEVICE_WRITE" as const, detail: "sda", remedy: "replace" };

function reportsOf(deploymentId: string): Report[] {
  const common = () => ({ id: randomUUID(), deploymentId, time: "2026-11-22T08:00:00.000Z" });
  const plan = { device: "/dev/sda", sizeBytes: 1, model: "Disk", serial: "S1", lost: [] };
  const status = { messageName: "m", step: 3, group: "g", action: "a", exitCode: 5, output: "=out" };
  return [
    { ...common(), kind: "planned", plan },
    { ...common(), kind: "started", resume: false },
    { ...common(), kind: "started", resume: true },
    { ...common(), kind: "notice", text: "joining again" },
    ...steps.map((messageId) => ({
      ...common(),
      kind: "step-status" as const,
      status: { ...status, messageId },
    })),
    { ...common(), kind: "succeeded", outcome: null },
    { ...common(), kind: "failed", error },
  ];
}
const list = (query: Record<string, unknown>) => store.statusMessages.list(StatusQuery.parse(query));

test("messages are found by machine, deployment, time, severity and number", async () => {
  const [one, other] = [
    await store.machines.enrol(machineFacts("status one"), "k1"),
    await store.machines.enrol(machineFacts("status other"), "k2"),
  ];
  const [first, second] = [randomUUID(), randomUUID()];
  await store.reports.take(one, reportsOf(first));
  const between = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await store.reports.take(other, reportsOf(second));
  const whole = steps.length + 6;
  assert.equal((await list({})).length, 2 * whole);
  assert.equal((await list({ machineId: one })).length, whole);
  assert.ok((await list({ deploymentId: second })).every(({ machine }) => machine === "status other"));
  assert.equal((await list({ to: between })).length, whole);
  assert.equal((await list({ from: between })).length, whole);
  const errors = await list({ severity: "error", machineId: one });
  assert.deepEqual(
    errors.map(({ messageId }) => messageId),
    [60_006, 11_141, 11_135],
  );
  assert.equal(errors[0]?.output, "E_DEVICE_WRITE: sda");
  const [ignored] = await list({ messageId: "11138", machineId: one });
  assert.deepEqual(
    [ignored?.severity, ignored?.step, ignored?.group, ignored?.action, ignored?.exitCode, ignored?.output],
    ["warning", 3, "g", "a", 5, "=out"],
  );
  const warnings = await list({ severity: "warning", machineId: one });
  assert.deepEqual(
    warnings.map(({ messageId }) => messageId),
    [11_912, 11_911, 11_138],
  );
  const newest = await list({ limit: "3" });
  const older = await list({ limit: "3", before: String(newest.at(-1)?.sequence) });
  assert.ok(older.every(({ sequence }) => sequence < (newest.at(-1)?.sequence ?? 0)));
});

test("what is older than it is kept goes, and nothing that is younger", async () => {
  const kept = limits.statusDays * 86_400_000;
  const there = (await list({})).length;
  assert.ok(there > 0);
  assert.equal(await store.statusMessages.prune(Date.now() + kept - 60_000), 0);
  assert.equal((await list({})).length, there);
  assert.equal(await store.statusMessages.prune(Date.now() + kept + 60_000), there);
  assert.deepEqual(await list({}), []);
});
