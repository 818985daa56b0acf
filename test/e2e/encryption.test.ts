/**
 * What is cast encrypted is read by its machines and by nobody who listens: an image, a package, and, at the level `e2e`,
 * unicast and all that a point casts. Takes root.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord, SessionRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { Program } from "../fixtures/program.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

const options = { skip: process.getuid?.() === 0 ? false : "capturing takes root", timeout: 180_000 };
/** Three deployments: more than the plain level has time for. */
const isLong = ["e2e", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "");
const atLength = isLong ? options : { ...options, skip: "takes minutes: scripts/test --site" };
const mebibytes = 12;
const ports = "41510-41540";
const pieceBytes = 64;

let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  if (options.skip !== false) return;
  room = await openRoom("encryption");
  site = await room.startSite({ words: ["--port-range", ports] });
  // Bytes that do not compress, so that they travel as they are.
  image = { path: join(room.folder, "random.raw"), bytes: mebibytes * 2 ** 20 };
  writeFileSync(image.path, randomBytes(image.bytes));
  record = await site.importImage(image.path, "lab");
});
after(async () => {
  if (options.skip === false) await room.close();
});

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);
const sessionOf = async (deploymentId: string): Promise<SessionRecord> => {
  const sessions = await site.client.get<SessionRecord[]>("/sessions");
  return sessions.find((one) => one.deploymentId === deploymentId) ?? assert.fail("there is no session");
};

/** How much of some content somebody sees who hears all of the sessions' ports: a part of 200 pieces of it. */
async function partSeen(imageId: string, work: () => Promise<unknown>): Promise<number> {
  const path = join(room.folder, "heard.pcap");
  const filter = `portrange ${ports}`;
  const dumpcap = new Program("dumpcap", [
    "dumpcap",
    "-q",
    "-P",
    "-i",
    "lo",
    "-B",
    "128",
    "-f",
    filter,
    "-w",
    path,
  ]);
  const captures = (): boolean => dumpcap.errorOutput.includes("File:") || !dumpcap.running;
  await waitFor(captures, { what: "capture", story: () => dumpcap.story() });
  assert.ok(dumpcap.running, dumpcap.story());
  const contentPath = join(site.folder, "library", imageId, "content");
  try {
    await work();
    // What it has not yet taken from the kernel when it is told to end is lost.
    const isWritten = (): boolean => statSync(path).size > statSync(contentPath).size;
    await waitFor(isWritten, { what: "capture of it all", timeMs: 20_000, story: () => dumpcap.story() });
  } finally {
    dumpcap.signal("SIGINT");
    await dumpcap.ended;
  }
  const heard = readFileSync(path);
  const content = readFileSync(contentPath);
  assert.ok(heard.length > content.length, `${heard.length} bytes heard of ${content.length}`);
  const step = Math.floor(content.length / 200 / pieceBytes) * pieceBytes;
  const pieces = Array.from({ length: 200 }, (_, index) => content.subarray(index * step, index * step + 32));
  return pieces.filter((piece) => heard.includes(piece)).length / pieces.length;
}

async function deployTo(
  name: string,
  machines: string[],
  changes: Record<string, unknown> = {},
): Promise<string> {
  const { id } = await site.createDeployment({ name, imageId: record.id, rateMbps: 200, ...changes });
  const disks = await Promise.all(machines.map(() => room.makeDisk(mebibytes)));
  const agents = await Promise.all(
    machines.map((machine, index) => room.startAgent(site, { name: machine, disk: disks[index] ?? null })),
  );
  for (const agent of agents) await agent.exits(0);
  for (const disk of disks) await diskEquals(disk, image);
  return id;
}

