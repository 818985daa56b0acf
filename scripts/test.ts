/**
 * Runs what `scripts/test` has built: the C++ suite under ctest, the simulator, and every dist/test/**\/*.test.js
 * under node:test. Prints progress, then what failed, and as its last line `N passed, M failed`. Exits 0 only when
 * something ran and nothing failed.
 */
import { spawn } from "node:child_process";
import { setMaxListeners } from "node:events";
import { createWriteStream, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runFuzzers } from "./fuzz.ts";
import { add, closingLine, emptyTally, tallyOfCtest, tallyOfSimulator, verdictOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const keptOutputBytes = 16 * 1024;
/** Of each target, where fuzzing is all that was asked for. */
const fuzzSecondsAlone = 60;

interface Level {
  name: "standard" | "long" | "e2e" | "site" | "windows";
  seeds: number;
  /** Of each fuzz target. */
  fuzzSeconds: number;
  /** All of the run, and one test file of it. */
  limitMinutes: number;
  fileLimitMinutes: number;
}
const levels = {
  standard: { name: "standard", seeds: 200, fuzzSeconds: 5, limitMinutes: 75, fileLimitMinutes: 15 },
  long: { name: "long", seeds: 2000, fuzzSeconds: 600, limitMinutes: 240, fileLimitMinutes: 120 },
  e2e: { name: "e2e", seeds: 200, fuzzSeconds: 5, limitMinutes: 240, fileLimitMinutes: 90 },
  site: { name: "site", seeds: 0, fuzzSeconds: 0, limitMinutes: 110, fileLimitMinutes: 40 },
  windows: { name: "windows", seeds: 0, fuzzSeconds: 0, limitMinutes: 80, fileLimitMinutes: 30 },
} satisfies Record<string, Level>;

interface Options {
  level: Level;
  filter: RegExp;
  /** The filter as the user wrote it, for ctest. */
  filterText: string | undefined;
  signal: AbortSignal;
}

/** Runs a program, shows its output as it comes, and gives its exit code (null when a signal ended it). */
async function runProgram(command: string, argv: string[], signal: AbortSignal) {
  const child = spawn(command, argv, { cwd: root, stdio: ["ignore", "pipe", "pipe"], signal });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      process.stdout.write(text);
    });
  }
  const exitCode = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", resolve);
  });
  return { output, exitCode };
}

async function runCtest(options: Options): Promise<Tally> {
  const only = options.filterText === undefined ? [] : ["--tests-regex", options.filterText];
  const limitSeconds = String(options.level.fileLimitMinutes * 60);
  const argv = ["--test-dir", "build", "--output-on-failure", "--timeout", limitSeconds, ...only];
  const { output, exitCode } = await runProgram("ctest", argv, options.signal);
  return tallyOfCtest(output, exitCode);
}

/** What each run of the simulator is told, and how many scenarios that counts for. */
function simulatorRuns({ name, seeds }: Level): { words: string[]; count: number }[] {
  const named = [
    "liar",
    "loses-half",
    "pause",
    "slow-disk",
    "late-join",
    "joins-at-80",
    "restarts",
    "vanishes",
    "flash-crowd",
    "automatic-rate",
  ];
  const rooms = [
    ["--scale", "200", "--loss", "1", "--most", "1.05"],
    ["--scale", "200", "--loss", "1", "--most", "1.05", "--stored", String(2 ** 18)],
    ["--scale", "200", "--loss", "0.1", "--most", "1.015"],
  ];
  const halls = [
    ["--scale", "10000", "--loss", "1", "--most", "1.08"],
    ["--scale", "10000", "--loss", "1", "--most", "1.08", "--stored", String(2 ** 18)],
  ];
  return [
    { words: ["--seeds", String(seeds)], count: seeds },
    ...named.map((scenario) => ({ words: ["--scenario", scenario], count: 1 })),
    ...[...rooms, ...(name === "long" ? halls : [])].map((words) => ({ words, count: 1 })),
  ];
}

