/** Scheduled multicast with real machines, and a site that is killed at random moments: nothing of a session is left behind. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImageRecord, SessionRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { StartAnswer, WaitingSession } from "../../contract/waiting.ts";
import { random } from "../fixtures/random.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 40;
const plain = (process.env["VOLLEY_TEST_LEVEL"] ?? "standard") === "standard";
const ports = { first: 41_300, last: 41_330 };
let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  room = await openRoom("distribution point");
  site = await room.startSite({ words: ["--port-range", `${ports.first}-${ports.last}`] });
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

const set = (change: Partial<DistributionPoint>): Promise<DistributionPoint> =>
  site.client.post<DistributionPoint>("/distribution-point", change);
const waiting = (): Promise<WaitingSession[]> => site.client.get<WaitingSession[]>("/waiting");
const ended = async (): Promise<SessionRecord[] | null> => {
  const sessions = await site.sessions();
  return sessions.every(({ end }) => end !== null) ? sessions : null;
};
const story = (): string => site.process.story();

/** UDP sockets of this machine within the range. A sender's has the site's address, a receiver's the address of its group. */
function socketsInRange(): { port: number; isReceiver: boolean }[] {
  return readFileSync("/proc/net/udp", "utf8")
    .split("\n")
    .map((line) => /^ *\d+: [0-9A-F]{6}([0-9A-F]{2}):([0-9A-F]{4}) /.exec(line))
    .map((match) => ({
      // The kernel writes an address with its first byte last; 224 to 239 are groups'.
      isReceiver: match?.[1]?.startsWith("E") === true,
      port: Number.parseInt(match?.[2] ?? "0", 16),
    }))
    .filter(({ port }) => port >= ports.first && port <= ports.last);
}

const senders = () => socketsInRange().filter(({ isReceiver }) => !isReceiver);

test("machines wait for the minimum size, who is missing is said, and a person may start it at once", async () => {
  assert.equal((await site.client.get<DistributionPoint>("/distribution-point")).portRange, "41300-41330");
  await set({ scheduled: true, minimumClients: 2, startDelayMinutes: 60 });
  const deployment = await site.createDeployment({ name: "two", imageId: record.id, rateMbps: 400 });
  const first = await room.startAgent(site, { name: "pc-1", disk: await room.makeDisk(mebibytes) });
  const [wait] = await waitFor(
    async () => {
      const found = await waiting();
      return found.some(({ present }) => present.length === 1) ? found : null;
    },
    { what: "machine that waits", timeMs: 120_000, story: () => first.process.story() },
  );
  assert.deepEqual([wait?.present, wait?.missing, wait?.minimumClients], [["pc-1"], [], 2]);
  assert.equal((await site.sessions()).length, 0);
  const second = await room.startAgent(site, { name: "pc-2", disk: await room.makeDisk(mebibytes) });
  await Promise.all([first.exits(0), second.exits(0)]);
  await diskEquals(first.disk, image);
  await diskEquals(second.disk, image);
  await site.client.post(`/deployments/${deployment.id}/close`, {});

  await set({ minimumClients: 50 });
  const more = await site.createDeployment({ name: "many", imageId: record.id, rateMbps: 400 });
  const third = await room.startAgent(site, { name: "pc-3", disk: await room.makeDisk(mebibytes) });
  const still = await waitFor(
    async () => (await waiting()).find(({ present }) => present.includes("pc-3")) ?? null,
    { what: "machine that waits", timeMs: 120_000, story: () => third.process.story() },
  );
  assert.deepEqual(still.missing, ["pc-1", "pc-2"]);
  const answer = await site.client.post<StartAnswer>(`/deployments/${more.id}/start`, {});
  assert.equal(answer.started, 1);
  await third.exits(0);
  await diskEquals(third.disk, image);
  await site.client.post(`/deployments/${more.id}/close`, {});
  await set({ scheduled: false });
});

const skip = plain ? "a minute and more: with --long or --e2e" : false;
test(
  "after kills at random moments every session ends with a reason, and ports and senders are given back",
  { skip },
  async () => {
    const next = random(room.seed);
    await site.createDeployment({ name: "troubled", imageId: record.id, rateMbps: 40 });
    const agents = await Promise.all(
      ["pc-4", "pc-5"].map(async (name) =>
        room.startAgent(site, { name, disk: await room.makeDisk(mebibytes) }),
      ),
    );
    await waitFor(() => senders().length > 0, { what: "a sender", timeMs: 60_000, story });
    for (let kill = 0; kill < 3; kill += 1) {
      // Any moment is a right one: in the middle of the image, before the machines join again, or as they do.
      await sleep(200 + Math.floor(next() * 4000));
      await site.kill();
      assert.deepEqual(senders(), [], "a sender outlived its site");
      await site.start();
    }
    for (const agent of agents) {
      await agent.exits(0);
      await diskEquals(agent.disk, image);
    }
    const sessions = await waitFor(ended, { what: "end of every session", timeMs: 240_000, story });
    assert.ok(sessions.length > 0);
    assert.ok(sessions.every(({ end, state }) => state === "closed" && end?.reason !== "unknown"));
    // The group that is looked for ahead keeps one port; no session has any.
    const settled = await waitFor(() => (socketsInRange().length <= 2 ? true : null), {
      what: "ports to be given back",
      timeMs: 30_000,
      story,
    });
    assert.ok(settled);
    await site.stop();
    assert.deepEqual(socketsInRange(), []);
  },
);
