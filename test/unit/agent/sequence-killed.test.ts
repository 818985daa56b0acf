/** `volley-agent sequence run` itself, killed again and again in the middle of a sequence. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { testFolder } from "../../fixtures/folder.ts";
import { random, testSeed } from "../../fixtures/random.ts";
import { commandStep, sequenceText, settingStep } from "../../fixtures/sequence-text.ts";

const program = fileURLToPath(new URL("../../../agent/main.js", import.meta.url));
const rounds = 36;
const killsLeast = 24;

test("the agent itself, killed dozens of times, ends the sequence as one that is not", async (context) => {
  const next = random(testSeed("killed agent"));
  const folder = testFolder(context);
  const [file, lines] = [join(folder, "test.xml"), join(folder, "lines")];
  const steps = Array.from({ length: rounds }, (_, index) => [
    settingStep("Sum", "%Sum%x"),
    // It stays for longer than it takes until the kill: each life comes about one line further.
    commandStep(`Line ${index}`, `grep -qx ${index} ${lines} || echo ${index} >> ${lines}; sleep 0.5`),
  ]);
  writeFileSync(file, sequenceText(...steps.flat(), commandStep("Sum", `echo %Sum% > ${folder}/sum`)));
  writeFileSync(lines, "");
  const written = (): string => readFileSync(lines, "utf8");

  /** Killed some moments after it got further; null when it was. */
  const live = async (): Promise<number | null> => {
    const words = [program, "sequence", "run", file, "--state", join(folder, "state"), "--set=Sum=0"];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
    const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
    const before = written();
    while (child.exitCode === null && written() === before) await delay(5);
    await delay(next() * 60);
    child.kill("SIGKILL");
    return closed;
  };
  let kills = 0;
  for (let code = await live(); code !== 0; code = await live()) {
    assert.equal(code, null, "it has failed by itself");
    kills += 1;
  }
  console.log(`# killed ${kills} times`);
  assert.ok(kills >= killsLeast, `the sequence ended before it was killed often enough: ${kills} times`);
  assert.deepEqual(
    written().trim().split("\n"),
    Array.from({ length: rounds }, (_, index) => String(index)),
  );
  assert.equal(readFileSync(join(folder, "sum"), "utf8").trim(), `0${"x".repeat(rounds)}`);
});
