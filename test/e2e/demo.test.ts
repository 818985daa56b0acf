/** The demo's own promises, with a small image: its exit code, its JSON, its disks, and what it leaves behind. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const limitMs = 4 * 60_000;
const imageBytes = 40 * 1024 * 1024;

const Result = z.strictObject({
  image: z.strictObject({ bytes: z.int(), root: z.string() }),
  clients: z.array(
    z.strictObject({
      name: z.string(),
      verified: z.boolean(),
      root: z.string(),
      multicastBytes: z.int(),
      unicastBytes: z.int(),
      seconds: z.number(),
    }),
  ),
});

let folder = "";
let image = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "volley-demo-test-"));
  image = join(folder, "image.raw");
  // Data at the start and at the end, a hole between.
  const file = openSync(image, "wx");
  ftruncateSync(file, imageBytes);
  writeSync(file, randomBytes(5_000_000), 0, 5_000_000, 0);
  writeSync(file, randomBytes(3_000_000), 0, 3_000_000, imageBytes - 3_000_000);
  closeSync(file);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function runDemo(argv: string[]): Promise<{ exitCode: number; output: string }> {
  const script = join(root, "dist", "scripts", "demo.js");
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...argv], { timeout: limitMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ exitCode: code, output: stdout + stderr });
    });
  });
}

/** Other demos may run meanwhile: only what is new counts. */
function runFolders(): string[] {
  const cache = join(root, ".cache");
  return existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("demo-run-")) : [];
}

const bytesOf = (path: string): Buffer => readFileSync(path);

test("every disk is right, the JSON says so, b3sum agrees, and nothing is left behind", async () => {
  const disks = join(folder, "disks");
  const json = join(folder, "result.json");
  const earlier = new Set(runFolders());
  const { exitCode, output } = await runDemo([
    "--image",
    image,
    "--clients",
    "2",
    "--disks",
    disks,
    "--json",
    json,
  ]);
  assert.equal(exitCode, 0, output);
  assert.match(output, /Every disk is right/);
  const result = Result.parse(JSON.parse(readFileSync(json, "utf8")));
  assert.equal(result.image.bytes, imageBytes);
  assert.deepEqual(
    result.clients.map(({ name, verified }) => ({ name, verified })),
    [
      { name: "pc-01", verified: true },
      { name: "pc-02", verified: true },
    ],
  );
  for (const [index, client] of result.clients.entries()) {
    assert.equal(client.root, result.image.root);
    assert.ok(client.multicastBytes + client.unicastBytes > 0, "nothing was received");
    assert.ok(bytesOf(join(disks, `${index + 1}.raw`)).equals(bytesOf(image)), `disk ${index + 1} differs`);
  }
  const opinion = spawnSync("b3sum", ["--no-names", image], { encoding: "utf8" });
  if (opinion.status === 0) assert.equal(opinion.stdout.trim(), result.image.root);
  assert.deepEqual(
    runFolders().filter((name) => !earlier.has(name)),
    [],
  );
});

test("an image that is not there, and one that is not what it says, end with a code and a remedy", async () => {
  const missing = await runDemo(["--image", join(folder, "missing.raw")]);
  assert.notEqual(missing.exitCode, 0);
  assert.match(missing.output, /E_USAGE: --image .*missing\.raw is not a file/);

  const pretender = join(folder, "pretender.qcow2");
  closeSync(openSync(pretender, "wx"));
  const refused = await runDemo(["--image", pretender, "--clients", "1"]);
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.output, /^E_[A-Z_]+: /m);
});
