/**
 * A site that is killed at random moments of imports, deployments, uploads and reports: what it has acknowledged is there
 * at the next start, what it has not is there whole or not at all, and nothing half-made is left behind.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { DeploymentRecord, ImageRecord, ImportState } from "../../contract/administration.ts";
import { toVolleyError } from "../../contract/errors.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { StatusEntry } from "../../contract/status-messages.ts";
import { uploadFile } from "../../site/commands/upload.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { random } from "../fixtures/random.ts";
import { openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const kills = ["long", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "") ? 48 : 4;

let room: Room;
let site: SiteProcess;
let machine: EnrolledMachine;
let base: DeploymentRecord;
let baseImage: ImageRecord;
const sources: RawImage[] = [];
before(async () => {
  room = await openRoom("site kills");
  site = await room.startSite();
  for (const mebibytes of [6, 24]) sources.push(await room.makeImage(mebibytes));
  baseImage = await site.importImage(sources[0]?.path ?? "", "base");
  machine = await EnrolledMachine.enrol(site, "pc1");
  base = await site.createDeployment({ name: "base", imageId: baseImage.id, machines: [machine.id] });
});
after(async () => {
  machine.close();
  await room.close();
});

/** What the site has answered to. What it was asked and did not answer is in neither. */
const acknowledged = {
  reports: new Set<string>(),
  images: new Map<string, string>(),
  removed: new Set<string>(),
  deployments: new Set<string>(["base"]),
  /** SHA-256 by name. */
  sequences: new Map<string, string>(),
};
/** Asked to be removed, and no answer came. */
const maybeRemoved = new Set<string>();

/** Repeats `work` until the site is gone. */
async function untilKilled(isKilled: () => boolean, work: (count: number) => Promise<void>): Promise<void> {
  for (let count = 0; ; count += 1) {
    try {
      await work(count);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      // Nobody answers any more; a kill may also cut an answer in its middle.
      const { code, detail } = toVolleyError(error);
      if (isKilled()) return;
      assert.ok(code === "E_SITE_UNREACHABLE" || code === "E_INTERNAL", `${code}: ${detail}`);
      await delay(5);
    }
    if (isKilled()) return;
  }
}

async function reports(round: number, count: number): Promise<void> {
  const text = `report ${round}.${count}`;
  const { status, text: said } = await machine.report(base.id, text);
  assert.equal(status, 200, said);
  acknowledged.reports.add(text);
  await delay(3);
}

async function imports(round: number, count: number): Promise<void> {
  const name = `image ${round}.${count}`;
  const source = sources[count % sources.length];
  const { id } = await site.client.post<ImportState>("/images", { path: source?.path, name });
  for (;;) {
    const state = await site.client.get<ImportState>(`/imports/${id}`);
    assert.notEqual(state.state, "failed", JSON.stringify(state.error));
    if (state.image !== null) {
      acknowledged.images.set(name, state.image.root);
      // Every other one goes again.
      if (count % 2 === 0) return;
      maybeRemoved.add(name);
      await site.client.remove(`/images/${state.image.id}`);
      acknowledged.removed.add(name);
      return;
    }
    await delay(10);
  }
}

async function deployments(round: number, count: number): Promise<void> {
  const name = `deployment ${round}.${count}`;
  await site.createDeployment({ name, imageId: baseImage.id, machines: [machine.id] });
  acknowledged.deployments.add(name);
}

async function sequences(round: number, count: number): Promise<void> {
  const name = `sequence ${round}.${count}`;
  const text = sequenceText(commandStep(name, "true"));
  const file = join(room.folder, "sequence.xml");
  writeFileSync(file, text);
  const uploadId = await uploadFile(site.client, file, true);
  await site.client.post("/sequences", { name, fileName: "sequence.xml", uploadId });
  acknowledged.sequences.set(name, createHash("sha256").update(text).digest("hex"));
}

