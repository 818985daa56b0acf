/** Versions of task sequences: what holds one, what takes the latest, and what the site knows of each from the agent's check. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { SequenceDetail, SequenceRecord } from "../../contract/sequence.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

let room: Room;
let site: SiteProcess;
before(async () => {
  room = await openRoom("sequence versions");
  site = await room.startSite();
});
after(() => room.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);

async function upload(name: string, ...steps: string[]): Promise<SequenceRecord> {
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, sequenceText(...steps));
  return JSON.parse(await volley("sequence", "add", file, "--json")) as SequenceRecord;
}

const mark = (name: string): string => join(room.folder, name);
const marking = (name: string): string => commandStep(name, `touch ${mark(name)}`);

test("a deployment holds its version, unless it takes the latest", async () => {
  const first = await upload("held", marking("held-1"));
  await volley("deployment", "create", "holds", "--sequence", "held");
  const second = await upload("held", marking("held-2"));
  assert.deepEqual([first.version, second.version, second.latest], [1, 2, true]);
  assert.equal((await site.client.get<SequenceRecord[]>("/sequences")).length, 1);
  const agent = await room.startAgent(site, { name: "v1", disk: null });
  await agent.exits(0);
  assert.deepEqual([existsSync(mark("held-1")), existsSync(mark("held-2"))], [true, false]);
  const listed = await volley("sequence", "versions", "held");
  assert.match(listed, /^1 .* holds .*\n2 /m);
  await assert.rejects(volley("sequence", "remove", "held@1"), /E_CONFLICT/);
  await volley("sequence", "remove", "held@2");
  assert.ok(!existsSync(join(site.folder, "files", second.id)));
  await volley("deployment", "close", "holds");
});

test("with the latest, a machine in the middle of a run ends what it began, and the next begins the new one", async () => {
  const restart = commandStep("Restart", "exit 3010");
  await upload("moves", marking("moves-1"), restart, marking("moves-1-end"));
  await volley("deployment", "create", "moves", "--sequence", "moves", "--latest");
  const first = await room.startAgent(site, { name: "m1", disk: null });
  await first.exits(194);
  await upload("moves", marking("moves-2"));
  await assert.rejects(volley("sequence", "remove", "moves@1"), /E_CONFLICT/);
  const again = room.restartAgent(first);
  await again.exits(0);
  assert.deepEqual([existsSync(mark("moves-1-end")), existsSync(mark("moves-2"))], [true, false]);
  const second = await room.startAgent(site, { name: "m2", disk: null });
  await second.exits(0);
  assert.ok(existsSync(mark("moves-2")));
  // Nobody runs it any more.
  await volley("sequence", "remove", "moves@1");
  await volley("deployment", "close", "moves");
});

test("the agent's check is kept, and what the agent cannot read is refused", async () => {
  const { id } = await upload("checked", marking("One"), commandStep("Bad", "echo %NeverSet%"));
  const detail = await site.client.get<SequenceDetail>(`/sequences/${id}`);
  assert.equal(detail.unchecked, "");
  assert.deepEqual(
    detail.check?.steps.map(({ name, support }) => [name, support.winpe]),
    [
      ["One", "real"],
      ["Bad", "real"],
    ],
  );
  assert.match(JSON.stringify(detail.check?.problems), /NeverSet/);
  const shown = await volley("sequence", "show", "checked");
  assert.match(shown, /One +yes +/);
  assert.match(shown, /NeverSet/);
  const files = readdirSync(join(site.folder, "files"));
  const file = join(room.folder, "nonsense.xml");
  writeFileSync(file, "no sequence at all");
  await assert.rejects(volley("sequence", "add", file), /E_SEQUENCE_UNREADABLE/);
  assert.deepEqual(readdirSync(join(site.folder, "files")), files);
});
