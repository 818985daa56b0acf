/** A backup of a site that runs, restored into an empty folder: the same site, and nothing for whom it is not. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import type { TokenAnswer } from "../../contract/accounts.ts";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import type { BackupFacts } from "../../site/backup/restore.ts";
import { uploadFile } from "../../site/commands/upload.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { Program } from "../fixtures/program.ts";
import { random } from "../fixtures/random.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import { SiteProcess } from "../fixtures/site-process.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const passphrase = "eleven green bottles";
let room: Room;
let site: SiteProcess;
let image: ImageRecord;
let deployment: DeploymentRecord;
let machine: EnrolledMachine;
let backup: string;
let passphraseFile: string;
before(async () => {
  room = await openRoom("site backup");
  site = await room.startSite();
  image = await site.importImage((await room.makeImage(24)).path, "lab");
  await site.importImage((await room.makeImage(2)).path, "small");
  machine = await EnrolledMachine.enrol(site, "pc1");
  deployment = await site.createDeployment({ name: "room 1", imageId: image.id, machines: [machine.id] });
  passphraseFile = join(room.folder, "passphrase");
  writeFileSync(passphraseFile, `${passphrase}\n`);
  backup = join(room.folder, "site.volley-backup");
});
after(async () => {
  machine.close();
  await room.close();
});

async function call(words: string[]): Promise<{ code: number | null; output: string; complaint: string }> {
  const program = new Program(`volley ${words[0]}`, [process.execPath, volley, ...words]);
  const { code } = await program.ended;
  return { code, output: program.output, complaint: program.errorOutput };
}
async function answer<Answer>(...words: string[]): Promise<Answer> {
  const { code, output, complaint } = await call([...words, "--json", "--passphrase-file", passphraseFile]);
  assert.equal(code, 0, complaint);
  return JSON.parse(output) as Answer;
}
async function fails(code: ErrorCode, ...words: string[]): Promise<string> {
  const ended = await call(words);
  assert.match(ended.complaint, new RegExp(`^${code}: `), ended.output);
  assert.equal(ended.code, errors[code].exitCode);
  return ended.complaint;
}

/** What an administrator sees of it. */
async function everything({ client }: SiteProcess): Promise<unknown> {
  const paths = ["/images", "/accounts", "/tokens", "/deployments", "/devices", "/collections", "/sequences"];
  return await Promise.all([...paths, "/status"].map((path) => client.get(path)));
}

