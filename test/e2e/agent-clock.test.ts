/** An agent on a machine whose clock is years off: it says that it is the clock, and what to do; then it goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { errors } from "../../contract/errors.ts";
import { diskEquals, diskUntouched, openRoom, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let image: RawImage;
before(async () => {
  room = await openRoom("agent clock");
  site = await room.startSite();
  image = await room.makeImage(4);
  const { id } = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "all", imageId: id });
});
after(() => room.close());

for (const date of ["2002-01-01 00:00:00", "2061-01-01 00:00:00"]) {
  test(`a machine in ${date.slice(0, 4)} names its clock, and goes on once that is set`, async () => {
    const name = `pc-${date.slice(0, 4)}`;
    const agent = await room.startAgent(site, {
      name,
      disk: await room.makeDisk(4),
      prefix: ["faketime", "-f", `@${date}`],
      // What waits for time to pass is not to be fooled, too.
      environment: { FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    });
    await agent.exits(errors.E_CLOCK.exitCode);
    const said = agent.output + agent.errorOutput;
    assert.match(said, /E_CLOCK: .*this machine's clock says /);
    assert.ok(said.includes(date.slice(0, 4)), said);
    assert.ok(said.includes(errors.E_CLOCK.remedy), said);
    await diskUntouched(room, agent.disk, 4);
    const again = room.restartAgent(agent, { prefix: [], environment: {} });
    await again.exits(0);
    await diskEquals(again.disk, image);
  });
}
