/** Two real sites on one PostgreSQL: one is killed in mid-session, the other goes on with it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SessionRecord } from "../../contract/administration.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { PostgresServer } from "../fixtures/postgres-server.ts";
import { diskEquals, openRoom, type Room } from "../fixtures/room.ts";
import type { SiteOptions, SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 40;
const program = fileURLToPath(new URL("../../site/main.js", import.meta.url));

testOnNetwork(
  { title: "on a network of hosts: one site takes the other's place", hostCount: 3, file: import.meta.url },
  ({ hosts: [here, first, second] }) => {
    assert.ok(here && first && second);
    tests(here, [first, second]);
  },
);

function tests(here: Host, [first, second]: [Host, Host]): void {
  /** Of the site, on whichever host serves. */
  const address = here.address.replace(/\d+$/, "200");
  const on = ({ prefix }: Host, ...words: string[]): void => {
    const [ip = "", ...rest] = [...prefix, ...words];
    execFileSync(ip, rest);
  };
  const giveAddress = (to: Host, from: Host | null): void => {
    if (from !== null) on(from, "ip", "addr", "del", `${address}/24`, "dev", "e0");
    on(to, "ip", "addr", "add", `${address}/24`, "dev", "e0");
    // Whoever moves an address tells the network (gratuitous ARP); here the other hosts just forget it.
    for (const host of [here, first, second]) on(host, "ip", "neigh", "flush", "dev", "e0");
  };

  let room: Room;
  let server: PostgresServer;
  let options: SiteOptions;
  let site: SiteProcess;
  before(async () => {
    room = await openRoom("site takeover");
    server = await PostgresServer.start();
    const sharedFolder = join(room.folder, "shared");
    const { words: database } = await server.forSite(room.folder);
    const words = [...database, "--shared", sharedFolder];
    options = { address, sharedFolder, words };
    giveAddress(first, null);
    site = await room.startSite({ ...options, prefix: first.prefix });
  });
  after(async () => {
    await room.close();
    await server.stop();
  });

  test("a session of a killed site goes on at the other, and every machine ends right", async () => {
    const image = await room.makeImage(mebibytes);
    const record = await site.importImage(image.path, "lab");
    await site.createDeployment({ name: "room", imageId: record.id, rateMbps: 24 });
    let failure: unknown = null;
    const following = room.startSite({ ...options, port: site.port, prefix: second.prefix });
    following.catch((error: unknown) => {
      failure = error;
    });
    const disks = [await room.makeDisk(mebibytes), await room.makeDisk(mebibytes)];
    const agents = await Promise.all(
      disks.map((disk, index) => room.startAgent(site, { name: `pc${index}`, disk })),
    );
    await site.waitForPart("pc0", 0.1);
    await site.waitForPart("pc1", 0.1);
    assert.equal(failure, null);
    const [earlier] = await site.sessions();
    await site.kill();
    const killedMs = performance.now();
    giveAddress(second, first);
    const other = await following;
    console.log(`served again after ${((performance.now() - killedMs) / 1000).toFixed(1)} s`);
    for (const agent of agents) await agent.exits(0);
    for (const disk of disks) await diskEquals(disk, image);
    const [session, ...more] = await other.sessions();
    assert.deepEqual([session?.id, more.length], [earlier?.id, 0], "the very session");
    assert.ok((session?.start ?? 0) > (earlier?.start ?? 0), "under another start: no counter comes twice");
    assert.deepEqual(
      (await other.machines()).map(({ state }) => state),
      ["succeeded", "succeeded"],
    );

    // The folder of the one that was killed leads to the one that serves.
    const words = [...first.prefix, process.execPath, program, "session", "list", "--json"];
    const [ip, ...rest] = [...words, "--data", site.folder];
    const listed = JSON.parse(execFileSync(ip ?? "", rest, { encoding: "utf8" })) as SessionRecord[];
    assert.equal(listed[0]?.id, session?.id);
  });
}
