/** A program may end, and a handle may be forgotten, at any moment of native work: nothing crashes or hangs. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { prepareImage } from "../../fixtures/native-session.ts";

const program = fileURLToPath(new URL("../../fixtures/native-work.js", import.meta.url));
const limit_ms = 120_000;

function run(
  folder: string,
  work: string,
  ending: string,
): { status: number | null; signal: string | null; output: string } {
  const argv = ["--expose-gc", program, folder, work, ending];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    timeout: limit_ms,
  });
  return { status, signal, output: stdout + stderr };
}

suite("the addon's threads end with the program", () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-test-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  before(async () => {
    const image = await prepareImage(folder, 2, 1);
    writeFileSync(join(folder, "manifest"), image.manifest);
    execFileSync("cp", [image.contentPath, join(folder, "content")]);
    execFileSync("mkfifo", [join(folder, "fifo")]);
  });

  for (const work of ["import", "cast", "receive"]) {
    test(`process.exit during ${work} gives its code`, () => {
      assert.deepEqual(run(folder, work, "exit"), { status: 7, signal: null, output: "" });
    });
    test(`an uncaught error during ${work} ends the program as always`, () => {
      const { status, signal, output } = run(folder, work, "throw");
      assert.deepEqual({ status, signal }, { status: 1, signal: null });
      assert.match(output, /meant to end the program/);
    });
    test(`a worker thread that is terminated during ${work} takes the native threads with it`, () => {
      const { status, signal, output } = run(folder, work, "worker");
      assert.deepEqual({ status, signal }, { status: 7, signal: null }, output);
      assert.equal(output, "worker ended with 1; file left: false\n");
    });
    test(`worker threads that are terminated while ${work} begins harm nothing`, () => {
      assert.deepEqual(run(folder, work, "workers"), { status: 7, signal: null, output: "" });
    });
    test(`${work} goes on when its handles were collected`, () => {
      assert.deepEqual(run(folder, work, "collect"), { status: 7, signal: null, output: "collected\n" });
    });
  }
});
