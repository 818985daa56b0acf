/** What the state folder does to a deployment: full, lost, or with reports that an earlier start left. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

/** Ten seconds for the whole image: the site is killed in the middle, however late the middle is heard of. */
const rateMbps = 16;

let room: Room;
let site: SiteProcess;
let image: RawImage;
before(async () => {
  room = await openRoom("state folder");
  site = await room.startSite();
  image = await room.makeImage(40);
  const record = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "all", imageId: record.id, rateMbps });
});
after(() => room.close());

test(
  "a state folder that fills up in mid-work costs reports, not the disk",
  { skip: process.getuid?.() !== 0 && "needs root" },
  async () => {
    const stateFolder = join(room.folder, "small-state");
    await mkdir(stateFolder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", stateFolder]);
    try {
      const agent = await room.startAgent(site, { name: "full", disk: await room.makeDisk(40), stateFolder });
      await site.waitForPart("full", 0.2);
      await writeFile(join(stateFolder, "ballast"), Buffer.alloc(2 ** 20)).catch(() => {});
      await site.kill();
      await waitFor(() => agent.output.includes("The site does not answer"), { what: "word of it" });
      await rm(join(stateFolder, "ballast"));
      await site.start();
      await agent.exits(0);
      await diskEquals(agent.disk, image);
    } finally {
      execFileSync("umount", [stateFolder]);
    }
  },
);

test("an agent that lost its state starts anew on the same disk, and takes what is there", async () => {
  const agent = await room.startAgent(site, { name: "forgetful", disk: await room.makeDisk(40) });
  await site.waitForPart("forgetful", 0.5);
  await agent.kill();
  await rm(agent.options.stateFolder, { recursive: true });
  await mkdir(agent.options.stateFolder);
  const again = room.restartAgent(agent);
  await again.exits(0);
  await diskEquals(again.disk, image);
  assert.ok(((await site.machine("forgetful"))?.outcome?.foundChunks ?? 0) > 0, again.output);
});

test("reports that the site never got are sent at the next start", async () => {
  const agent = await room.startAgent(site, { name: "unheard", disk: await room.makeDisk(40) });
  await site.waitForPart("unheard", 0.2);
  await site.kill();
  await waitFor(() => agent.output.includes("The site does not answer"), { what: "word of it" });
  const outbox = join(agent.options.stateFolder, "outbox.jsonl");
  // A person is told before the site is.
  const isKept = async (): Promise<boolean> =>
    (await readFile(outbox, "utf8")).includes('"text":"The site does not answer');
  await waitFor(isKept, { what: "the same in the outbox" });
  await agent.kill();
  await site.start();
  await room.restartAgent(agent).exits(0);
  assert.equal(await readFile(outbox, "utf8"), "");
  assert.equal((await site.machine("unheard"))?.state, "succeeded");
});
