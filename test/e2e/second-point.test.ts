/** A distribution point in another building: enrolled, given an image over a line that breaks, and used without its site. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ImageRecord } from "../../contract/administration.ts";
import type { PointRecord } from "../../contract/point.ts";
import type { WaitingSession } from "../../contract/waiting.ts";
import { Annexe } from "../fixtures/annexe.ts";
import type { Line, PointProcess } from "../fixtures/point-process.ts";
import { diskEquals, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const mebibytes = 48;
let annexe: Annexe;
let room: Room;
let site: SiteProcess;
let line: Line;
let point: PointProcess;
let image: RawImage;
let record: ImageRecord;
before(async () => {
  annexe = await Annexe.open("second point", { firstPort: 41_400, groupRange: "239.9.0.0/16" });
  ({ line, point, room, site } = annexe);
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => annexe?.close());

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

test("who is missing at a point is said at its site, where a person starts what waits there", async () => {
  const set = (...words: string[]): Promise<string> => volley(site, "dp", "set", "annexe", ...words);
  const changes = (): number =>
    readFileSync(join(point.options.folder, "point.log"), "utf8").split("has changed this distribution point")
      .length;
  const changesBefore = changes();
  await set("--scheduled", "on", "--minimum-size", "50", "--start-delay", "60");
  await waitFor(() => changes() > changesBefore || null, { what: "the point to wait from now on" });
  const deployment = await site.createDeployment({ name: "lab 2", imageId: record.id, rateMbps: 400 });
  const agent = await room.startAgent(site, { name: "pc-3", disk: await room.makeDisk(mebibytes) });
  const story = (): string => agent.process.story() + point.story();
  const [waiting] = await waitFor(
    async () => {
      const told = await site.client.get<WaitingSession[]>("/waiting");
      return told.length > 0 ? told : null;
    },
    { what: "what waits at the point", timeMs: 120_000, story },
  );
  const { minimumClients, missing, point: where, present } = waiting ?? assert.fail("it waits");
  assert.deepEqual([where, minimumClients, present, missing], ["annexe", 50, ["pc-3"], ["pc-1", "pc-2"]]);
  for (const words of [["show"], ["show", "annexe"]]) {
    assert.match(
      await volley(site, "dp", ...words),
      /lab 2 waits at annexe: 1 of 50 machines are there;.*\n +Missing: pc-1, pc-2/,
    );
  }
  assert.match(await volley(site, "deployment", "start", "lab 2"), /lab 2 starts\./);
  await agent.exits(0);
  assert.match(agent.output, /of distribution point annexe on 239\.9\./);
  await diskEquals(agent.disk, image);
  await waitFor(async () => (await site.client.get<WaitingSession[]>("/waiting")).length === 0 || null, {
    what: "the site to hear that nothing waits",
    story,
  });
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  await set("--scheduled", "off");
});

/** One that ends in three days, for the point's own key, made by a program that is not ours. */
function shortCertificate(key: string): string {
  const [keyFile, nameFile] = [join(room.folder, "point.key"), join(room.folder, "names")];
  writeFileSync(keyFile, key);
  writeFileSync(nameFile, "subjectAltName=IP:127.0.0.2\nextendedKeyUsage=serverAuth\n");
  const subject = ["-subj", "/CN=Volley distribution point"];
  const request = execFileSync("openssl", ["req", "-new", "-key", keyFile, ...subject]);
  const authority = join(site.folder, "authority");
  const signer = ["-CA", join(authority, "authority.pem"), "-CAkey", join(authority, "authority.key")];
  const words = ["x509", "-req", ...signer, "-set_serial", "4711", "-days", "3", "-extfile", nameFile];
  return execFileSync("openssl", words, {
    input: request,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
}

/** The certificate by which the point is known at its door, as who trusts the site's authority sees it. */
function certificateAt(host: string, port: number): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(site.authorityFile, "utf8");
    const socket = connectTls({ host, port, ca }, () => {
      const shown = socket.getPeerX509Certificate();
      socket.destroy();
      if (shown === undefined) reject(new Error("no certificate was shown"));
      else resolve(shown);
    });
    socket.on("error", reject);
  });
}

test("a certificate that ends soon is renewed by the site, and shown at the door without a restart", async () => {
  const path = join(point.options.folder, "point.json");
  await point.kill();
  const kept = JSON.parse(readFileSync(path, "utf8")) as { certificate: string; certificateKey: string };
  const short = shortCertificate(kept.certificateKey);
  writeFileSync(path, JSON.stringify({ ...kept, certificate: short }));
  line.cut();
  await point.start();
  const { address, port } = await point.record();
  assert.ok(port !== null);
  // Without its site it serves by what it has.
  assert.equal((await certificateAt(address, port)).serialNumber, new X509Certificate(short).serialNumber);
  line.mend();
  const monthMs = 30 * 86_400_000;
  const shown = await waitFor(
    async () => {
      const certificate = await certificateAt(address, port);
      return Date.parse(certificate.validTo) - Date.now() > monthMs ? certificate : null;
    },
    { what: "the next certificate at the point's door", timeMs: 120_000, story: () => point.story() },
  );
  const written = JSON.parse(readFileSync(path, "utf8")) as { certificate: string };
  assert.equal(new X509Certificate(written.certificate).serialNumber, shown.serialNumber);
  assert.ok(point.process.running);
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