async function runSimulator(options: Options): Promise<Tally> {
  const tally = emptyTally();
  if (!options.filter.test("test/sim")) return tally;
  for (const { words, count } of simulatorRuns(options.level)) {
    console.log(`simulator: ${words.join(" ")}`);
    const { exitCode } = await runProgram(join(root, "build/native/volley_sim"), words, options.signal);
    add(tally, tallyOfSimulator(count, exitCode));
  }
  return tally;
}

function testFiles(filter: RegExp): string[] {
  const folder = join(root, "dist", "test");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.js") && filter.test(`test/${path}`))
    .map((path) => join(folder, path))
    .sort();
}

const isAboutWindows = (file: string): boolean => /\/test\/e2e\/[^/]*(windows|wim)[^/]*$/.test(file);

const siteSubjects =
  "collection-guard|content-provider|deploy|deployment-results|distribution-point|driver|encryption|hostile-network|igmp|no-multicast|" +
  "package-multicast|page|point-packages|pxe|recovery-keys|routed-point|run-reports|second-point|sequence|site|slow-machines|" +
  "troubled-room|two-points|wake|webhook";
const isAboutSite = new RegExp(`/test/(unit/site/|e2e/(${siteSubjects})[-.])`);

const dataSubjects =
  "collection-guard|deploy|deployment-results|run-reports|sequence-(api|versions)|" +
  "site-(access|api|backup|devices|exports|import|kills|openapi|status)";
/** What of a site lives by its database: the level of the site does it on a PostgreSQL server, too. */
const isAboutData = new RegExp(`/test/e2e/(${dataSubjects})\\.test\\.js$`);

const waitingSubjects =
  "agent-clock|content-provider-multicast|doctor|driver-catalogue|igmp|no-multicast|wake|webhook";
const isMostlyWaiting = new RegExp(
  `/test/e2e/(${waitingSubjects}|(page|pxe|sequence|site)-[\\w-]+)\\.test\\.js$`,
);

/** What a test file wrote, the last of it: shown only when the file fails, kept whole in build/node-tests.log. */
class Outputs {
  readonly #log = createWriteStream(join(root, "build", "node-tests.log"), { flags: "a" });
  readonly #kept = new Map<string, string>();

  append(file: string, text: string): void {
    this.#log.write(text);
    this.#kept.set(file, ((this.#kept.get(file) ?? "") + text).slice(-keptOutputBytes));
  }

  of(file: string): string {
    return this.#kept.get(file) ?? "";
  }
}