test(
  "an ordinary session is read by whoever listens, an encrypted one by its machines alone",
  options,
  async () => {
    let id = "";
    const ordinary = await partSeen(record.id, async () => (id = await deployTo("in clear", ["o1"])));
    assert.ok(ordinary > 0.9, `${ordinary} of it was seen`);
    assert.equal((await sessionOf(id)).encrypted, false);
    await volley("deployment", "close", "in clear");

    assert.match(await volley("image", "encrypt", "lab", "on"), /lab is cast encrypted/);
    assert.match(await volley("image", "show", "lab"), /sent +encrypted/);
    const seen = await partSeen(record.id, async () => (id = await deployTo("encrypted", ["e1", "e2"])));
    assert.equal(seen, 0);
    const session = await sessionOf(id);
    assert.equal(session.encrypted, true);
    // The site looks at what its sender has done now and then.
    const allSent = async (): Promise<boolean> => (await sessionOf(id)).multicastBytes > image.bytes;
    await waitFor(allSent, { what: "the session's figures" });
  },
);

test("an agent that knows no encryption is told so", options, async () => {
  const machine = await EnrolledMachine.enrol(site, "old");
  const open = (await site.client.get<{ id: string; name: string }[]>("/deployments")).find(
    ({ name }) => name === "encrypted",
  );
  const answer = await machine.join(open?.id ?? "", { resume: false });
  machine.close();
  assert.equal(answer.status, 409);
  assert.match(
    JSON.stringify(answer.json),
    /E_CONFLICT.*lab is cast encrypted, and this version of the agent/,
  );
  await volley("deployment", "close", "encrypted");
});

test(
  "what goes by unicast is encrypted too, and in all sessions where the point says so",
  atLength,
  async () => {
    let id = "";
    const byUnicast = { multicast: false };
    const seen = await partSeen(record.id, async () => (id = await deployTo("unicast", ["u1"], byUnicast)));
    assert.equal(seen, 0);
    // Its figures are read about once a second.
    await waitFor(async () => (await sessionOf(id)).unicastBytes >= image.bytes, {
      what: "the session that counts all of the image",
    });
    await volley("deployment", "close", "unicast");

    await volley("image", "encrypt", "lab", "off");
    const ordinary = await partSeen(record.id, () => deployTo("unicast in clear", ["u2"], byUnicast));
    assert.ok(ordinary > 0.5, `${ordinary} of it was seen`);
    await volley("deployment", "close", "unicast in clear");

    assert.match(await volley("dp", "set", "--encrypt", "on"), /Encryption +of every session/);
    assert.equal(await partSeen(record.id, () => deployTo("all of it", ["a1"])), 0);
    await volley("deployment", "close", "all of it");
    await volley("dp", "set", "--encrypt", "off");
    assert.equal((await site.client.get<DistributionPoint>("/distribution-point")).encrypt, false);
  },
);

test("a package is cast encrypted", options, async () => {
  const folder = join(room.folder, "package");
  mkdirSync(folder);
  writeFileSync(join(folder, "payload"), randomBytes(5 * 2 ** 20));
  await volley("package", "add", folder, "--id", "SECRET01", "--multicast", "only", "--encrypt");
  const { imageId } = await waitFor(
    async () => {
      const found = await site.client.get<PackageRecord>("/packages/SECRET01");
      return found.imageId === null ? null : { ...found, imageId: found.imageId };
    },
    { what: "the package as content" },
  );
  const path = join(room.folder, "sequence.xml");
  const copied = join(room.folder, "copied");
  writeFileSync(
    path,
    sequenceText(commandStep("Copy", `cp payload ${copied}`, variable("PackageID", "SECRET01"))),
  );
  await volley("sequence", "add", path, "--name", "copy");
  const seen = await partSeen(imageId, async () => {
    await volley("deployment", "create", "copy", "--sequence", "copy");
    await (await room.startAgent(site, { name: "s1", disk: null })).exits(0);
  });
  assert.deepEqual(readFileSync(copied), readFileSync(join(folder, "payload")));
  assert.equal(seen, 0);
  assert.match(await volley("package", "encrypt", "SECRET01", "off"), /SECRET01 is cast without encryption/);
  assert.equal((await site.client.get<ImageRecord>(`/images/${imageId}`)).encrypt, false);
});
