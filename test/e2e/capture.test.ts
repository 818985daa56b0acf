/**
 * A reference computer is captured to the site from the PE (docs/sequences/capture-linux.xml), and what was captured starts
 * another computer. Minutes, so only at the level `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ImageRecord } from "../../contract/administration.ts";
import { atOnce, DeployedRoom, demoImage, type Computer } from "../fixtures/deployed-room.ts";
import { waitFor } from "../fixtures/program.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
const diskMebibytes = 1024;

let room: DeployedRoom;
let reference: Computer;

before(async () => {
  if (!wanted) return;
  room = await DeployedRoom.open("capture");
  reference = room.computer({ number: 1, firmware: "bios", diskMebibytes });
  rmSync(reference.disk);
  await run("cp", ["--sparse=always", await demoImage(), reference.disk]);
});
after(() => room?.close());

test(
  "a Linux captured from the PE becomes an image, which another computer takes and starts",
  { skip },
  async () => {
    const text = readFileSync(join(root, "docs/sequences/capture-linux.xml"), "utf8");
    await room.deploySequence("capture", text);
    reference.turnOn();
    await room.waitForState(reference, "succeeded");
    await reference.takePicture("captured");
    await reference.cutPower();
    await room.volley("deployment", "close", "capture");
    const images = await waitFor(
      async () => {
        const found = await room.volley<ImageRecord[]>("image", "list");
        return found.length > 0 ? found : null;
      },
      { what: "the captured image", timeMs: 600_000, everyMs: 1000, story: () => room.site.process.story() },
    );
    const name = images[0]?.name ?? "";
    assert.match(name, / image$/);
    await room.volley("deployment", "create", "copies", "--image", name, ...atOnce);
    const copy = room.computer({ number: 2, firmware: "bios", diskMebibytes });
    const machine = copy.turnOn();
    await room.waitForState(copy, "succeeded");
    await machine.says(/Volley demo system: Debian/);
    await copy.takePicture("started");
    await copy.cutPower();
  },
);
