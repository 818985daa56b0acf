/**
 * `scripts/bench NAME ...`: runs one benchmark, whose last line of output is its result as JSON, and says of each bound
 * (bounds.ts) whether the result holds or misses it. `all` runs every one in turn and ends with one table; a benchmark that
 * fails is in it and ends none of the others. Exits 1 when one failed or a bound was missed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Verdict } from "./bounds.ts";
import { judgeRoomSizes, judges } from "./judges.ts";
import { everything } from "./everything.ts";
import { machine } from "./report.ts";

const native: ReadonlySet<string> = new Set(["write", "fec", "hash"]);

interface Run {
  name: string;
  words: readonly string[];
  /** What the benchmark printed; null: it failed. */
  result: object | null;
  verdicts: Verdict[];
}

/** `name` as in `judges`. What it prints before its result is passed on. */
async function run(name: string, words: readonly string[]): Promise<Run> {
  const program = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const [command = "", ...first] = native.has(name)
    ? [`build/native/bench_${name}`]
    : [process.execPath, "--enable-source-maps", program];
  const child = spawn(command, [...first, ...words], { stdio: ["inherit", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  const lines = output.trimEnd().split("\n");
  const last = lines.pop() ?? "";
  if (lines.length > 0) console.error(lines.join("\n"));
  if (code !== 0) return { name, words, result: null, verdicts: [] };
  const result = JSON.parse(last) as object;
  return { name, words, result, verdicts: judges[name]?.(result as never) ?? [] };
}

function print(verdicts: readonly Verdict[]): void {
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  for (const { bound, holds, value, what } of verdicts) {
    console.error(`${holds ? "holds " : "MISSES"}  ${what.padEnd(width)}  ${value} (${bound})`);
  }
}

const fails = ({ result, verdicts }: Run): boolean => result === null || verdicts.some(({ holds }) => !holds);

async function runOne(name: string, words: readonly string[]): Promise<void> {
  const done = await run(
    name,
    words.filter((word) => word !== "--json"),
  );
  if (done.result !== null) {
    print(done.verdicts);
    const whole = { benchmark: name, ...done.result, verdicts: done.verdicts, machine: machine() };
    console.log(words.includes("--json") ? JSON.stringify(whole) : JSON.stringify(whole, undefined, 2));
  }
  process.exitCode = fails(done) ? 1 : 0;
}

async function runAll(file: string | undefined): Promise<void> {
  const runs: Run[] = [];
  for (const [name, ...words] of everything) {
    console.error(`\n== ${[name, ...words].join(" ")}`);
    const done = await run(name, words);
    print(done.verdicts);
    runs.push(done);
  }
  const casts = runs.filter(({ name, result }) => name === "cast" && result !== null);
  const together = judgeRoomSizes(casts.map(({ result }) => result as never));
  console.error("\n== all");
  print([...runs.flatMap(({ verdicts }) => verdicts), ...together]);
  const failed = runs.filter(({ result }) => result === null);
  for (const { name, words } of failed) console.error(`FAILED  ${[name, ...words].join(" ")}`);
  if (file !== undefined) {
    writeFileSync(file, `${JSON.stringify({ machine: machine(), runs, together }, undefined, 2)}\n`);
  }
  process.exitCode = runs.some(fails) || together.some(({ holds }) => !holds) ? 1 : 0;
}

async function main([name = "", ...words]: readonly string[]): Promise<void> {
  if (name === "all") {
    const [option, file] = words;
    if (words.length > 0 && (option !== "--json" || file === undefined || words.length > 2)) {
      throw new Error("bench all takes --json FILE, or nothing");
    }
    return runAll(file);
  }
  const program = name === "cast" && words.includes("--cases") ? "cast-cases" : name;
  if (judges[program] === undefined) throw new Error(`there is no benchmark '${name}'`);
  return runOne(program, words);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