test("a site that is backed up while machines report is the same site again, with its keys", async () => {
  const file = join(room.folder, "one.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  const uploadId = await uploadFile(site.client, file, true);
  await site.client.post("/sequences", { name: "one", fileName: "one.xml", uploadId });
  const { token } = await site.client.post<TokenAnswer>("/tokens", {
    name: "t",
    role: "viewer",
    validDays: 1,
  });
  await site.client.post(`/machines/${machine.id}/variables`, {
    variables: [{ name: "Key", value: "AAAAA-BBBBB", hidden: true }],
  });
  // Whoever reports meanwhile is heard, before what is kept or after it.
  let reports = 0;
  let goesOn = true;
  const reporting = (async () => {
    while (goesOn) {
      assert.equal((await machine.report(deployment.id, `report ${reports}`)).status, 200);
      reports += 1;
    }
  })();
  const list = join(room.folder, "content.json");
  const facts = await answer<BackupFacts>("backup", backup, "--data", site.folder, "--content-list", list);
  goesOn = false;
  await reporting;
  assert.deepEqual(JSON.parse(readFileSync(list, "utf8")), facts.content);
  const [content, ...others] = facts.content;
  assert.equal(others.length, 0);
  assert.equal(content?.path, `library/${image.id}/content`);
  assert.equal(content?.hash, `blake3:${image.root}`);
  const sealed = readFileSync(backup, "latin1");
  for (const secret of ["PRIVATE KEY", "room 1", token]) assert.ok(!sealed.includes(secret), secret);
  assert.deepEqual(
    readdirSync(site.folder).filter((name) => name.startsWith(".backup-")),
    [],
  );

  const kept = await everything(site);
  await site.stop();
  const folder = join(room.folder, "restored");
  const again = await answer<BackupFacts>("restore", backup, "--data", folder);
  assert.deepEqual(again, facts);
  const restored = new SiteProcess(folder, {});
  try {
    await restored.start();
    assert.equal(restored.fingerprint, site.fingerprint);
    const [images, accounts, tokens, ...rest] = (await everything(restored)) as unknown[][];
    assert.deepEqual([images, accounts, tokens], (kept as unknown[][]).slice(0, 3));
    // Machines were last seen, and said something, after the backup.
    assert.equal(rest.length, 5);
    assert.deepEqual(
      rest[0]?.map((one) => (one as DeploymentRecord).name),
      ["room 1"],
    );
    // What is sealed under the site's own key opens, and the machine is known by its key.
    const policy = machine.at(restored);
    assert.equal((await policy.policy()).status, 200);
    policy.close();
    const words = ["image", "verify", "--data", folder];
    assert.match((await call(words)).output, /^lab: E_CONTENT_READ: /m);
    cpSync(join(site.folder, "library"), join(folder, "library"), { recursive: true });
    assert.match((await call(words)).output, /^2 images are right\.$/m);
    // Of a library that rots the image and the place are named, and the others are looked at all the same.
    const path = join(folder, "library", image.id, "content");
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await fails("E_CONTENT_CORRUPT", ...words);
    const said = (await call(words)).output;
    assert.match(said, /^lab: E_CONTENT_CORRUPT: .*chunk \d+ \(at byte \d+ of the image\)/m);
    assert.match(said, /^small: all 2 chunks are right/m);
  } finally {
    await restored.close();
    await site.start();
  }
});

test("a backup opens with its passphrase alone, whole and unchanged, and into an empty folder", async () => {
  const folder = join(room.folder, "never");
  const words = (path: string): string[] => ["restore", path, "--data", folder];
  const wrong = join(room.folder, "wrong");
  writeFileSync(wrong, "twelve green bottles\n");
  await fails("E_BACKUP", ...words(backup), "--passphrase-file", wrong);
  await fails("E_USAGE", ...words(backup));
  const given = ["--passphrase-file", passphraseFile];
  await fails("E_SOURCE_READ", ...words(join(room.folder, "nowhere")), ...given);
  const bytes = readFileSync(backup);
  const next = random(room.seed);
  const damaged = join(room.folder, "damaged");
  for (let round = 0; round < 2; round += 1) {
    const place = Math.floor(next() * bytes.length);
    const changed = Buffer.from(bytes);
    changed[place] = (changed[place] ?? 0) ^ (1 << Math.floor(next() * 8));
    writeFileSync(damaged, round % 2 === 0 ? changed : bytes.subarray(0, place));
    await fails("E_BACKUP", ...words(damaged), ...given);
  }
  assert.throws(() => readdirSync(folder), "nothing is written before it was read whole");
  mkdirSync(folder);
  writeFileSync(join(folder, "mine"), "");
  await fails("E_CONFLICT", ...words(backup), ...given);
  assert.deepEqual(readdirSync(folder), ["mine"]);
  await fails("E_CONFLICT", "backup", backup, "--data", site.folder, ...given);
  await answer<BackupFacts>("restore", backup, "--verify");
});

test("a restore that was cut off is no site", async () => {
  const folder = join(room.folder, "cut");
  const program = new Program("restore", [
    process.execPath,
    volley,
    "restore",
    backup,
    "--data",
    folder,
    "--passphrase-file",
    passphraseFile,
  ]);
  for (;;) {
    if (execFileSync("find", [room.folder, "-maxdepth", "2", "-name", ".restoring"]).length > 0) break;
    assert.ok(program.running, program.story());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await program.kill();
  assert.match(await fails("E_UPGRADE", "image", "list", "--data", folder), /restore/);
});

/** Waits until `program` reads the pipe at `path`. */
async function writerOf(path: string, program: Program): Promise<FileHandle> {
  for (;;) {
    try {
      const probe = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
      const writer = await open(path, "w");
      await probe.close();
      return writer;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
    }
    assert.ok(program.running, program.story());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("what comes into the folder while a restore reads is neither joined nor taken away", async () => {
  const file = join(room.folder, "slow.volley-backup");
  await answer<BackupFacts>("backup", file, "--data", site.folder);
  const bytes = readFileSync(file);
  const half = Math.floor(bytes.length / 2);
  const pipe = join(room.folder, "pipe");
  const begin = (folder: string): Program => {
    execFileSync("mkfifo", [pipe]);
    const words = ["restore", pipe, "--data", folder, "--passphrase-file", passphraseFile];
    return new Program("restore", [process.execPath, volley, ...words]);
  };
  const endsWith = async (program: Program, code: ErrorCode, folder: string): Promise<void> => {
    assert.equal((await program.ended).code, errors[code].exitCode, program.story());
    assert.match(program.errorOutput, new RegExp(`^${code}: `));
    assert.deepEqual(readdirSync(folder), ["mine"]);
  };

  // While it is read whole, before there is a lock.
  const early = join(room.folder, "early");
  let program = begin(early);
  let writer = await writerOf(pipe, program);
  // Whatever reads again finds another file.
  renameSync(file, pipe);
  await writer.writeFile(bytes.subarray(0, half));
  mkdirSync(early);
  writeFileSync(join(early, "mine"), "");
  await writer.writeFile(bytes.subarray(half));
  await writer.close();
  await endsWith(program, "E_CONFLICT", early);

  // While it is read again, and ends too soon.
  renameSync(pipe, file);
  const late = join(room.folder, "late");
  program = begin(late);
  writer = await writerOf(pipe, program);
  execFileSync("mkfifo", [`${pipe}-2`]);
  renameSync(`${pipe}-2`, pipe);
  await writer.writeFile(bytes);
  await writer.close();
  writer = await writerOf(pipe, program);
  writeFileSync(join(late, "mine"), "");
  await writer.writeFile(bytes.subarray(0, half));
  await writer.close();
  await endsWith(program, "E_BACKUP", late);
});
