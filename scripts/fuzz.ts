/**
 * Runs the fuzz targets that `scripts/test` has built (build/fuzz/fuzz_NAME), each for so many seconds and as many at a
 * time as there are cores. What breaks a target is kept in build/fuzz/crashes, with the words that replay it. A long run
 * also keeps what led somewhere new, in build/fuzz/corpus, and begins there the next time; a short one would spend all of
 * its time on going through that again. What once broke a target, or lies at a boundary, is in test/fuzz/regressions/NAME and is
 * tried first in every run.
 */
import { spawn } from "node:child_process";
import { appendFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { add, emptyTally, tallyOfFuzzing, type Tally } from "./tally.ts";

/** One input may take so long, and all of a target so much memory. */
const inputSeconds = 20;
const memoryMebibytes = 1024;
const inputBytesMost = 4096;
/** A target that hangs is ended so long after it should have ended by itself. */
const graceSeconds = 60;
const outputCharactersKept = 20_000;
const longRunSeconds = 60;

export interface FuzzOptions {
  root: string;
  filter: RegExp;
  seconds: number;
  signal: AbortSignal;
}

interface Run {
  output: string;
  exitCode: number | null;
}

async function run(command: string, words: string[], options: FuzzOptions): Promise<Run> {
  const limit = AbortSignal.timeout((options.seconds + graceSeconds) * 1000);
  const child = spawn(command, words, {
    cwd: options.root,
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([options.signal, limit]),
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-outputCharactersKept);
    });
  }
  const exitCode = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", resolve);
  });
  return { output, exitCode };
}

const programOf = (name: string): string => `build/fuzz/fuzz_${name}`;
const regressionsOf = (name: string): string => `test/fuzz/regressions/${name}`;

async function replay(name: string, options: FuzzOptions): Promise<Run & { inputs: number }> {
  const files = (await readdir(join(options.root, regressionsOf(name)))).sort();
  const paths = files.map((file) => `${regressionsOf(name)}/${file}`);
  const words = [`-timeout=${inputSeconds}`, `-rss_limit_mb=${memoryMebibytes}`, ...paths];
  return { ...(await run(programOf(name), words, options)), inputs: files.length };
}

async function fuzz(name: string, options: FuzzOptions): Promise<Tally> {
  const program = programOf(name);
  const isLong = options.seconds >= longRunSeconds;
  const [corpus, seeds] = [`build/fuzz/${isLong ? "corpus" : "found"}/${name}`, `build/fuzz/seeds/${name}`];
  if (!isLong) await rm(join(options.root, corpus), { recursive: true, force: true });
  await mkdir(join(options.root, corpus), { recursive: true });
  const words = [
    `-max_total_time=${options.seconds}`,
    `-timeout=${inputSeconds}`,
    `-rss_limit_mb=${memoryMebibytes}`,
    `-max_len=${inputBytesMost}`,
    `-artifact_prefix=build/fuzz/crashes/${name}-`,
    "-print_final_stats=1",
    corpus,
    seeds,
  ];
  const replayed = await replay(name, options);
  const { output, exitCode } = replayed.exitCode !== 0 ? replayed : await run(program, words, options);
  await appendFile(join(options.root, "build/fuzz.log"), `--- ${name}\n${output}\n`);
  const tally = tallyOfFuzzing(name, output, exitCode);
  if (tally.failed === 0) {
    const runs = /number_of_executed_units:\s*(\d+)/.exec(output)?.[1] ?? "0";
    const tried = `${replayed.inputs} inputs replayed, ${runs} tried in ${options.seconds} s`;
    console.log(`  ok      test/fuzz/${name}.fuzz.cpp (${tried})`);
    return tally;
  }
  console.log(`  NOT OK  test/fuzz/${name}.fuzz.cpp\n${output}`);
  const found = /Test unit written to (\S+)/.exec(output)?.[1];
  if (found !== undefined) {
    console.log(
      `The input is ${found}. To replay it: ${program} ${found}. Keep it in ${regressionsOf(name)}.`,
    );
  }
  return tally;
}

/** Every test/fuzz/NAME.fuzz.cpp whose path matches the filter is one test. */
export async function runFuzzers(options: FuzzOptions): Promise<Tally> {
  const total = emptyTally();
  const names = (await readdir(join(options.root, "test/fuzz")))
    .filter((file) => file.endsWith(".fuzz.cpp") && options.filter.test(`test/fuzz/${file}`))
    .map((file) => file.slice(0, -".fuzz.cpp".length))
    .sort();
  if (names.length === 0) return total;
  console.log(`fuzzing: ${names.join(", ")}, ${options.seconds} s each`);
  await mkdir(join(options.root, "build/fuzz/crashes"), { recursive: true });
  await writeFile(join(options.root, "build/fuzz.log"), "");
  const seeding = await run("build/fuzz/fuzz_seeds", ["build/fuzz/seeds"], options);
  if (seeding.exitCode !== 0) {
    return { passed: 0, failed: 1, failures: [`fuzz_seeds ended badly: ${seeding.output}`] };
  }
  const left = [...names];
  const work = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      add(total, await fuzz(name, options));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return total;
}
