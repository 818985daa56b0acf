/** An agent that is killed at hundreds of random moments ends where one ends that nobody kills. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { testFolder } from "../../../fixtures/folder.ts";
import { random, testSeed } from "../../../fixtures/random.ts";

const program = fileURLToPath(new URL("long-run.js", import.meta.url));
const rounds = 40;
/** Of both runs that go on at a time. */
const killsMost = 120;
/** Runs follow each other until so many kills were survived. */
const killsWanted = process.env["VOLLEY_TEST_LEVEL"] === "long" ? 600 : 200;

interface Outcome {
  name: string;
  exitCode: number;
  result: string;
}
interface Result {
  variables: { name: string; value: string; hidden: boolean }[];
  outcomes: Outcome[];
}

/** Null when it was killed. */
function runOnce(folder: string, killAfterMs: number | null): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "inherit", "inherit"] });
    const timer = killAfterMs === null ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

function newFolder(context: TestContext): string {
  const folder = testFolder(context);
  writeFileSync(join(folder, "key"), randomBytes(32));
  writeFileSync(join(folder, "lines"), "");
  return folder;
}

async function runKilled(folder: string, next: () => number): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    const code = await runOnce(folder, kills < killsMost ? 40 + next() * 160 : null);
    if (code !== null) {
      assert.equal(code, 0);
      return kills;
    }
  }
}

/** Variables have no order. */
function read(folder: string): Result {
  const found = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as Result;
  return { ...found, variables: found.variables.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
/** A step that must not run twice fails where it was interrupted; all else is as if nothing had happened. */
const isOnce = ({ name }: Outcome): boolean => name.startsWith("once ");

test("a run that is killed again and again ends as one that is not, and does nothing twice that must not be", async (context) => {
  const seed = testSeed("killed run");
  const whole = newFolder(context);
  assert.equal(await runOnce(whole, null), 0);
  const expected = read(whole);
  assert.equal(expected.variables.find(({ name }) => name === "Counter")?.value, String(rounds * 2));
  const folders: string[] = [];
  const kills: number[] = [];
  for (let total = 0; total < killsWanted; total = kills.reduce((sum, count) => sum + count, 0)) {
    const two = [newFolder(context), newFolder(context)];
    const first = seed + folders.length;
    folders.push(...two);
    kills.push(...(await Promise.all(two.map((folder, index) => runKilled(folder, random(first + index))))));
    console.log(`# killed ${kills.join(" and ")} times`);
    assert.ok(
      kills.every((count) => count > 40),
      "the runs ended before they were killed often enough",
    );
  }
  for (const folder of folders) {
    const found = read(folder);
    assert.deepEqual(
      found.outcomes.filter((outcome) => !isOnce(outcome)),
      expected.outcomes.filter((outcome) => !isOnce(outcome)),
    );
    assert.deepEqual(found.variables, expected.variables);
    assert.equal(readFileSync(join(folder, "lines"), "utf8"), readFileSync(join(whole, "lines"), "utf8"));
    const once = found.outcomes.filter(isOnce);
    assert.equal(once.length, rounds);
    for (const { exitCode, name } of once) {
      const path = join(folder, name.replace(" ", "-"));
      const times = existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
      assert.ok(
        exitCode === 0 ? times === 1 : exitCode === 0x800703e3 && times <= 1,
        `${name}: ${times} times`,
      );
    }
  }
});
