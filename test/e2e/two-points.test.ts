/** Two distribution points with machines of their own: one is killed in the middle of a session, and the other goes on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { PointProcess } from "../fixtures/point-process.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const hostCount = 7;
const mebibytes = 96;
/** Half a minute for the whole image, so that there is a middle. */
const rateMbps = 24;
const wanted = ["long", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "");

testOnNetwork(
  {
    title: "on a network of hosts: two distribution points, and the end of one",
    hostCount,
    file: import.meta.url,
    ...(wanted ? {} : { skip: "some minutes: with --long or --site" }),
  },
  ({ hosts: [server, ...others] }) => {
    assert.ok(server);
    tests(server, others);
  },
);

function tests(server: Host, others: readonly Host[]): void {
  const [eastHost, westHost, ...machines] = others;
  assert.ok(eastHost && westHost);
  let room: Room;
  let site: SiteProcess;
  let image: RawImage;
  let record: ImageRecord;
  let east: PointProcess;
  let west: PointProcess;
  before(async () => {
    room = await openRoom("two points");
    site = await room.startSite({ address: server.address });
    image = await room.makeImage(mebibytes);
    record = await site.importImage(image.path, "lab");
    const open = async (name: string, host: Host, first: Host | undefined): Promise<PointProcess> => {
      // Two hosts, of which the first has an even address.
      const boundaries = [`${first?.address}/31`];
      const { address, prefix } = host;
      const folder = join(room.folder, name);
      const point = new PointProcess(site, { name, address, boundaries, folder, prefix });
      await point.start();
      await site.client.post(`/images/${record.id}/points`, { add: [point.id] });
      return point;
    };
    [east, west] = [await open("east", eastHost, machines[0]), await open("west", westHost, machines[2])];
    await Promise.all([east.holds(record.id), west.holds(record.id)]);
  });
  after(async () => {
    await Promise.all([east.kill(), west.kill()]);
    await room.close();
  });

  const start = (run: string): Promise<AgentProcess[]> =>
    Promise.all(
      machines.map(async ({ prefix }, index) => {
        const disk = await room.makeDisk(mebibytes);
        const stateFolder = join(room.folder, `state-${run}-${index}`);
        return room.startAgent(site, { name: `pc-${index}`, disk, prefix, stateFolder });
      }),
    );
  const story = (): string => [site.process.story(), east.story(), west.story()].join("\n");
  /** In the middle: all have some, none has much. */
  const underWay = async (): Promise<void> => {
    await Promise.all(machines.map((_, index) => site.waitForPart(`pc-${index}`, 0.1)));
  };
  const joins = ({ output }: AgentProcess): string[] =>
    [...output.matchAll(/Joined session \d+ of (.*?) on/g)].map(([, name]) => name ?? "");
  const endWell = async (agents: readonly AgentProcess[]): Promise<void> => {
    for (const agent of agents) await agent.exits(0, 300_000);
    for (const agent of agents) await diskEquals(agent.disk, image);
  };

  test("machines of a point that is gone for good end at the site, and the others never notice", async () => {
    const deployment = await site.createDeployment({ name: "one ends", imageId: record.id, rateMbps });
    const agents = await start("gone");
    await underWay();
    const sessions = (await site.sessions()).filter(({ end }) => end === null);
    assert.deepEqual(
      sessions.map(({ point = "the site" }) => point).toSorted((one, other) => one.localeCompare(other)),
      ["east", "west"],
      story(),
    );
    await east.kill();
    await endWell(agents);
    assert.deepEqual(agents.map(joins), [
      ["distribution point east", "the site"],
      ["distribution point east", "the site"],
      ["distribution point west"],
      ["distribution point west"],
    ]);
    for (const agent of agents.slice(2)) assert.doesNotMatch(agent.output, /does not answer|is silent/);
    for (const agent of agents.slice(0, 2)) {
      assert.match(
        agent.output,
        /Distribution point east is silent; joining again for what is still lacking/,
      );
    }
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  });

  test("machines of a point that starts again go on in their session", async () => {
    await east.start();
    await waitFor(async () => (await east.record()).here || null, { what: "the point", everyMs: 200, story });
    await site.createDeployment({ name: "one returns", imageId: record.id, rateMbps });
    const agents = await start("returns");
    await underWay();
    await east.kill();
    await east.start();
    await endWell(agents);
    assert.deepEqual(agents.map(joins), [
      ["distribution point east"],
      ["distribution point east"],
      ["distribution point west"],
      ["distribution point west"],
    ]);
  });
}
