/**
 * The agent as one executable: it is small enough, always the same, needs nothing that lies beside it, deploys an image
 * and runs a sequence.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageAgent } from "../fixtures/packaged.ts";
import { agentVersion } from "../../agent/version.ts";
import { diskEquals, openRoom, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText, settingStep } from "../fixtures/sequence-text.ts";
import { startTimes } from "../fixtures/start-times.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);
const mostBytes = 130e6;

let room: Room;
let folder = "";
/** Where nothing of the sources is near. */
let agent = "";

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "volley-package-"));
  room = await openRoom("packaged agent");
  const built = await packageAgent("linux-x64", join(folder, "first"));
  agent = join(folder, "alone", "agent");
  mkdirSync(dirname(agent));
  copyFileSync(built, agent);
});
after(async () => {
  await room?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("it is one file of at most 130 MB, and says its version", async (t) => {
  assert.ok(statSync(agent).size <= mostBytes, `${statSync(agent).size} bytes`);
  const { stdout } = await run(agent, ["--version"], { env: {} });
  assert.equal(stdout, `${agentVersion}\n`);
  // The second loads the addon, too.
  for (const words of [["--version"], ["identify", "--json"]]) {
    t.diagnostic(`volley-agent ${words.join(" ")}: ${await startTimes(() => run(agent, words))}`);
  }
});

test("the same sources give the same bytes, and they name no folder of the machine that built them", async () => {
  const again = readFileSync(await packageAgent("linux-x64", join(folder, "deeper", "second")));
  assert.ok(readFileSync(agent).equals(again), "two builds differ");
  for (const path of [root, folder]) assert.equal(again.indexOf(path), -1, path);
});

test("it asks itself for what only systeminformation knows, and prints valid answers", async () => {
  const { stdout } = await run(agent, ["inventory"]);
  assert.equal(typeof JSON.parse(stdout), "object");
  const facts = JSON.parse((await run(agent, ["identify", "--json"])).stdout) as Record<string, unknown>;
  assert.equal(facts["agentVersion"], agentVersion);
});

test("it takes an image by multicast and verifies it; its addon is in a folder for this user alone", async () => {
  const site = await room.startSite();
  const image = await room.makeImage(64);
  const { id } = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "packaged", imageId: id });
  const temporary = join(folder, "temporary");
  mkdirSync(temporary);
  const started = await room.startAgent(site, {
    name: "packaged",
    disk: await room.makeDisk(80),
    program: [agent],
    environment: { TMPDIR: temporary },
  });
  await started.exits(0);
  await diskEquals(started.disk, image);
  assert.match(started.log, /is on the disk and verified [^(]*\([1-9][\d.]* MB by multicast/);
  const place = process.getuid?.() === 0 ? "/var/lib/volley-agent" : temporary;
  const addon = readFileSync(join(root, "build/Release/volley.node"));
  const hash = createHash("sha256").update(addon).digest("hex").slice(0, 32);
  const unpacked = join(place, `volley-addon-${hash}`);
  assert.equal(statSync(unpacked).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(unpacked), ["volley.node"]);
});

test("it runs a task sequence", async () => {
  const file = join(folder, "sequence.xml");
  const touch = commandStep("Touch", `touch "${folder}/%Greeting%"`);
  writeFileSync(file, sequenceText(settingStep("Greeting", "hello"), touch));
  await run(agent, ["sequence", "run", file, "--state", join(folder, "state")]);
  assert.ok(statSync(join(folder, "hello")).isFile());
});
