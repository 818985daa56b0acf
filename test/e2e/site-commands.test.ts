/** The `volley` program as a person calls it: with a site and without one, right and wrong. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { CredentialAnswer, DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom, type RawImage, type Room } from "../fixtures/room.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));

let room: Room;
let image: RawImage;
let root: string;
before(async () => {
  room = await openRoom("site commands");
  image = await room.makeImage(8);
  root = execFileSync("b3sum", ["--no-names", image.path], { encoding: "utf8" }).trim();
});
after(() => room.close());

async function call(...words: string[]): Promise<{ code: number | null; output: string; complaint: string }> {
  const program = new Program(`volley ${words.join(" ")}`, [process.execPath, volley, ...words]);
  const { code } = await program.ended;
  assert.doesNotMatch(program.errorOutput, /\n\s+at /, "a stack trace was shown");
  return { code, output: program.output, complaint: program.errorOutput };
}

async function fails(code: ErrorCode, ...words: string[]): Promise<string> {
  const { code: exitCode, complaint } = await call(...words);
  assert.match(complaint, new RegExp(`^${code}: .+\\n  .+\\n  .+\\n$`, "m"));
  assert.equal(exitCode, errors[code].exitCode);
  return complaint;
}

async function answer<Answer>(...words: string[]): Promise<Answer> {
  const { code, output, complaint } = await call(...words, "--json");
  assert.equal(code, 0, complaint);
  return JSON.parse(output) as Answer;
}

test("what is not understood is said, with exit code 2, and help is there for every command", async () => {
  const { code, output } = await call("--help");
  assert.equal(code, 0);
  const commands = [...output.matchAll(/^ {2}volley ([a-z]+(?: [a-z-]+)?)/gm)].map((match) => match[1] ?? "");
  assert.ok(commands.length >= 30, `${commands.length} commands`);
  for (const command of commands.filter((_, index) => index % 3 === 0)) {
    const help = await call(...command.split(" "), "--help");
    assert.equal(help.code, 0, command);
    assert.match(help.output, new RegExp(`^Usage: volley ${command}`, "m"));
  }
  for (const line of [["image"], ["image", "--help"]]) {
    const ofImages = await call(...line);
    assert.equal(ofImages.code, 0, ofImages.complaint);
    assert.match(ofImages.output, /volley image import FILE/);
    assert.doesNotMatch(ofImages.output, /volley package/);
  }
  const data = join(room.folder, "unused");
  await fails("E_USAGE", "image", "polish");
  await fails("E_USAGE", "imago");
  await fails("E_USAGE", "image", "import", "--data", data);
  await fails("E_USAGE", "image", "list", "--nonsense", "--data", data);
  await fails("E_USAGE", "site", "--port", "eight", "--data", data);
  await fails("E_USAGE", "site", "--address", "everywhere", "--data", data);
  await fails("E_USAGE", "site", "--group-range", "10.0.0.0/8", "--data", data);
  assert.ok(!existsSync(data), "nothing is made by a command that was not understood");
});

test("commands work without a running site, and find what earlier ones did", async () => {
  const data = ["--data", join(room.folder, "alone")];
  const imported = await answer<ImageRecord>("image", "import", image.path, "--name", "lab", ...data);
  assert.equal(imported.root, root);
  assert.deepEqual(await answer<ImageRecord[]>("image", "list", ...data), [imported]);
  const shown = await call("image", "show", "lab", ...data);
  assert.match(shown.output, new RegExp(root));
  await fails("E_CONFLICT", "image", "import", image.path, "--name", "lab", ...data);
  await fails("E_NOT_FOUND", "image", "show", "other", ...data);
  const letter = join(room.folder, "letter.vmdk");
  writeFileSync(letter, "Dear aunt,\n".repeat(3000));
  assert.match(await fails("E_IMAGE_FORMAT", "image", "import", letter, ...data), /letter\.vmdk/);
});

test("commands speak to the running site, which goes on", async () => {
  const site = await room.startSite();
  const data = ["--data", site.folder];
  await answer("image", "import", image.path, "--name", "lab", ...data);
  const { code, output } = await call("image", "verify", "lab", ...data);
  assert.equal(code, 0);
  assert.match(output, /all 8 chunks are right/);
  const credential = await answer<CredentialAnswer>(
    "credential",
    "new",
    "--uses",
    "2",
    "--hours",
    "1",
    ...data,
  );
  assert.ok(credential.credential.length >= 16);
  const plain = (await call("credential", "new", ...data)).output.trim();
  assert.match(plain, /^[\w-]{32}$/);

  const words = ["--image", "lab", "--unattended", "--rate", "100", "--disk-least", "1000"];
  const refusal = await fails("E_NOT_CONFIRMED", "deployment", "create", "room 1", ...words, ...data);
  assert.match(refusal, /It is for every machine of the site\..*Confirm with "all machines"/);
  words.push("--confirm", "all machines");
  const deployment = await answer<DeploymentRecord>("deployment", "create", "room 1", ...words, ...data);
  assert.equal(deployment.rateMbps, 100);
  assert.equal(deployment.unattended, true);
  assert.equal(deployment.disk.leastBytes, 1000);
  await fails("E_CONFLICT", "deployment", "create", "room 1", ...words, ...data);
  await fails("E_IMAGE_IN_USE", "image", "remove", "lab", ...data);
  await fails(
    "E_NOT_FOUND",
    "deployment",
    "create",
    "room 2",
    "--image",
    "lab",
    "--machines",
    "nobody",
    ...data,
  );
  assert.match((await call("deployment", "list", ...data)).output, /room 1 +lab +all +open/);
  assert.equal((await answer<DeploymentRecord>("deployment", "close", "room 1", ...data)).open, false);
  await answer("deployment", "remove", "room 1", ...data);
  await answer("image", "remove", "lab", ...data);
  assert.deepEqual(await answer("image", "list", ...data), []);
  assert.deepEqual(await answer("machine", "list", ...data), []);
  assert.deepEqual(await answer("session", "list", ...data), []);

  await site.kill();
  assert.ok(existsSync(join(site.folder, "site.json")), "a killed site leaves word of itself");
  assert.deepEqual(await answer("image", "list", ...data), [], "which misleads nobody");
  const log = readFileSync(join(site.folder, "site.log"), "utf8");
  assert.ok(!log.includes(credential.credential) && !log.includes(plain));
});
