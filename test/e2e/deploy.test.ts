/** Deployments from end to end: a real site, real agents, real files, and what may happen to them on the way. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ImageRecord, MachineRecord } from "../../contract/administration.ts";
import { limits } from "../../contract/limits.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { random } from "../fixtures/random.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 64;
const diskMebibytes = 80;
/** Slow enough to do something in the middle: about four seconds for the image. */
const slowMbps = 80;
/** Slow enough for a session to go on for twenty seconds, however late a machine joins or is heard of. */
const overlappingMbps = 14;

let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  room = await openRoom("deploy");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

/** A deployment for all machines, alone at the site while `work` runs. */
async function withDeployment(
  wish: { name: string; rateMbps?: number; multicast?: boolean },
  work: () => Promise<void>,
): Promise<void> {
  const deployment = await site.createDeployment({ imageId: record.id, ...wish });
  try {
    await work();
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
}

async function agentOf(name: string): Promise<AgentProcess> {
  return room.startAgent(site, { name, disk: await room.makeDisk(diskMebibytes) });
}

async function succeeded(agent: AgentProcess): Promise<NonNullable<MachineRecord["outcome"]>> {
  await agent.exits(0);
  await diskEquals(agent.disk, image);
  const machine = await site.machine(agent.name);
  assert.equal(machine?.state, "succeeded");
  assert.ok(machine.outcome);
  assert.equal(machine.outcome.root, record.root);
  return machine.outcome;
}

test("four machines whose disks were full of other bytes get the image by one multicast", () =>
  // Slow enough that all four have joined before it is over, also on a busy machine.
  withDeployment({ name: "four", rateMbps: 60 }, async () => {
    const agents = await Promise.all(["a1", "a2", "a3", "a4"].map(agentOf));
    for (const agent of agents) {
      const outcome = await succeeded(agent);
      assert.equal(outcome.multicastBytes + outcome.unicastBytes, record.contentBytes);
      assert.match(
        agent.output,
        /The plan of deployment "four"[^]*nothing found[^]*100 %[^]*is on the disk and verified/,
      );
      assert.match(agent.log, /Joined session \d+ of the site on 239\./);
    }
    const [session] = await site.sessions();
    assert.ok(session);
    assert.ok(
      session.multicastBytes < record.contentBytes * 3,
      `four machines took ${session.multicastBytes} bytes of multicast for ${record.contentBytes}`,
    );
  }));

test("a machine killed at a random moment goes on where it was, and what it had is not sent again", () =>
  withDeployment({ name: "killed", rateMbps: overlappingMbps }, async () => {
    const agent = await agentOf("k1");
    const part = 0.3 + 0.5 * random(room.seed)();
    const killed = (await site.waitForPart("k1", part)).progress;
    assert.ok(killed);
    assert.ok((killed.diskBytesPerSecond ?? 0) > 0, "how fast the disk takes it is told");
    assert.equal(typeof killed.lossPart, "number");
    await agent.kill();
    const again = room.restartAgent(agent);
    const outcome = await succeeded(again);
    assert.match(again.output, /This was confirmed before and broke off/);
    const takenBefore = killed.multicastBytes + killed.unicastBytes;
    const takenAfter = outcome.multicastBytes + outcome.unicastBytes;
    const onTheWay = 8 * limits.chunkBytes;
    console.log(
      `# killed at ${part}: ${takenBefore} bytes before, ${takenAfter} after, of ${record.contentBytes}`,
    );
    assert.ok(takenAfter <= record.contentBytes - takenBefore + onTheWay);
    // A chunk is never larger in the content than on the disk, so at least so many chunks had been taken.
    assert.ok(outcome.foundChunks >= Math.floor((takenBefore - onTheWay) / limits.chunkBytes));
  }));

test("a machine that joins at half and one that joins after the end both get the whole image", () =>
  withDeployment({ name: "late", rateMbps: slowMbps }, async () => {
    const first = await agentOf("l1");
    await site.waitForPart("l1", 0.5);
    const second = await agentOf("l2");
    await succeeded(first);
    await succeeded(second);
    const third = await agentOf("l3");
    await succeeded(third);
  }));

test("a site killed in mid-session: machines wait, say so, and go on when it is back", () =>
  withDeployment({ name: "away", rateMbps: overlappingMbps }, async () => {
    const agents = await Promise.all(["s1", "s2"].map(agentOf));
    await site.waitForPart("s1", 0.3);
    await site.kill();
    for (const agent of agents) {
      const story = (): string => agent.process.story();
      await waitFor(() => agent.output.includes("The site does not answer"), { what: "word of it", story });
    }
    await site.start();
    for (const agent of agents) {
      await succeeded(agent);
      assert.doesNotMatch(agent.output, /joining again/, "the session goes on with the site");
    }
  }));

test("a deployment without multicast goes by unicast", () =>
  withDeployment({ name: "unicast", multicast: false }, async () => {
    const outcome = await succeeded(await agentOf("u1"));
    assert.ok(
      outcome.unicastBytes > record.contentBytes / 2,
      `only ${outcome.unicastBytes} bytes by unicast`,
    );
  }));

test("two images at once, each to its own machines", async () => {
  const other = await room.makeImage(48);
  const otherRecord = await site.importImage(other.path, "other");
  const names = ["t1", "t2", "t3", "t4"];
  const agents = await Promise.all(names.map(agentOf));
  const machines = await waitFor(
    async () => {
      const known = await site.machines();
      const ours = names.map((name) => known.find(({ facts }) => facts.name === name));
      return ours.every((machine) => machine !== undefined) ? ours.map(({ id }) => id) : null;
    },
    { what: "enrolment of four machines" },
  );
  const both = await Promise.all([
    site.createDeployment({
      name: "t-lab",
      imageId: record.id,
      machines: machines.slice(0, 2),
      rateMbps: overlappingMbps,
    }),
    site.createDeployment({
      name: "t-other",
      imageId: otherRecord.id,
      machines: machines.slice(2),
      rateMbps: overlappingMbps,
    }),
  ]);
  await waitFor(async () => (await site.sessions()).filter(({ state }) => state === "casting").length === 2, {
    what: "two sessions at once",
  });
  for (const [index, agent] of agents.entries()) {
    await agent.exits(0);
    await diskEquals(agent.disk, index < 2 ? image : other);
  }
  for (const { id } of both) await site.client.post(`/deployments/${id}/close`, {});
});
