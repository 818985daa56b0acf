/** Whoever comes into a collection takes its open deployments, so that a change of one is guarded as a deployment is. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import type { CollectionRecord, DeploymentPreview, ImportDevicesAnswer } from "../../contract/devices.ts";
import { DeviceSite } from "../fixtures/device-site.ts";
import type { Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley, volleyJson } from "../fixtures/volley-command.ts";

let fixture: DeviceSite;
let room: Room;
let site: SiteProcess;
let image: ImageRecord;
before(async () => {
  fixture = await DeviceSite.open("collection guard", { words: ["--high-risk-size", "3"] });
  ({ image, room, site } = fixture);
});
after(() => fixture.close());

const devices = () => fixture.devices();

test("a change of a collection that makes an open deployment one of high risk is confirmed as that would be", async () => {
  for (const name of ["pc-1", "pc-2", "pc-3", "pc-4", "other-5", "other-6"]) await fixture.enrol(name);
  const ids = (await devices()).map(({ id }) => id);
  const made = { name: "growing", devices: ids.slice(0, 2) };
  const growing = await site.client.post<CollectionRecord>("/collections", made);
  const change = (more: object) =>
    site.client.post<CollectionRecord>(`/collections/${growing.id}`, { name: "growing", ...more });
  const preview = (more: object) =>
    site.client.post<DeploymentPreview>(`/collections/${growing.id}/preview`, more);
  const wish = { imageId: image.id, collectionId: growing.id };
  const many = { add: ids.slice(2, 4) };
  const everyone = { rule: { match: "all", conditions: [{ fact: "name", operator: "like", value: "*" }] } };

  const asking = await site.createDeployment({ name: "asks first", ...wish });
  assert.equal((await preview(many)).confirm, null, "somebody is asked at each machine");
  const quiet = await site.createDeployment({ name: "quiet", ...wish, unattended: true });
  const shown = await preview(many);
  assert.deepEqual(
    [shown.devices, shown.confirm, shown.risks.map(({ kind }) => kind)],
    [4, "growing", ["size"]],
  );
  assert.match(shown.effects[0] ?? "", /deployment quiet, which is open/);
  for (const [more, confirm] of [
    [many, undefined],
    [many, "quiet"],
    [everyone, undefined],
  ] as const) {
    await assert.rejects(change({ ...more, confirm }), { code: "E_NOT_CONFIRMED" });
  }
  const csv = "name,mac,collection\nnew-1,52:54:00:00:99:01,growing\nnew-2,52:54:00:00:99:02,growing";
  await assert.rejects(site.client.post("/devices/import", { csv }), { code: "E_NOT_CONFIRMED" });
  assert.ok(!(await devices()).some(({ name }) => name.startsWith("new-")), "nothing of the file is added");
  assert.equal((await change({ add: [], remove: [], name: "growing" })).members.length, 2);

  const third = (await devices()).find(({ id }) => id === ids[2]);
  const name = third?.facts?.name ?? third?.name ?? "";
  await volley(site, "collection", "change", "growing", "--add", name);
  const file = join(room.folder, "growing.csv");
  writeFileSync(file, csv);
  const imported = ["device", "import", file, "--confirm", "growing"];
  assert.deepEqual(await volleyJson<ImportDevicesAnswer>(site, ...imported), { added: 2, skipped: [] });
  // What is of high risk already is not asked again, but for what is more than that.
  assert.equal((await preview({ add: [ids[3]] })).confirm, null);
  assert.deepEqual((await preview(everyone)).risks.map(({ kind }) => kind).includes("everything"), true);
  await assert.rejects(change(everyone), { code: "E_NOT_CONFIRMED" });
  const rule = ["--rule", "name like *", "--confirm", "growing"];
  const all = await volleyJson<CollectionRecord>(site, "collection", "change", "growing", ...rule);
  assert.ok(all.members.length > 5);
  for (const { id } of [asking, quiet]) await site.client.post(`/deployments/${id}/close`, {});
  assert.equal((await preview({ rule: null })).confirm, null);
});
