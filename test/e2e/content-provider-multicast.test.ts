/** volley-agent download by multicast: machines that ask for one package share a session, and go on where they stopped. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SessionRecord } from "../../contract/administration.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const agent = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const abortCode = 222;
const location = "http://dp1.example/sms_dp_smspkg$/ps200001";
const mebibyte = 2 ** 20;
/** So slow that a package of 17 MB is some seconds on its way. */
const rateMbps = 25;

const title = "on a network of hosts: downloads for another program's sequence by multicast";
testOnNetwork({ title, hostCount: 3, file: import.meta.url }, ({ hosts: [server, second, third] }) => {
  assert.ok(server && second && third);
  tests(server, second, third);
});

function tests(server: Host, second: Host, third: Host): void {
  let room: Room;
  let site: SiteProcess;
  const started: Program[] = [];
  before(async () => {
    room = await openRoom("content provider by multicast");
    site = await room.startSite({ address: server.address });
    await site.client.post("/distribution-point", { rateMbps });
  });
  after(async () => {
    await Promise.all(started.map((program) => program.kill()));
    await room.close();
  });

  const sessionsOf = async (packageId: string): Promise<SessionRecord[]> => {
    const sessions = await site.client.get<SessionRecord[]>("/sessions");
    return sessions.filter(({ imageName }) => imageName.startsWith(`Package ${packageId} `));
  };
  const sessionOf = (packageId: string, is: (session: SessionRecord) => boolean): Promise<SessionRecord> =>
    waitFor(async () => (await sessionsOf(packageId)).find(is) ?? null, { what: `session of ${packageId}` });

  /** A package of random bytes, no whole number of sectors, shared; answers the hash of its file. */
  async function share(packageId: string, mebibytes: number, ...words: string[]): Promise<string> {
    const folder = join(room.folder, packageId);
    mkdirSync(folder);
    writeFileSync(join(folder, "payload"), randomBytes(mebibytes * mebibyte + 333));
    await volley(site, "package", "add", folder, "--id", packageId, ...words);
    await site.client.post(`/packages/${packageId}/shared`, { shared: true });
    return hashOf(folder);
  }
  /** What is cast of it is there. */
  const castable = (packageId: string): Promise<PackageRecord> =>
    waitFor(
      async () => {
        const found = await site.client.get<PackageRecord>(`/packages/${packageId}`);
        return found.imageId === null ? null : found;
      },
      { what: `package ${packageId} as content` },
    );

  /** The machine's settings, once, as they lie beside the program. */
  async function settings(name: string): Promise<string> {
    const file = join(room.folder, name, "volley-download.json");
    mkdirSync(dirname(file));
    writeFileSync(join(dirname(file), "credential"), await site.newCredential(1), { mode: 0o600 });
    const { fingerprint, url } = site;
    const own = { credentialFile: "credential", state: "state", name };
    writeFileSync(file, JSON.stringify({ site: url, fingerprint, ...own, abortCode }));
    return file;
  }
  const folderOf = (file: string, packageId: string): string => join(dirname(file), "Packages", packageId);

  /** As a task sequence runs it on that host. */
  function download(host: Host, file: string, packageId: string): Program {
    const words = ["download", "--settings", file, packageId, folderOf(file, packageId), location];
    const program = new Program(`download on ${host.address}`, [
      ...host.prefix,
      process.execPath,
      agent,
      ...words,
    ]);
    started.push(program);
    return program;
  }
  async function ends(program: Program, code: number): Promise<void> {
    const end = await program.ended;
    assert.equal(end.code, code, program.story());
  }
  /** Whole, and nothing is beside it. */
  function arrived(file: string, packageId: string, hash: string): void {
    const folder = folderOf(file, packageId);
    assert.deepEqual(readdirSync(folder), ["payload"]);
    assert.equal(hashOf(folder), hash);
    assert.ok(readdirSync(dirname(folder)).every((name) => /^PS\d+$/.test(name)));
  }
  const saysPart = (program: Program, part: RegExp): Promise<unknown> =>
    waitFor(() => part.test(program.output) || null, {
      what: String(part),
      everyMs: 20,
      story: () => program.story(),
    });

  let one: string;
  let other: string;

  test("two machines share a session, the second while it goes on, and nothing comes by unicast", async () => {
    [one, other] = [await settings("pc-1"), await settings("pc-2")];
    const hash = await share("PS200001", 16);
    const { bytes } = await castable("PS200001");
    const first = download(second, one, "PS200001");
    await saysPart(first, /PS200001: \d\d %/);
    const late = download(third, other, "PS200001");
    await ends(first, 0);
    await ends(late, 0);
    arrived(one, "PS200001", hash);
    arrived(other, "PS200001", hash);
    for (const { output } of [first, late]) {
      assert.match(output, /Joined session \d+ of the site on 239\./);
      assert.match(output, /by multicast, 0 bytes by unicast/);
      assert.match(output, /with the right SHA-256/);
    }
    // Its figures are read about once a second; its machines are done, and it ends by that alone.
    const session = await sessionOf("PS200001", ({ end }) => end !== null);
    assert.equal((await sessionsOf("PS200001")).length, 1);
    assert.equal(session.end?.reason, "done");
    assert.equal(session.deploymentId, null);
    assert.equal(session.machines, 2);
    assert.equal(session.unicastBytes, 0);
    assert.ok(session.multicastBytes >= bytes, `${session.multicastBytes} of ${bytes} bytes`);
    const said = await volley(site, "status", "--site");
    assert.match(said, /Package PS200001 [0-9a-f]{8} for downloads/);
  });

  test("one that is killed goes on with what it has, and so does the session when the site is killed", async () => {
    const hash = await share("PS200002", 48);
    await castable("PS200002");
    const killed = download(second, one, "PS200002");
    const steady = download(third, other, "PS200002");
    await saysPart(killed, /PS200002: [2-9]\d %/);
    await killed.kill();
    await assert.rejects(site.client.remove("/packages/PS200002"), { code: "E_IMAGE_IN_USE" });
    await site.kill();
    await site.start();
    const again = download(second, one, "PS200002");
    await ends(again, 0);
    await ends(steady, 0);
    arrived(one, "PS200002", hash);
    arrived(other, "PS200002", hash);
    assert.match(steady.output, /The site does not answer/);
    const [session, ...more] = await sessionsOf("PS200002");
    assert.deepEqual([session?.start, session?.machines, more.length], [2, 2, 0]);
    assert.match(again.output, /asking only for what is lacking/);
    assert.match(again.output, /\d+ chunks were there/);
  });

  test("a package by multicast only comes so or not at all, encrypted where that is asked for", async () => {
    const hash = await share("PS200003", 4, "--multicast", "only", "--encrypt");
    const both = [download(second, one, "PS200003"), download(third, other, "PS200003")];
    for (const program of both) await ends(program, 0);
    arrived(one, "PS200003", hash);
    arrived(other, "PS200003", hash);
    for (const { output } of both) assert.match(output, /Joined session .*, encrypted/);
    const session = await sessionOf("PS200003", ({ multicastBytes }) => multicastBytes > 0);
    assert.equal(session.encrypted, true);
    assert.equal(session.unicastBytes, 0);
    await site.client.post("/distribution-point", { multicast: false });
    const fresh = await settings("pc-3");
    const refused = download(second, fresh, "PS200003");
    await ends(refused, abortCode);
    assert.match(refused.output, /E_NO_MULTICAST/);
    assert.deepEqual(readdirSync(folderOf(fresh, "PS200003")), []);
    await site.client.post("/distribution-point", { multicast: true });
    const retried = download(second, fresh, "PS200003");
    await ends(retried, 0);
    arrived(fresh, "PS200003", hash);
  });

  test("one without multicast is fetched, and so is one that multicast does not bring", async () => {
    const plain = await share("PS200004", 2, "--multicast", "no");
    await ends(download(second, one, "PS200004"), 0);
    arrived(one, "PS200004", plain);
    assert.deepEqual(await sessionsOf("PS200004"), []);
    const hash = await share("PS200005", 2, "--multicast", "allowed");
    await castable("PS200005");
    third.dropMulticast();
    const deaf = download(third, other, "PS200005");
    await ends(deaf, 0);
    third.allowMulticast();
    arrived(other, "PS200005", hash);
    assert.match(deaf.output, /0 bytes by multicast/);
    const session = await sessionOf("PS200005", ({ unicastBytes }) => unicastBytes > 0);
    assert.equal(session.machines, 1);
  });
}

function hashOf(folder: string): string {
  return createHash("sha256")
    .update(readFileSync(join(folder, "payload")))
    .digest("hex");
}
