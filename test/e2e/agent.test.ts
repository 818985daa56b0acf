/** The agent at the command line: whom it believes, what it asks, how it ends. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ImageRecord } from "../../contract/administration.ts";
import { MachineFacts } from "../../contract/machine.ts";
import { Program } from "../fixtures/program.ts";
import { diskEquals, diskUntouched, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 32;
const agentProgram = fileURLToPath(new URL("../../agent/main.js", import.meta.url));

/** Ten seconds for the whole image, so that there is a middle. */
const rateMbps = 14;

let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  room = await openRoom("agent");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "all", imageId: record.id, rateMbps });
});
after(() => room.close());

test("identify and disks answer JSON of the agreed form", async () => {
  const identify = new Program("identify", [process.execPath, agentProgram, "identify", "--json"]);
  assert.equal((await identify.ended).code, 0);
  MachineFacts.parse(JSON.parse(identify.output));
  const disks = new Program("disks", [process.execPath, agentProgram, "disks", "--json"]);
  assert.equal((await disks.ended).code, 0);
  assert.ok(Array.isArray(JSON.parse(disks.output)));
});

test("a wrong fingerprint ends it before it says who it is", async () => {
  const disk = await room.makeDisk(mebibytes);
  const line = [
    "deploy",
    "--site",
    site.url,
    "--fingerprint",
    "0".repeat(64),
    "--once",
    "--yes",
    "--name",
    "wrong",
  ];
  const state = join(room.folder, "state-wrong");
  const agent = new Program(
    "agent",
    [process.execPath, agentProgram, ...line, "--state", state, "--disk", disk],
    {
      VOLLEY_CREDENTIAL: await site.newCredential(1),
    },
  );
  assert.equal((await agent.ended).code, 77, agent.story());
  assert.match(agent.errorOutput, /^E_SITE_UNTRUSTED: /);
  assert.equal(await site.machine("wrong"), undefined);
  await diskUntouched(room, disk, mebibytes);
});

test("a wrong credential is refused", async () => {
  const credential = "not-a-credential-of-this-site";
  const agent = await room.startAgent(site, { name: "stranger", disk: await room.makeDisk(1), credential });
  await agent.exits(77);
  assert.match(agent.errorOutput, /^E_CREDENTIAL_REFUSED: /);
});

test("where nobody can be asked and nobody said --yes, nothing is written", async () => {
  const disk = await room.makeDisk(mebibytes);
  const agent = await room.startAgent(site, { name: "unasked", disk, words: ["--once"] });
  await agent.exits(10);
  assert.match(agent.errorOutput, /^E_PLAN_DECLINED: .*--yes/);
  assert.match(agent.output, /The plan of deployment "all"/);
  await diskUntouched(room, disk, mebibytes);
  assert.equal((await site.machine("unasked"))?.plan?.device, disk);
});

for (const { answer, code } of [
  { answer: "yes", code: 0 },
  { answer: "no", code: 10 },
]) {
  test(`a person who types "${answer}" at a terminal ends it with ${code}`, async () => {
    const disk = await room.makeDisk(mebibytes);
    // `script` gives it a terminal; what is typed ahead waits there for the question.
    const prefix = ["sh", "-c", `printf '${answer}\\n' | script -qec "$*" /dev/null`, "sh"];
    const agent = await room.startAgent(site, {
      name: `asked ${answer}`.replace(" ", "-"),
      disk,
      words: ["--once"],
      prefix,
    });
    await agent.exits(code);
    assert.ok(agent.output.includes(`Type ${disk} (or yes) to overwrite it:`), agent.output);
    if (code === 0) await diskEquals(disk, image);
    else await diskUntouched(room, disk, mebibytes);
  });
}

test("SIGTERM ends it with 130 in a moment, and the next start goes on", async () => {
  const agent = await room.startAgent(site, { name: "stopped", disk: await room.makeDisk(mebibytes) });
  await site.waitForPart("stopped", 0.3);
  const stoppedAt = Date.now();
  agent.signal("SIGTERM");
  await agent.exits(130);
  assert.ok(Date.now() - stoppedAt < 20_000);
  assert.match(agent.errorOutput, /^E_CANCELLED: /);
  assert.ok(existsSync(join(agent.options.stateFolder, "checkpoint.json")));
  const again = room.restartAgent(agent);
  await again.exits(0);
  assert.match(again.output, /broke off/);
  await diskEquals(again.disk, image);
  assert.ok(!existsSync(join(agent.options.stateFolder, "checkpoint.json")));
});

test("two agents neither share a state folder nor a disk", async () => {
  const first = await room.startAgent(site, { name: "first", disk: await room.makeDisk(mebibytes) });
  await site.waitForPart("first", 0.1);
  // It keeps what it holds while it stands still.
  first.signal("SIGSTOP");
  const sameState = room.restartAgent(first);
  await sameState.exits(74);
  assert.match(sameState.errorOutput, /Another agent is at work/);
  const sameDisk = await room.startAgent(site, { name: "second", disk: first.disk });
  await sameDisk.exits(77);
  assert.match(sameDisk.errorOutput, /being written by another agent/);
  first.signal("SIGCONT");
  await first.exits(0);
  await diskEquals(first.disk, image);
});

test("no log and no output holds a key or the credential", async () => {
  const credential = await site.newCredential(1);
  const agent = await room.startAgent(site, {
    name: "secretive",
    disk: await room.makeDisk(mebibytes),
    credential,
  });
  const line = await waitFor(() => commandLineOf(agent.pid), { what: "its command line" });
  await agent.exits(0);
  const kept = new Program("enrolment", ["cat", join(agent.options.stateFolder, "enrolment.json")]);
  await kept.ended;
  const { machineKey } = JSON.parse(kept.output) as { machineKey: string };
  assert.match(machineKey, /^[0-9a-f]{64}$/);
  for (const text of [agent.output, agent.errorOutput, agent.log, line]) {
    assert.ok(!text.includes(credential) && !text.includes(machineKey));
  }
});

async function commandLineOf(pid: number): Promise<string> {
  const program = new Program("ps", ["ps", "-o", "args=", "-p", String(pid)]);
  await program.ended;
  return program.output;
}