/** The test file as a person knows it. With source maps node:test may name the source, else what was built. */
const sourceOf = (file: string): string =>
  relative(root, file)
    .replace(/^dist\//, "")
    .replace(/\.js$/, ".ts");

/** `on`: what they run on, where that is told. */
async function runNodeTests(
  files: string[],
  concurrency: number,
  options: Options & { on?: string },
): Promise<Tally> {
  const tally = emptyTally();
  if (files.length === 0) return tally;
  const outputs = new Outputs();
  const failedFiles = new Set<string>();
  const timeout = options.level.fileLimitMinutes * 60_000;
  for await (const event of run({ files, concurrency, timeout, signal: options.signal })) {
    const { type, data } = event;
    const file = data.file ?? "";
    if (type === "test:stdout" || type === "test:stderr") outputs.append(file, data.message);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const verdict = verdictOf({
      type,
      name: data.name,
      file: data.file,
      isSuite: data.details.type === "suite",
      isSkipped: data.skip !== undefined || data.todo !== undefined,
      failedBySubtest: data.details.error?.failureType === "subtestsFailed",
    });
    const place = options.on === undefined ? sourceOf(file) : `${sourceOf(file)} on ${options.on}`;
    const where = file === "" ? data.name : `${place}: ${data.name}`;
    if (verdict === "passed") {
      tally.passed += 1;
      console.log(`  ok      ${where} (${(data.details.duration_ms / 1000).toFixed(1)} s)`);
    } else if (verdict === "failed") {
      tally.failed += 1;
      tally.failures.push(where);
      failedFiles.add(file);
      console.log(`  NOT OK  ${where}`);
      const error = data.details.error?.cause ?? data.details.error ?? "the file holds no test";
      console.log(error);
    } else if (data.skip !== undefined && data.skip !== false) {
      console.log(`  skipped ${where}${typeof data.skip === "string" ? ` (${data.skip})` : ""}`);
    }
  }
  for (const file of failedFiles) {
    if (outputs.of(file) !== "") console.log(`--- output of ${relative(root, file)}\n${outputs.of(file)}`);
  }
  return tally;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      long: { type: "boolean" },
      e2e: { type: "boolean" },
      site: { type: "boolean" },
      windows: { type: "boolean" },
      fuzz: { type: "boolean" },
      filter: { type: "string" },
    },
  });
  const asked = (["long", "e2e", "site", "windows"] as const).filter((name) => values[name] === true);
  if (asked.length > 1) throw new Error("--long, --e2e, --site and --windows are levels; choose one");
  const level: Level = levels[asked[0] ?? "standard"];
  const filter = new RegExp(values.filter ?? "");
  process.env["VOLLEY_TEST_LEVEL"] = level.name;
  mkdirSync(join(root, "build"), { recursive: true });

  const deadline = new AbortController();
  setMaxListeners(0, deadline.signal); // each file that runs listens
  const options: Options = { level, filter, filterText: values.filter, signal: deadline.signal };
  const total = emptyTally();
  const timer = setTimeout(() => {
    add(total, { passed: 0, failed: 1, failures: [`not done after ${level.limitMinutes} minutes`] });
    deadline.abort();
  }, level.limitMinutes * 60_000);

  // Unit tests share the cores, and so do those that mostly wait, for a protocol's clock in namespaces of their own or for
  // what a site answers; whatever else starts processes and measures time gets the machine for itself.
  const files = testFiles(filter).filter((file) => level.name !== "site" || isAboutSite.test(file));
  const unit = files.filter((file) => file.includes("/test/unit/"));
  const waiting = files.filter((file) => isMostlyWaiting.test(file));
  const measuring = files.filter((file) => !unit.includes(file) && !waiting.includes(file));
  const fuzz = (seconds: number) => runFuzzers({ root, filter, seconds, signal: deadline.signal });
  const units = (): Promise<Tally> => runNodeTests(unit, 2, options);
  const rooms = [
    (): Promise<Tally> => runNodeTests(waiting, 2, options),
    (): Promise<Tally> => runNodeTests(measuring, 1, options),
  ];
  const everything: (() => Promise<Tally>)[] = [
    () => runCtest(options),
    units,
    () => runSimulator(options),
    () => fuzz(level.fuzzSeconds),
    ...rooms,
  ];
  // The level of Windows is about what runs there, and about the images that go there.
  const windows = [() => runNodeTests(files.filter(isAboutWindows), 1, options)];
  const onServer = async (): Promise<Tally> => {
    // Nothing comes after it that would be on the embedded one.
    process.env["VOLLEY_TEST_DATABASE"] = "postgresql";
    return await runNodeTests(
      files.filter((file) => isAboutData.test(file)),
      1,
      { ...options, on: "PostgreSQL" },
    );
  };
  const site = [units, ...rooms, onServer];
  const chosen = level.name === "windows" ? windows : level.name === "site" ? site : everything;
  const stages = values.fuzz ? [() => fuzz(values.long ? level.fuzzSeconds : fuzzSecondsAlone)] : chosen;
  for (const stage of stages) {
    if (!deadline.signal.aborted) add(total, await stage());
  }
  clearTimeout(timer);
  if (total.passed + total.failed === 0) add(total, { passed: 0, failed: 1, failures: ["no test ran"] });

  for (const failure of total.failures) console.log(`failed: ${failure}`);
  process.exitCode = total.failed === 0 ? 0 : 1;
  console.log(closingLine(total));
}

try {
  await main();
} catch (error) {
  console.error(error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
