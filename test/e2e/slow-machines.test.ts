/**
 * What a deployment says is to be done with a slow machine, done with real processes: a stream of its own, or out where
 * there is no unicast. The others end without it, and every disk that is said to be right is.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeploymentRecord, ImageRecord, SessionRecord } from "../../contract/administration.ts";
import { errors } from "../../contract/errors.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { mountFaultyDisk, type FaultyDisk } from "../fixtures/faulty-disk.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { DeploymentWish, SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 128;
/** The room takes more than half a minute, so that it is known who is slow. */
const rateMbps = 16;
let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;

before(async () => {
  room = await openRoom("slow machines");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

interface SlowRoom {
  deployment: DeploymentRecord;
  slow: AgentProcess;
  others: AgentProcess[];
}

async function withSlowRoom(
  wish: Omit<DeploymentWish, "imageId"> & { bytesPerSecond: number },
  work: (room: SlowRoom) => Promise<void>,
): Promise<void> {
  const { bytesPerSecond, ...more } = wish;
  const { name } = wish;
  const deployment = await site.createDeployment({ ...more, imageId: record.id, rateMbps });
  let disk: FaultyDisk | null = null;
  try {
    disk = await mountFaultyDisk(await room.makeDisk(mebibytes), { bytesPerSecond });
    const slow = await room.startAgent(site, { name: `${name}: slow`, disk: disk.path });
    const others: AgentProcess[] = [];
    for (const other of ["one", "two"]) {
      const path = await room.makeDisk(mebibytes);
      others.push(await room.startAgent(site, { name: `${name}: ${other}`, disk: path }));
    }
    await work({ deployment, slow, others });
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
    await disk?.remove();
  }
}

const sessionsOf = async ({ id }: DeploymentRecord): Promise<SessionRecord[]> =>
  (await site.sessions()).filter(({ deploymentId, state }) => deploymentId === id && state !== "closed");

async function endRight(machines: AgentProcess[]): Promise<void> {
  for (const machine of machines) {
    await machine.exits(0, 300_000);
    await diskEquals(machine.disk, image);
  }
}

/** Two minutes of waiting for measured speeds; the rule itself is in the unit tests of every run. */
const streams = process.env["VOLLEY_TEST_LEVEL"] === "standard" ? "two minutes: with --long or --e2e" : false;

test(
  "a slow disk gets a stream of its own, which outlives a restart of the site",
  { skip: streams, timeout: 900_000 },
  () =>
    withSlowRoom(
      {
        name: "streams",
        slowClients: { policy: "multistream", streams: 2 },
        // More than a third of what the others take.
        bytesPerSecond: 1.2e6,
      },
      async ({ deployment, others, slow }) => {
        const second = await waitFor(
          async () =>
            (await sessionsOf(deployment)).find(({ moved, stream }) => stream === 1 && moved.length > 0),
          { what: "the slow machine in stream 1", timeMs: 120_000, story: () => slow.process.story() },
        );
        const machine = await site.machine(slow.name);
        const [moved] = second.moved;
        assert.deepEqual([moved?.machineId, moved?.to], [machine?.id, "stream"]);
        assert.match(moved?.reason ?? "", /^It took .* held back by its disk, while stream 0 brought /);
        await endRight(others);
        assert.equal((await site.machine(slow.name))?.outcome, null, "the others did not wait for it");
        assert.ok(
          slow.output.includes(`The site has moved this machine to another stream. ${moved?.reason}`),
        );

        await site.kill();
        await site.start();
        const again = (await sessionsOf(deployment)).find(({ stream }) => stream === 1);
        assert.equal(again?.id, second.id);
        assert.deepEqual(again?.moved, second.moved);
        await endRight([slow]);
        const { outcome } = (await site.machine(slow.name)) ?? {};
        assert.ok(outcome && outcome.multicastBytes > record.contentBytes / 2, JSON.stringify(outcome));
      },
    ),
);

test(
  "by multicast only, a slow machine is out with the reason, and nothing goes by unicast",
  {
    timeout: 600_000,
  },
  () =>
    withSlowRoom(
      {
        name: "only",
        multicastOnly: true,
        slowClients: { policy: "disconnect", leastMbps: 8 },
        bytesPerSecond: 0.4e6,
      },
      async ({ deployment, others, slow }) => {
        const moved = await waitFor(
          async () => (await sessionsOf(deployment)).flatMap((session) => session.moved)[0],
          { what: "the slow machine out", timeMs: 120_000, story: () => slow.process.story() },
        );
        await slow.exits(errors.E_TOO_SLOW.exitCode, 300_000);
        assert.match(
          slow.errorOutput,
          /E_TOO_SLOW: It verified .* Mbit\/s over 15 s, less than the 8 of its deployment/,
        );
        assert.ok(slow.errorOutput.includes(errors.E_TOO_SLOW.remedy));
        const machine = await site.machine(slow.name);
        assert.equal(machine?.state, "failed");
        assert.equal(machine?.error?.code, "E_TOO_SLOW");
        await endRight(others);
        assert.deepEqual([moved.machineId, moved.to], [machine?.id, "out"]);
        for (const session of await site.sessions()) {
          if (session.deploymentId === deployment.id) assert.equal(session.unicastBytes, 0);
        }
        for (const other of others) {
          assert.equal((await site.machine(other.name))?.outcome?.unicastBytes, 0);
        }
      },
    ),
);
