/** Packages at a distribution point in another building: copied as images are, cast from there, and gone with their site's. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord } from "../../contract/administration.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import { Annexe } from "../fixtures/annexe.ts";
import type { Line, PointProcess } from "../fixtures/point-process.ts";
import { waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

const mebibyte = 2 ** 20;
let annexe: Annexe;
let room: Room;
let site: SiteProcess;
let line: Line;
let point: PointProcess;
before(async () => {
  annexe = await Annexe.open("point packages", { firstPort: 41_480, groupRange: "239.10.0.0/16" });
  ({ line, point, room, site } = annexe);
  await point.start();
});
after(() => annexe?.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);
const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Answers the hash of the one file in it. */
async function addFolder(packageId: string, bytes: number, ...words: string[]): Promise<string> {
  const folder = join(room.folder, packageId);
  mkdirSync(folder);
  writeFileSync(join(folder, "payload"), randomBytes(bytes));
  await volley("package", "add", folder, "--id", packageId, ...words);
  return hashOf(join(folder, "payload"));
}

/** Of what is cast in the package's place. */
const imageOf = (packageId: string): Promise<string> =>
  waitFor(async () => (await site.client.get<PackageRecord>(`/packages/${packageId}`)).imageId, {
    what: `package ${packageId} as content`,
  });

test("a package comes over a line that is cut in the middle, and is there after the point's next start", async () => {
  await addFolder("LARGE001", 40 * mebibyte + 333);
  await addFolder("SMALL001", 1000);
  await assert.rejects(
    volley("package", "distribute", "SMALL001", "--to", "annexe"),
    /E_CONFLICT.*goes by HTTPS, from the site alone/,
  );
  const said = await volley("package", "distribute", "large001", "--to", "annexe");
  assert.match(said, /Package LARGE001 goes to annexe\./);
  const imageId = await imageOf("LARGE001");
  const part = (): number => {
    const path = join(point.options.folder, "copying", imageId, "content");
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  };
  await waitFor(() => part() > 8 * mebibyte || null, {
    what: "a fifth of the package",
    everyMs: 20,
    story: () => point.story(),
  });
  line.cut();
  const bytesBefore = line.bytes;
  const kept = part();
  line.mend();
  await point.holds(imageId);
  assert.ok(line.bytes - bytesBefore < 45 * mebibyte - kept, `${line.bytes - bytesBefore} after ${kept}`);
  await point.kill();
  const [bytesThen, started] = [line.bytes, new Date().toISOString()];
  await point.start();
  await waitFor(
    async () => {
      const { holding, lastSeen } = await point.record();
      return ((lastSeen ?? "") > started && holding.some(({ whole }) => whole)) || null;
    },
    { what: "the package at the point that has started anew", story: () => point.story() },
  );
  assert.ok(line.bytes - bytesThen < 4 * mebibyte, "it was not copied again");
  assert.match(await volley("dp", "list"), /annexe .* 1 of 1/);
  assert.match(await volley("dp", "show", "annexe"), /Packages +here: 1 of 1/);
  assert.deepEqual(await site.client.get<ImageRecord[]>("/images"), []);
});

test("its machines take packages from it and none from the site, but for what is not cast", async () => {
  const only = await addFolder("ONLY0001", 3 * mebibyte + 7, "--multicast", "only");
  await volley("dp", "set", "annexe", "--all-packages", "on");
  await point.holds(await imageOf("ONLY0001"));
  const wanted = { LARGE001: hashOf(join(room.folder, "LARGE001", "payload")), ONLY0001: only };
  const steps = [...Object.keys(wanted), "SMALL001"].map((id) =>
    commandStep(id, `cp payload ${room.folder}/%_SMSTSMachineName%-${id}`, variable("PackageID", id)),
  );
  const file = join(room.folder, "office.xml");
  writeFileSync(file, sequenceText(...steps));
  await volley("sequence", "add", file, "--name", "office");
  await volley("deployment", "create", "office", "--sequence", "office");
  const names = ["pc-1", "pc-2"];
  const agents = await Promise.all(names.map((name) => room.startAgent(site, { name, disk: null })));
  for (const agent of agents) await agent.exits(0);
  for (const name of names) {
    for (const [id, hash] of Object.entries(wanted)) {
      assert.equal(hashOf(join(room.folder, `${name}-${id}`)), hash, `${id} on ${name}`);
    }
    assert.equal(statSync(join(room.folder, `${name}-SMALL001`)).size, 1000);
  }
  for (const { errorOutput, output } of agents) {
    const joined = [...(output + errorOutput).matchAll(/Joined session \d+ of (.*?) on 239\.10\./g)];
    assert.deepEqual(
      joined.map(([, where]) => where),
      ["distribution point annexe", "distribution point annexe"],
    );
    assert.doesNotMatch(output + errorOutput, /does not come by multicast/);
  }
  const sessions = await waitFor(
    async () => {
      const told = await site.sessions();
      return told.length >= 2 ? told : null;
    },
    { what: "the sessions of both packages", story: () => point.story() },
  );
  assert.deepEqual(new Set(sessions.map((session) => session.point)), new Set(["annexe"]));
  await volley("deployment", "close", "office");
});

test("what is not to be there any more is removed, and so is what the site does not cast any more", async () => {
  const places = await Promise.all(
    ["LARGE001", "ONLY0001"].map(async (id) => join(point.options.folder, "library", await imageOf(id))),
  );
  assert.ok(places.every((place) => existsSync(place)));
  await volley("dp", "set", "annexe", "--all-packages", "off");
  const gone = (place: string): Promise<unknown> =>
    waitFor(() => !existsSync(place) || null, { what: "its end", story: () => point.story() });
  await gone(places[1] ?? "");
  assert.ok(existsSync(places[0] ?? ""), "it was named");
  await volley("package", "multicast", "LARGE001", "no");
  await gone(places[0] ?? "");
  const { packages } = await waitFor(
    async () => {
      const told = await point.record();
      return told.holding.length === 0 ? told : null;
    },
    { what: "the site to hear of it", story: () => point.story() },
  );
  assert.deepEqual(packages, [{ packageId: "LARGE001", imageId: null, contentBytes: 0 }]);
  assert.match(
    await volley("package", "distribute", "LARGE001", "--from", "annexe"),
    /Package LARGE001 goes to no other point\./,
  );
});
