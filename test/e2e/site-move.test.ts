/**
 * A site that moves: from the database in its folder to a PostgreSQL server and back, each time by a backup. And a folder
 * whose database is gone, which is no new site.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import { uploadFile } from "../../site/commands/upload.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { PostgresServer } from "../fixtures/postgres-server.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import { SiteProcess } from "../fixtures/site-process.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));
let room: Room;
let server: PostgresServer;
let site: SiteProcess;
let machine: EnrolledMachine;
let passphrase: string[];
before(async () => {
  room = await openRoom("site move");
  server = await PostgresServer.start();
  const passphraseFile = join(room.folder, "passphrase");
  writeFileSync(passphraseFile, "eleven green bottles\n");
  passphrase = ["--passphrase-file", passphraseFile];
  site = await room.startSite();
  await site.importImage((await room.makeImage(2)).path, "small");
  const file = join(room.folder, "one.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  const uploadId = await uploadFile(site.client, file, true);
  await site.client.post("/sequences", { name: "one", fileName: "one.xml", uploadId });
  const [image] = await site.client.get<{ id: string }[]>("/images");
  machine = await EnrolledMachine.enrol(site, "pc1");
  const { id } = await site.createDeployment({
    name: "room 1",
    imageId: image?.id ?? "",
    machines: [machine.id],
  });
  assert.equal((await machine.report(id, "a word")).status, 200);
  assert.equal((await machine.bringLog(id, "the end of a log")).status, 204);
});
after(async () => {
  machine.close();
  await room.close();
  await server.stop();
});

async function call(...words: string[]): Promise<Program> {
  const program = new Program(`volley ${words[0]}`, [process.execPath, volley, ...words]);
  await program.ended;
  return program;
}
async function does(...words: string[]): Promise<string> {
  const program = await call(...words);
  assert.equal((await program.ended).code, 0, program.story());
  return program.output;
}
async function fails(code: ErrorCode, ...words: string[]): Promise<string> {
  const program = await call(...words);
  assert.equal((await program.ended).code, errors[code].exitCode, program.story());
  assert.match(program.errorOutput, new RegExp(`^${code}: `));
  return program.errorOutput;
}

/** What an administrator sees of it, but for what the moment changes. */
async function everything({ client }: SiteProcess): Promise<unknown> {
  const paths = ["/images", "/accounts", "/deployments", "/sequences", "/collections", "/status", "/logs"];
  return await Promise.all(paths.map((path) => client.get(path)));
}

test("a backup of a folder becomes a site on PostgreSQL, and its backup a folder again", async () => {
  const kept = await everything(site);
  const first = join(room.folder, "first.volley-backup");
  await does("backup", first, "--data", site.folder, ...passphrase);
  await site.stop();

  const { words: on } = await server.forSite(room.folder);
  const shared = join(room.folder, "shared");
  const own = join(room.folder, "own");
  const words = [...on, "--shared", shared, "--data", own, ...passphrase];
  assert.match(await does("restore", first, ...words), /its database at postgres:/);
  // All that the processes have in common is in the one folder, and of the other the commands know where.
  assert.deepEqual(readdirSync(own), ["server.json"]);
  const moved = new SiteProcess(own, { sharedFolder: shared });
  try {
    await moved.start();
    assert.equal(moved.fingerprint, site.fingerprint);
    assert.deepEqual(await everything(moved), kept);
    // Logs too are where every process of the site finds them.
    assert.ok(readdirSync(join(shared, "logs")).length === 1 && !existsSync(join(own, "logs")));
    const enrolled = machine.at(moved);
    assert.equal((await enrolled.policy()).status, 200);
    enrolled.close();
    assert.match(await does("image", "verify", "--data", own), /1 images? (is|are) right/);
    const second = join(room.folder, "second.volley-backup");
    await does("backup", second, "--data", own, ...passphrase);
    await moved.stop();

    const back = join(room.folder, "back");
    await does("restore", second, "--data", back, ...passphrase);
    const returned = new SiteProcess(back, {});
    await returned.start();
    assert.deepEqual(await everything(returned), kept);
    await returned.close();
  } finally {
    await moved.close();
  }

  // Neither a database nor a folder that has something in it is written over.
  const other = ["--shared", join(room.folder, "other"), "--data", join(room.folder, "other")];
  assert.match(await fails("E_CONFLICT", "restore", first, ...on, ...other, ...passphrase), /not empty/);
  assert.equal(existsSync(join(room.folder, "other", "authority")), false);
  const { words: unused } = await server.forSite(room.folder);
  const into = [...unused, "--data", join(room.folder, "x")];
  await fails("E_CONFLICT", "restore", first, ...into, "--shared", shared, ...passphrase);
});

test("a folder whose database is gone starts no new site, and keeps its files where they are", async () => {
  const folder = join(room.folder, "lost");
  cpSync(site.folder, folder, { recursive: true });
  renameSync(join(folder, "database"), join(room.folder, "database elsewhere"));
  const files = readdirSync(join(folder, "files"));
  assert.ok(files.length > 0);
  const said = await fails("E_STORE", "site", "--data", folder, "--address", "127.0.0.1", "--port", "0");
  assert.match(said, /database .* is missing/);
  assert.deepEqual(readdirSync(join(folder, "files")), files);
  assert.equal(existsSync(join(folder, "database")), false);
  // Put back, it is the site that it was.
  renameSync(join(room.folder, "database elsewhere"), join(folder, "database"));
  const again = new SiteProcess(folder, {});
  await again.start();
  assert.equal((await again.client.get<unknown[]>("/images")).length, 1);
  await again.close();
});
