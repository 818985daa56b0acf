/** What came of a deployment stays to be seen, by the API and the command line, also once its machines did another. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { DeploymentMachine, DeploymentRecord, ListedDeployment } from "../../contract/administration.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import type { Answer } from "../fixtures/https.ts";
import { volley, volleyJson } from "../fixtures/volley-command.ts";

let fixture: DeviceSite;
before(async () => {
  fixture = await DeviceSite.open("deployment results");
});
after(() => fixture.close());

const outcome = {
  root: "0".repeat(64),
  multicastBytes: 1,
  unicastBytes: 0,
  foundChunks: 0,
  repairedSymbols: 0,
  seconds: 75,
};
const error = { code: "E_DEVICE_WRITE", detail: "the disk fails to write", remedy: "Replace the disk." };

async function taken({ token }: Enrolled, { id }: DeploymentRecord): Promise<void> {
  const path = `/deployments/${id}/join`;
  const { status, text } = await fixture.api({ method: "POST", path, token, body: { resume: false } });
  assert.equal(status, 200, text);
}
function told({ token }: Enrolled, { id }: DeploymentRecord, kind: string, more: object): Promise<Answer> {
  const report = { id: randomUUID(), deploymentId: id, time: new Date().toISOString(), kind, ...more };
  return fixture.api({ method: "POST", path: "/reports", token, body: { reports: [report] } });
}
async function countsOf(name: string): Promise<ListedDeployment["counts"] | undefined> {
  const listed = await volleyJson<ListedDeployment[]>(fixture.site, "deployment", "list");
  return listed.find((one) => one.name === name)?.counts;
}

test("counts and machines of a deployment are its own, whatever its machines did afterwards", async () => {
  const { image, site } = fixture;
  const names = ["pc-1", "pc-2", "pc-3", "pc-10"];
  const machines: Enrolled[] = [];
  for (const name of names) machines.push(await fixture.enrol(name));
  const [done, failed, working] = machines;
  assert.ok(done && failed && working);
  const first = await site.createDeployment({ name: "yesterday", imageId: image.id });
  assert.deepEqual(await countsOf("yesterday"), { done: 0, failed: 0, running: 0, waiting: 4 });
  for (const one of [done, failed, working]) await taken(one, first);
  await told(done, first, "succeeded", { outcome });
  await told(failed, first, "failed", { error });
  await told(working, first, "started", { resume: false });
  assert.deepEqual(await countsOf("yesterday"), { done: 1, failed: 1, running: 1, waiting: 1 });

  const second = await site.createDeployment({ name: "today", imageId: image.id });
  for (const one of [done, failed]) {
    await taken(one, second);
    await told(one, second, "started", { resume: false });
  }
  assert.deepEqual(await countsOf("today"), { done: 0, failed: 0, running: 2, waiting: 2 });
  assert.deepEqual(await countsOf("yesterday"), { done: 1, failed: 1, running: 1, waiting: 1 });
  const shown = await volleyJson<DeploymentMachine[]>(site, "deployment", "show", "yesterday");
  assert.deepEqual(
    shown.map(({ name, state }) => [name, state]),
    [
      ["pc-1", "succeeded"],
      ["pc-2", "failed"],
      ["pc-3", "working"],
      ["pc-10", "enrolled"],
    ],
  );
  assert.deepEqual(shown[1]?.error, error);
  const table = await volley(site, "deployment", "show", "yesterday");
  assert.match(table, /^pc-1 +succeeded .*in 1:15$/m);
  assert.match(table, /^pc-2 +failed .*E_DEVICE_WRITE: the disk fails to write Replace the disk\.$/m);
  const listed = await volley(site, "deployment", "list");
  assert.match(listed, /^yesterday .* all +open +1 +1 +1 +1 /m);
  await site.client.post(`/deployments/${first.id}/close`, {});
  assert.deepEqual(await countsOf("yesterday"), { done: 1, failed: 1, running: 1, waiting: 0 });
});
