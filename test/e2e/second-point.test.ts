/** A distribution point in another building: enrolled, given an image over a line that breaks, and used without its site. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import type { PointRecord } from "../../contract/point.ts";
import { Line, PointProcess } from "../fixtures/point-process.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const mebibytes = 48;
let room: Room;
let site: SiteProcess;
let line: Line;
let point: PointProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  room = await openRoom("second point");
  site = await room.startSite({ words: ["--port-range", "41400-41430"] });
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
  line = await Line.open(site);
  point = new PointProcess(site, {
    name: "annexe",
    address: "127.0.0.2",
    boundaries: ["127.0.0.0/8"],
    folder: join(room.folder, "annexe"),
    copyMbps: 60,
    properties: { portRange: "41440-41470", groupRange: "239.9.0.0/16" },
    siteUrl: line.url,
  });
});
after(async () => {
  await point.kill();
  line.close();
  await room.close();
});

test("an image goes to a point as it is assigned, over a line that is cut in the middle, and not twice", async () => {
  await point.start();
  assert.deepEqual((await point.record()).images, []);
  const said = await volley(site, "image", "distribute", "lab", "--to", "annexe");
  assert.match(said, /lab goes to annexe\./);
  const part = (): number => {
    const path = join(point.options.folder, "copying", record.id, "content");
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  };
  await waitFor(() => part() > record.contentBytes / 4 || null, {
    what: "a quarter of the image",
    everyMs: 20,
    story: () => point.story(),
  });
  line.cut();
  const kept = part();
  assert.ok(kept > 0 && kept < record.contentBytes, `${kept} of ${record.contentBytes}`);
  const bytesBefore = line.bytes;
  line.mend();
  await point.holds(record.id);
  // What had come was not fetched again; a piece was on its way, and the rest is talk.
  assert.ok(
    line.bytes - bytesBefore < record.contentBytes - kept + 4 * 2 ** 20,
    `${line.bytes - bytesBefore} bytes`,
  );
  const [listed] = JSON.parse(await volley(site, "dp", "list", "--json")) as PointRecord[];
  assert.equal(listed?.here, true);
  assert.match(await volley(site, "dp", "list"), /annexe +127\.0\.0\.2:\d+ +127\.0\.0\.0\/8 +here +1 of 1/);
  assert.equal((await point.record()).properties.portRange, "41440-41470");
});

test("its machines join there, the room shows them, and the line may be down once they know what to do", async () => {
  const deployment = await site.createDeployment({ name: "lab 1", imageId: record.id, rateMbps: 60 });
  const names = ["pc-1", "pc-2"];
  const disks = await Promise.all(names.map(() => room.makeDisk(mebibytes)));
  const agents = await Promise.all(
    names.map((name, index) => room.startAgent(site, { name, disk: disks[index] ?? null })),
  );
  const story = (): string => agents.map((agent) => agent.process.story()).join("\n") + point.story();
  await waitFor(
    async () => {
      const machines = await site.machines();
      const atWork = machines.filter(({ progress }) => (progress?.bytesVerified ?? 0) > 0);
      return atWork.length === names.length || null;
    },
    { what: "progress of both at the site", everyMs: 100, story },
  );
  const sessions = (await site.sessions()).filter(({ end }) => end === null);
  assert.deepEqual(
    sessions.map((session) => [session.point, session.deploymentId, session.machines]),
    [["annexe", deployment.id, 2]],
  );
  line.cut();
  for (const agent of agents) await agent.exits(0);
  for (const agent of agents) {
    assert.match(agent.output, /of distribution point annexe on 239\.9\./);
    await diskEquals(agent.disk, image);
  }
  line.mend();
  const states = (await site.machines()).map(({ state }) => state);
  assert.deepEqual(states, ["succeeded", "succeeded"]);
});

test("who has no ticket of the site's gets nothing, and a point that is removed ends", async () => {
  const { address, port } = await point.record();
  const ask = await fetch(`https://${address}:${port}/api/v1/images/${record.id}/manifest`).catch(
    (error: Error) => (error.cause as NodeJS.ErrnoException).code,
  );
  // Nobody but who knows the site's authority even speaks to it.
  assert.equal(ask, "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
  await volley(site, "dp", "remove", "annexe");
  const { code } = await point.process.ended;
  assert.equal(code, 77, point.story());
});
