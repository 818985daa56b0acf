/** Packages by multicast: cast once for the room, only so where that is asked for, and no image for anybody else. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord, ImageRecord, SessionRecord } from "../../contract/administration.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import { commandStep, sequenceText, variable } from "../fixtures/sequence-text.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

const mebibyte = 2 ** 20;

let room: Room;
let site: SiteProcess;
before(async () => {
  room = await openRoom("package multicast");
  site = await room.startSite();
});
after(() => room.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);
const sessions = (): Promise<SessionRecord[]> => site.client.get<SessionRecord[]>("/sessions");
const packageOf = (id: string): Promise<PackageRecord> => site.client.get<PackageRecord>(`/packages/${id}`);
const castable = (id: string): Promise<PackageRecord> =>
  waitFor(
    async () => {
      const found = await packageOf(id);
      return found.imageId === null ? null : found;
    },
    { what: `package ${id} as content` },
  );

/** Its figures are read about once a second. */
const sessionOf = (packageId: string, is: (session: SessionRecord) => boolean): Promise<SessionRecord> =>
  waitFor(
    async () =>
      (await sessions()).find((one) => one.imageName.startsWith(`Package ${packageId} `) && is(one)) ?? null,
    { what: `the session of ${packageId}` },
  );

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

async function addFolder(name: string, bytes: number, ...words: string[]): Promise<string> {
  const folder = join(room.folder, name);
  mkdirSync(folder);
  // Incompressible, and of no whole number of sectors.
  writeFileSync(join(folder, "payload"), randomBytes(bytes));
  await volley("package", "add", folder, "--id", name, ...words);
  return hashOf(join(folder, "payload"));
}

async function deploy(name: string, packageIds: string[], words: string[] = []): Promise<DeploymentRecord> {
  const steps = packageIds.map((id) =>
    commandStep(id, `cp payload ${room.folder}/${name}-%_SMSTSMachineName%-${id}`, variable("PackageID", id)),
  );
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, sequenceText(...steps));
  await volley("sequence", "add", file, "--name", name);
  await volley("deployment", "create", name, "--sequence", name, ...words);
  const deployments = await site.client.get<DeploymentRecord[]>("/deployments");
  return deployments.find((one) => one.name === name) ?? assert.fail(`${name} is not there`);
}

test("two machines get a large package and one that is by multicast only, and nothing by another way", async () => {
  const large = await addFolder("LARGE001", 20 * mebibyte + 333);
  const only = await addFolder("ONLY0001", 2 * mebibyte + 7, "--multicast", "only");
  const small = await addFolder("SMALL001", 1000);
  const contents = [await castable("LARGE001"), await castable("ONLY0001")];
  assert.equal((await packageOf("SMALL001")).imageId, null);
  assert.deepEqual(await site.client.get<ImageRecord[]>("/images"), [], "content of packages is no image");
  await volley("package", "share", "ONLY0001");
  assert.equal((await packageOf("ONLY0001")).shared, true);
  await volley("package", "share", "ONLY0001", "--stop");
  assert.equal((await packageOf("ONLY0001")).shared, false);
  const deployment = await deploy("both", ["LARGE001", "ONLY0001", "SMALL001"]);
  const agents = await Promise.all(["p1", "p2"].map((name) => room.startAgent(site, { name, disk: null })));
  for (const agent of agents) await agent.exits(0);
  for (const name of ["p1", "p2"]) {
    for (const [id, hash] of Object.entries({ LARGE001: large, ONLY0001: only, SMALL001: small })) {
      assert.equal(hashOf(join(room.folder, `both-${name}-${id}`)), hash, `${id} on ${name}`);
    }
  }
  assert.equal((await sessions()).length, 2);
  for (const { bytes, packageId } of contents) {
    const session = await sessionOf(packageId, (one) => one.multicastBytes >= bytes / 2);
    assert.equal(session.machines, 2);
    if (packageId === "ONLY0001") assert.equal(session.unicastBytes, 0);
  }
  const said = agents.map((agent) => agent.output + agent.errorOutput).join("\n");
  assert.match(said, /Image "Package LARGE001 [0-9a-f]{8}" is here and verified/);
  const image = contents[0]?.imageId ?? "";
  const wrong = { name: "wrong", imageId: image, machines: "all" };
  await assert.rejects(site.client.post("/deployments", wrong), { code: "E_NOT_FOUND" });
  await assert.rejects(volley("package", "remove", "LARGE001"), /E_IMAGE_IN_USE/);
  await volley("deployment", "close", deployment.name);
  await volley("package", "remove", "LARGE001");
  assert.ok(!existsSync(join(site.folder, "library", image)), "the content outlives its package");
});

test("a deployment without multicast fetches a package, and cannot have one that is by multicast only", async () => {
  await volley("package", "multicast", "SMALL001", "allowed");
  const { imageId } = await castable("SMALL001");
  await deploy("plain", ["SMALL001"], ["--unicast"]);
  const agent = await room.startAgent(site, { name: "p3", disk: null });
  await agent.exits(0);
  assert.equal((await sessions()).filter(({ imageName }) => imageName.includes("SMALL001")).length, 0);
  await volley("deployment", "close", "plain");
  await deploy("refused", ["ONLY0001"], ["--unicast"]);
  const refused = room.restartAgent(agent);
  await refused.exits(1);
  assert.match(refused.output + refused.errorOutput, /Package ONLY0001 is by multicast only/);
  await volley("deployment", "close", "refused");
  await volley("package", "multicast", "SMALL001", "no");
  assert.equal((await packageOf("SMALL001")).imageId, null);
  assert.ok(!existsSync(join(site.folder, "library", imageId ?? "")));
});

test("a site that ended in the middle makes what is cast again, and keeps nothing that nobody names", async () => {
  await addFolder("AGAIN001", 48 * mebibyte);
  await site.kill();
  await site.start();
  const { imageId } = await castable("AGAIN001");
  const folders = readdirSync(join(site.folder, "library"));
  const packages = await site.client.get<PackageRecord[]>("/packages");
  const named = new Set(packages.map((one) => one.imageId));
  assert.deepEqual(
    folders.filter((folder) => !named.has(folder)),
    [],
  );
  assert.ok(folders.includes(imageId ?? ""));
});

test("an image that is by multicast only serves nobody by unicast", async () => {
  const image = await room.makeImage(8);
  const { id } = await site.importImage(image.path, "only");
  await volley("image", "multicast", "only", "only");
  const plain = { name: "no", imageId: id, machines: "all", multicast: false };
  await assert.rejects(site.client.post("/deployments", plain), { code: "E_REQUEST_INVALID" });
  await site.createDeployment({ name: "only", imageId: id, machines: "all", rateMbps: 400 });
  const agent = await room.startAgent(site, { name: "p4", disk: await room.makeDisk(8) });
  await agent.exits(0);
  const session = (await sessions()).find(({ imageName }) => imageName === "only");
  assert.equal(session?.unicastBytes, 0);
  await volley("image", "multicast", "only", "allowed");
  assert.equal((await site.client.get<ImageRecord>(`/images/${id}`)).multicast, "allowed");
});