async function allStatuses(): Promise<StatusEntry[]> {
  const all: StatusEntry[] = [];
  for (;;) {
    const last = all.at(-1)?.sequence;
    const query = `limit=1000${last === undefined ? "" : `&before=${last}`}`;
    const page = await site.client.get<StatusEntry[]>(`/status?${query}`);
    all.push(...page);
    if (page.length === 0) return all;
  }
}

async function checkAll(round: string): Promise<void> {
  const said = (await allStatuses()).map(({ output }) => output);
  assert.equal(new Set(said).size, said.length, `${round}: a report is there twice`);
  const kept = new Set(said);
  const lost = [...acknowledged.reports].filter((text) => !kept.has(text));
  assert.deepEqual(lost, [], `${round}: reports that were acknowledged are gone`);

  const images = await site.client.get<ImageRecord[]>("/images");
  const byName = new Map(images.map((image) => [image.name, image]));
  for (const [name, root] of acknowledged.images) {
    if (acknowledged.removed.has(name)) assert.ok(!byName.has(name), `${round}: ${name} is back`);
    else if (!maybeRemoved.has(name)) assert.equal(byName.get(name)?.root, root, `${round}: ${name}`);
  }
  assert.deepEqual(
    readdirSync(join(site.folder, "library")).toSorted(),
    images.map(({ id }) => id).toSorted(),
    `${round}: the library's folders are its images`,
  );
  const records = await site.client.get<DeploymentRecord[]>("/deployments");
  const deployed = new Set(records.map(({ name }) => name));
  const missing = [...acknowledged.deployments].filter((name) => !deployed.has(name));
  assert.deepEqual(missing, [], `${round}: deployments`);

  const kinds = await site.client.get<SequenceRecord[]>("/sequences");
  for (const [name, hash] of acknowledged.sequences) {
    const found = kinds.find((one) => one.name === name);
    assert.equal(found?.hash, hash, `${round}: ${name}`);
  }
  const files = readdirSync(join(site.folder, "files")).filter((name) => name !== ".lost");
  assert.equal(files.length, kinds.length, `${round}: no file without a row`);
  for (const { hash, id, name } of kinds) {
    const bytes = readFileSync(join(site.folder, "files", id));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), hash, `${round}: ${name}`);
  }
}

test(`${kills} kills lose nothing that was acknowledged, and leave nothing by half`, async () => {
  const next = random(room.seed);
  const { deployments: made, images, reports: told, sequences: kept } = acknowledged;
  // On a slow machine a kill may come before anything of a kind was acknowledged.
  const isEnough = (): boolean => told.size > 0 && images.size > 0 && made.size > 1 && kept.size > 0;
  for (let round = 1; round <= kills || (!isEnough() && round <= 5 * kills); round += 1) {
    let killed = false;
    // What takes longer than that here is given more time in later rounds.
    const at = Math.round(50 + next() * 1500 * Math.ceil(round / kills));
    const isKilled = (): boolean => killed;
    const work = [reports, imports, deployments, sequences].map((kind) =>
      untilKilled(isKilled, (count) => kind(round, count)),
    );
    await delay(at);
    killed = true;
    await site.kill();
    await Promise.all(work);
    // A start is cut off, too, now and then.
    if (next() < 0.3) {
      const starting = site.start().catch(() => undefined);
      await delay(next() * 1500);
      await site.kill();
      await starting;
    }
    await site.start();
    await checkAll(`kill ${round}, after ${at} ms`);
  }
  console.log(
    `# ${told.size} reports, ${images.size} images, ${made.size} deployments and ${kept.size} sequences were acknowledged`,
  );
  assert.ok(isEnough());
  // What is there at the end is what its manifest says, to the last byte.
  for (const { id, name } of await site.client.get<ImageRecord[]>("/images")) {
    const { id: verification } = await site.client.post<{ id: string }>(`/images/${id}/verify`, {});
    const ended = await waitFor(
      async () => {
        const state = await site.client.get<{ state: string }>(`/verifications/${verification}`);
        return state.state === "running" ? null : state;
      },
      { what: `verification of ${name}`, everyMs: 20 },
    );
    assert.equal(ended.state, "done", name);
  }
});
