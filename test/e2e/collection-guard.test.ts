/** Whoever comes into a collection takes its open deployments, so that a change of one is guarded as a deployment is. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
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

/** An open deployment that asks nobody, to a new collection. */
async function openTo(name: string, more: Partial<CollectionRecord>): Promise<DeploymentRecord> {
  const { id } = await site.client.post<CollectionRecord>("/collections", { name, ...more });
  const wish = { imageId: image.id, collectionId: id, unattended: true };
  return await site.createDeployment({ name: `to ${name}`, ...wish });
}
const named = (value: string): Partial<CollectionRecord> => ({
  rule: { match: "all", conditions: [{ fact: "name", operator: "like", value }] },
});

test("an import that makes deployments to two collections ones of high risk names both, also where a rule puts it there", async () => {
  const [east, west, ruled] = [
    await openTo("east", {}),
    await openTo("west", {}),
    await openTo("ruled", named("lab-*")),
  ];
  const row = (name: string, number: number, into: string): string =>
    `${name},52:54:00:00:98:${String(number).padStart(2, "0")},${into}`;
  const rows = [0, 1, 2, 3].flatMap((number) => [
    row(`e-${number}`, number, "east"),
    row(`w-${number}`, 10 + number, "west"),
  ]);
  const csv = ["name,mac,collection", ...rows].join("\n");
  const previewed = (text: string) =>
    site.client.post<DeploymentPreview>("/devices/import/preview", { csv: text });
  const shown = await previewed(csv);
  assert.equal(shown.confirm, "east and west");
  assert.equal(shown.devices, 8);
  assert.deepEqual(
    shown.risks.map(({ reason }) => reason),
    [east, west].map(({ name }) => `Deployment ${name}: It is for 4 devices; more than 3 are a high risk.`),
  );
  for (const { name } of [east, west]) {
    assert.ok(
      shown.effects.some((effect) => effect.includes(`takes deployment ${name}, which is open`)),
      name,
    );
  }
  for (const confirm of [undefined, "east", "west", "west and east"]) {
    const refused = site.client.post("/devices/import", { csv, confirm });
    await assert.rejects(refused, {
      code: "E_NOT_CONFIRMED",
      message: /to east: .*to west: .*"east and west"/,
    });
  }
  assert.ok(!(await devices()).some(({ name }) => name === "e-0"), "nothing of the file is added");
  const file = join(room.folder, "both.csv");
  writeFileSync(file, csv);
  const words = ["device", "import", file, "--confirm", "east and west"];
  assert.equal((await volleyJson<ImportDevicesAnswer>(site, ...words)).added, 8);

  const byRule = ["name,mac", ...[20, 21, 22, 23].map((number) => row(`lab-${number}`, number, ""))];
  const labs = byRule.map((line) => line.replace(/,$/, "")).join("\n");
  assert.equal((await previewed(labs)).confirm, "ruled");
  await assert.rejects(site.client.post("/devices/import", { csv: labs }), { code: "E_NOT_CONFIRMED" });
  const few = labs.split("\n").slice(0, 4).join("\n");
  assert.deepEqual([(await previewed(few)).confirm, (await previewed(few)).devices], [null, 3]);
  await site.client.post("/devices/import", { csv: few });
  const last = { name: "lab-23", mac: "52:54:00:00:98:23" };
  assert.equal((await site.client.post<DeploymentPreview>("/devices/preview", last)).confirm, "ruled");
  await assert.rejects(site.client.post("/devices", last), { code: "E_NOT_CONFIRMED" });
  await volley(site, "device", "add", last.name, "--mac", last.mac, "--confirm", "ruled");
  for (const { id } of [east, west, ruled]) await site.client.post(`/deployments/${id}/close`, {});
});

test("who is approved and by a rule comes to an open deployment is shown with it, and confirmed where that makes the risk high", async () => {
  const deployment = await openTo("unknown ones", named("strange-*"));
  for (const number of [1, 2, 3, 4]) await fixture.enrol(`strange-${number}`, {}, false);
  const stateOf = async (name: string): Promise<{ id: string; state: string }> =>
    (await devices()).find(({ facts }) => facts?.name === name) ?? assert.fail(`${name} is not there`);
  const preview = async (name: string, state = "approved") =>
    site.client.post<DeploymentPreview>(`/devices/${(await stateOf(name)).id}/state/preview`, { state });
  const approve = async (name: string, confirm?: string) =>
    site.client.post(`/devices/${(await stateOf(name)).id}/state`, { state: "approved", confirm });

  const first = await preview("strange-1");
  assert.deepEqual([first.devices, first.names, first.confirm], [1, ["strange-1"], null]);
  assert.match(
    first.effects[0] ?? "",
    /^Whoever comes into collection unknown ones takes deployment to unknown/,
  );
  assert.ok(first.effects.some((effect) => effect.startsWith("What is on one disk of each machine is lost")));
  assert.deepEqual((await preview("strange-1", "refused")).effects, []);
  for (const number of [1, 2, 3]) await approve(`strange-${number}`);
  assert.equal((await preview("strange-4")).confirm, "unknown ones");
  await assert.rejects(approve("strange-4"), { code: "E_NOT_CONFIRMED" });
  assert.equal((await stateOf("strange-4")).state, "waiting");
  await assert.rejects(volley(site, "device", "approve", "strange-4"), /E_NOT_CONFIRMED/);
  await volley(site, "device", "approve", "strange-4", "--confirm", "unknown ones");
  assert.equal((await stateOf("strange-4")).state, "approved");
  await site.client.post(`/deployments/${deployment.id}/close`, {});
});
