/** The site's Windows PE, as a Windows that is to leave for it fetches it. Windows' tools are doubles. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BootImageFacts } from "../../contract/boot-image.ts";
import { enrolClient } from "../fixtures/enrolled-client.ts";
import { LeavingLaptop } from "../fixtures/leaving-laptop.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";
import { makeWinpeMedia } from "../fixtures/winpe-media.ts";

let room: Room;
let site: SiteProcess;
let media: ReturnType<typeof makeWinpeMedia>;
before(async () => {
  room = await openRoom("a site's Windows PE");
  media = makeWinpeMedia(join(room.folder, "media"));
  site = await room.startSite({ words: ["--media", media.folder] });
});
after(() => room.close());

test("a Windows fetches the site's Windows PE, and is told when there is none", async (t) => {
  const { client, close } = await enrolClient(site, "laptop", join(room.folder, "state"));
  t.after(close);
  const ask = (): Promise<BootImageFacts> =>
    client.ask(BootImageFacts, { method: "GET", path: "/boot-image" });
  const facts = await ask();
  assert.deepEqual([facts.winpe?.version, facts.winpe?.preferred], ["10.0.22621.1", false]);
  await volley(site, "pxe", "set", "--boot-image", "winpe");
  assert.equal((await ask()).winpe?.preferred, true);
  const laptop = new LeavingLaptop(t);
  laptop.site = client;
  const untouched = laptop.look();
  const refresh = laptop.refresh();
  await refresh.arm();
  assert.ok(readFileSync(join(laptop.place, "boot.wim")).equals(media.wim));
  assert.ok(readFileSync(join(laptop.place, "boot.sdi")).equals(media.sdi));
  await refresh.abandon();
  assert.deepEqual(laptop.look(), untouched);
  rmSync(join(media.folder, "winpe"), { recursive: true });
  laptop.firmware = "bios";
  await assert.rejects(laptop.refresh().arm(), { code: "E_STAGING", message: /media build --winpe/ });
  assert.deepEqual(laptop.look(), untouched);
});
