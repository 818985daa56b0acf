/** Where a run of a deployment begins and ends among a machine's reports, and how long what was signed of it is kept. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DeploymentReport, KeptReport } from "../../../../contract/deployment-report.ts";
import { limits } from "../../../../contract/limits.ts";
import type { Report } from "../../../../contract/report.ts";
import type { Store } from "../../../../site/store/store.ts";
import { everyStore } from "../../../fixtures/every-store.ts";
import { machineFacts } from "../../../fixtures/records.ts";

let store: Store;
const test = everyStore((one) => {
  store = one;
});

const error = { code: "E_DEVICE_WRITE" as const, detail: "sda", remedy: "replace" };
const plan = { device: "/dev/sda", sizeBytes: 1, model: "Disk", serial: "S1", lost: [] };

function reportOf(deploymentId: string, kind: string): Report {
  const common = { id: randomUUID(), deploymentId, time: "2026-11-22T08:00:00.000Z" };
  switch (kind) {
    case "planned":
      return { ...common, kind, plan };
    case "started":
    case "resumed":
      return { ...common, kind: "started", resume: kind === "resumed" };
    case "notice":
      return { ...common, kind, text: "joining again" };
    case "succeeded":
      return { ...common, kind, outcome: null };
    default:
      return { ...common, kind: "failed", error };
  }
}

test("a run is what a machine told since its start, and neither what was before nor what came after its end", async () => {
  const rows: [name: string, told: string, run: string][] = [
    ["an image", "planned started notice succeeded", "planned started notice succeeded"],
    ["a sequence", "started notice failed", "started notice failed"],
    ["after a power cut", "planned started planned resumed", "planned started planned resumed"],
    ["the second try", "planned started failed planned resumed succeeded", "planned resumed succeeded"],
    ["begun anew without an end", "started notice started notice", "started notice"],
    ["begun anew with a plan", "planned started planned started", "planned started"],
    ["refused before it began", "started succeeded failed", "failed"],
    ["nothing goes on", "started succeeded notice", ""],
    ["nothing was told", "", ""],
  ];
  for (const [name, told, wanted] of rows) {
    const machineId = await store.machines.enrol(machineFacts(name), randomUUID());
    const deploymentId = randomUUID();
    const reports = told.split(" ").flatMap((kind) => (kind === "" ? [] : [reportOf(deploymentId, kind)]));
    if (reports.length > 0) await store.reports.take(machineId, reports);
    await store.reports.take(machineId, [reportOf(randomUUID(), "started")]);
    const last = reports.at(-1);
    const ending = last?.kind === "succeeded" || last?.kind === "failed" ? last.id : undefined;
    const run = await store.reports.run(deploymentId, machineId, ending);
    const kinds = run.map(({ kind, message_id: id }) => (id === 60_003 ? "resumed" : kind));
    assert.equal(kinds.join(" "), wanted, name);
    if (ending !== undefined) assert.deepEqual(await store.reports.run(deploymentId, machineId), [], name);
  }
});

const signed = (machineId: string, deployment: string): DeploymentReport => ({
  made: new Date().toISOString(),
  site: "site",
  machine: {
    id: machineId,
    name: "pc",
    smbiosUuid: null,
    serial: null,
    manufacturer: null,
    model: null,
    macAddresses: [],
  },
  deployment: { id: randomUUID(), name: deployment, createdBy: "", created: null },
  sequence: null,
  images: [],
  state: "failed",
  started: null,
  ended: null,
  error: null,
  steps: [],
});
const all = (machineId: string): Promise<KeptReport[]> =>
  store.deploymentReports.list({ machineId, limit: 10_000 });

test("of one machine so many signed reports are kept, the newest, each once, and as long as messages", async () => {
  const [machineId, other] = [randomUUID(), randomUUID()];
  const keep = (id: string, ending: string, name: string): Promise<void> =>
    store.deploymentReports.keep(ending, signed(id, name), { report: "{}", signature: "s" });
  await keep(other, randomUUID(), "other");
  const most = limits.deploymentReportsPerMachine;
  for (let count = 0; count < most + 3; count += 1) await keep(machineId, randomUUID(), `run ${count}`);
  const ending = randomUUID();
  for (let times = 0; times < 2; times += 1) await keep(machineId, ending, "the last");
  const kept = await all(machineId);
  assert.equal(kept.length, most);
  assert.deepEqual(
    kept.slice(0, 2).map(({ deployment }) => deployment),
    ["the last", `run ${most + 2}`],
  );
  assert.equal(kept.at(-1)?.deployment, "run 4");
  assert.equal((await all(other)).length, 1, "another machine's stay");
  const days = limits.statusDays * 86_400_000;
  await store.deploymentReports.prune(Date.now() + days - 600_000);
  assert.equal((await all(machineId)).length, most);
  await store.deploymentReports.prune(Date.now() + days + 600_000);
  assert.deepEqual([...(await all(machineId)), ...(await all(other))], []);
});
