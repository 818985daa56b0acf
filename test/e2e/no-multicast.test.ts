/** Where no multicast arrives: the machine falls back to unicast, says so, and returns when it comes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import { mountFaultyDisk } from "../fixtures/faulty-disk.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const hostCount = 3;
/** More than a machine asks for by unicast at once, so that something is left for multicast when it comes. */
const mebibytes = 224;
testOnNetwork(
  { title: "on a network of hosts: fallback to unicast, and back", hostCount, file: import.meta.url },
  ({ hosts: [server, second, third] }) => {
    assert.ok(server && second && third);
    tests(server, second, third);
  },
);

function tests(server: Host, second: Host, third: Host): void {
  let room: Room;
  let site: SiteProcess;
  let image: RawImage;
  let record: ImageRecord;
  before(async () => {
    room = await openRoom("no multicast");
    site = await room.startSite({ address: server.address });
    image = await room.makeImage(mebibytes);
    record = await site.importImage(image.path, "lab");
  });
  after(() => room.close());

  test("a machine that multicast does not reach, beside one that it does", async () => {
    const [deaf, hearing] = [second, third];
    deaf.dropMulticast();
    const deployment = await site.createDeployment({ name: "deaf", imageId: record.id, rateMbps: 200 });
    const disks = [await room.makeDisk(mebibytes), await room.makeDisk(mebibytes)] as const;
    const poor = await room.startAgent(site, { name: "deaf", disk: disks[0], prefix: deaf.prefix });
    const rich = await room.startAgent(site, { name: "hearing", disk: disks[1], prefix: hearing.prefix });
    await poor.exits(0);
    await rich.exits(0);
    await diskEquals(poor.disk, image);
    await diskEquals(rich.disk, image);
    assert.match(poor.output, /No multicast arrives here; the image is fetched by unicast/);
    assert.equal((await site.machine("deaf"))?.outcome?.unicastBytes, record.contentBytes);
    const outcome = (await site.machine("hearing"))?.outcome;
    assert.ok((outcome?.multicastBytes ?? 0) > record.contentBytes * 0.9, rich.output);
    await site.client.post(`/deployments/${deployment.id}/close`, {});
    deaf.allowMulticast();
  });

  test("a machine that multicast reaches only later returns to it", async () => {
    const [late, slow] = [second, third];
    late.dropMulticast();
    const deployment = await site.createDeployment({ name: "late", imageId: record.id, rateMbps: 48 });
    const steady = await room.startAgent(site, {
      name: "steady",
      disk: await room.makeDisk(mebibytes),
      prefix: slow.prefix,
    });
    // A slow disk, or unicast would be done before multicast is back.
    const disk = await mountFaultyDisk(await room.makeDisk(mebibytes), { bytesPerSecond: 20e6 });
    const agent = await room.startAgent(site, { name: "later", disk: disk.path, prefix: late.prefix });
    const story = (): string => agent.process.story();
    await waitFor(() => agent.output.includes("No multicast arrives here"), {
      what: "fallback",
      everyMs: 10,
      story,
    });
    late.allowMulticast();
    await agent.exits(0);
    await steady.exits(0);
    await diskEquals(agent.disk, image);
    await disk.remove();
    assert.match(agent.output, /Multicast is back/);
    const outcome = (await site.machine("later"))?.outcome;
    assert.ok(outcome && outcome.multicastBytes > 0 && outcome.unicastBytes > 0, agent.output);
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  });
}
