/**
 * Three real processes of one site on one PostgreSQL, each on a host of its own: whichever is asked answers as the one that
 * serves would; that one falls silent in mid-session, another goes on with it, and nothing that was acknowledged is gone.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Me, type AuditEntry } from "../../contract/accounts.ts";
import type { CredentialAnswer, ImageRecord } from "../../contract/administration.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import { limits } from "../../contract/limits.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { PostgresServer } from "../fixtures/postgres-server.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 40;
/** Waiting for a lease to lapse takes its time. */
const isLong = ["long", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "");

testOnNetwork(
  { title: "on a network of hosts: three processes of one site", hostCount: 4, file: import.meta.url },
  ({ hosts: [here, ...others] }) => {
    assert.ok(here && others.length === 3);
    tests(here, others);
  },
);

/** What the page hears. */
class Events {
  text = "";
  readonly #sent: ReturnType<typeof request>;
  #ended = false;

  constructor({ address, authorityFile, port }: SiteProcess, cookie: string) {
    const ca = readFileSync(authorityFile, "utf8");
    this.#sent = request({ host: address, port, path: "/api/v1/events", headers: { cookie }, ca });
    this.#sent.on("response", (answer) => {
      assert.equal(answer.headers["content-type"], "text/event-stream");
      answer.setEncoding("utf8").on("data", (part: string) => (this.text += part));
      answer.on("close", () => (this.#ended = true));
      answer.on("error", () => undefined);
    });
    this.#sent.on("error", () => (this.#ended = true));
    this.#sent.end();
  }

  get hasEnded(): boolean {
    return this.#ended;
  }
  close(): void {
    this.#sent.destroy();
  }
}

function tests(here: Host, hosts: readonly Host[]): void {
  let room: Room;
  let server: PostgresServer;
  const sites: SiteProcess[] = [];
  let image: RawImage;
  let record: ImageRecord;
  before(async () => {
    room = await openRoom("site processes");
    server = await PostgresServer.start();
    const sharedFolder = join(room.folder, "shared");
    const { words: database } = await server.forSite(room.folder);
    const words = [...database, "--shared", sharedFolder];
    for (const { address, prefix } of hosts) {
      sites.push(await room.startSite({ address, sharedFolder, words, prefix }));
    }
    image = await room.makeImage(mebibytes);
  });
  after(async () => {
    await room.close();
    await server.stop();
  });

  const callerAt = ({ address, authorityFile, port }: SiteProcess): HttpsCaller =>
    new HttpsCaller({ host: address, port, authority: readFileSync(authorityFile, "utf8") });
  const at = (index: number): SiteProcess => {
    const site = sites[index];
    assert.ok(site);
    return site;
  };

  test("whichever process is asked, a person and a program get the same answers", async () => {
    const [second, third] = [callerAt(at(1)), callerAt(at(2))];
    const body = { name: "admin", password: at(0).firstPassword };
    const signedIn = await second.call({ method: "POST", path: "/api/v1/login", body });
    assert.equal(signedIn.status, 200, signedIn.text);
    const cookie = [signedIn.headers["set-cookie"] ?? []].flat()[0]?.split(";")[0] ?? "";
    const me = await third.call({ path: "/api/v1/me", headers: { cookie } });
    assert.equal(Me.parse(me.json).name, "admin");
    const page = await third.call({ path: "/login" });
    assert.match(page.text, /<html/i);

    record = await at(2).importImage(image.path, "lab");
    for (const site of sites) {
      assert.deepEqual(
        (await site.client.get<ImageRecord[]>("/images")).map(({ id }) => id),
        [record.id],
      );
    }
    // Whoever asked is written down with the own address, not with that of the process that passed it on.
    const audit = await at(0).client.get<AuditEntry[]>("/audit");
    assert.equal(
      audit.find(({ action }) => action === "sign in")?.address,
      here.address,
      JSON.stringify(audit),
    );
    second.close();
    third.close();
  });

  test("for whom a process asks is no client's to say", async () => {
    for (const site of sites) {
      const caller = callerAt(site);
      const forged = await caller.call({
        path: "/api/v1/health",
        headers: { "x-volley-client": "192.0.2.1" },
      });
      assert.equal(forged.status, 403);
      assert.equal(ErrorAnswer.parse(forged.json).code, "E_FORBIDDEN");
      caller.close();
    }
  });

  test("a session whose process is gone goes on at another, for machines that ask any of them", async () => {
    const [serving, second, third] = [at(0), at(1), at(2)];
    await third.createDeployment({ name: "room", imageId: record.id, rateMbps: 24 });
    const { credential } = await second.client.post<CredentialAnswer>("/credentials", {
      uses: 10,
      validHours: 1,
    });
    const disks = [await room.makeDisk(mebibytes), await room.makeDisk(mebibytes)];
    const events = new Events(third, await cookieOf(third));
    const agents = await Promise.all(
      disks.map((disk, index) =>
        room.startAgent(index === 0 ? second : third, { name: `pc${index}`, disk, credential }),
      ),
    );
    for (const name of ["pc0", "pc1"]) await third.waitForPart(name, 0.1);
    await waitFor(async () => /pc0/.test(events.text) && /pc1/.test(events.text), {
      what: "both in the room",
    });
    const [earlier] = await second.sessions();
    assert.equal(events.hasEnded, false);
    const acknowledged = await second.client.get<unknown[]>("/status");

    if (isLong) serving.process.signal("SIGSTOP");
    else await serving.kill();
    const goneMs = performance.now();
    const answering = async (site: SiteProcess): Promise<boolean> =>
      site.sessions().then(
        () => true,
        () => false,
      );
    const bound = { what: "another process that serves", timeMs: 3 * limits.siteTakeoverMs };
    await waitFor(async () => (await answering(second)) && (await answering(third)), bound);
    console.log(`served again after ${((performance.now() - goneMs) / 1000).toFixed(1)} s`);
    if (isLong) await serving.kill();
    for (const agent of agents) await agent.exits(0);
    for (const disk of disks) await diskEquals(disk, image);
    assert.ok(
      events.hasEnded,
      "what was heard of the one that is gone has an end, so that the page asks again",
    );
    events.close();

    for (const site of [second, third]) {
      const [session, ...more] = await site.sessions();
      assert.deepEqual([session?.id, more.length], [earlier?.id, 0], "the very session");
      assert.ok((session?.start ?? 0) > (earlier?.start ?? 0), "under another start");
      const states = (await site.machines()).map(({ state }) => state);
      assert.deepEqual(states, ["succeeded", "succeeded"]);
      const kept = JSON.stringify(await site.client.get<unknown[]>("/status"));
      for (const one of acknowledged) assert.ok(kept.includes(JSON.stringify(one)), JSON.stringify(one));
    }

    // The one that was gone comes back, and passes on like the others.
    await serving.start();
    assert.equal((await serving.sessions())[0]?.id, earlier?.id);
  });

  test("all of them outlast a restart of the database's server", async () => {
    await server.restart();
    for (const site of sites) {
      const answers = (): Promise<boolean> =>
        site.sessions().then(
          () => true,
          () => false,
        );
      await waitFor(answers, { what: `answer of ${site.address}`, story: () => site.process.story() });
      assert.ok(site.process.running, site.process.story());
    }
  });

  async function cookieOf(site: SiteProcess): Promise<string> {
    const caller = callerAt(site);
    const body = { name: "watcher", password: "correct horse battery" };
    await site.client.post("/accounts", { ...body, role: "viewer" });
    const { headers } = await caller.call({ method: "POST", path: "/api/v1/login", body });
    caller.close();
    return [headers["set-cookie"] ?? []].flat()[0]?.split(";")[0] ?? "";
  }
}
