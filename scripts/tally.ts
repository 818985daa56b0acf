/** Counting what the test programs report. Pure: text and events in, numbers out. */

export interface Tally {
  passed: number;
  failed: number;
  /** Names of what failed, for the summary. */
  failures: string[];
}

export const emptyTally = (): Tally => ({ passed: 0, failed: 0, failures: [] });

export function add(into: Tally, other: Tally): void {
  into.passed += other.passed;
  into.failed += other.failed;
  into.failures.push(...other.failures);
}

/**
 * The tally of a ctest run from what it printed and its exit code. A run that ended badly without saying which case
 * failed (a crash of ctest itself, a time-out) counts as one failure, so that it cannot pass unseen.
 */
export function tallyOfCtest(output: string, exitCode: number | null): Tally {
  const tally = emptyTally();
  const summary = /tests passed, (\d+) tests? failed out of (\d+)/.exec(output);
  if (summary) {
    tally.failed = Number(summary[1]);
    tally.passed = Number(summary[2]) - tally.failed;
    const list = output.split("The following tests FAILED:")[1] ?? "";
    for (const match of list.matchAll(/^\s*\d+ - (\S+) \(/gm)) tally.failures.push(`ctest ${match[1]}`);
  }
  if (exitCode !== 0 && tally.failed === 0) {
    tally.failed = 1;
    tally.failures.push(`ctest ended with ${exitCode ?? "a signal"}`);
  }
  return tally;
}

/** The tally of the simulator: every seed is a run. Its exit code alone says whether all of them held. */
export function tallyOfSimulator(seeds: number, exitCode: number | null): Tally {
  if (exitCode === 0) return { passed: seeds, failed: 0, failures: [] };
  return { passed: 0, failed: 1, failures: [`simulator ended with ${exitCode ?? "a signal"}`] };
}

/**
 * The tally of one fuzz target, from the end of what libFuzzer printed. One that ended well without having tried its
 * inputs has shown nothing, and so has failed.
 */
export function tallyOfFuzzing(name: string, output: string, exitCode: number | null): Tally {
  const inputs = Number(/number_of_executed_units:\s*(\d+)/.exec(output)?.[1] ?? 0);
  if (exitCode === 0 && inputs > 0) return { passed: 1, failed: 0, failures: [] };
  const broken = /broken: .*|runtime error: .*|ERROR: \w+Sanitizer: \S+|ERROR: libFuzzer: .*/.exec(
    output,
  )?.[0];
  const reason = broken ?? (exitCode === 0 ? "tried nothing" : `ended with ${exitCode ?? "a signal"}`);
  return { passed: 0, failed: 1, failures: [`fuzz ${name}: ${reason}`] };
}

/** The parts of node:test's `test:pass` and `test:fail` events that counting needs. */
export interface NodeTestEvent {
  type: string;
  name: string;
  file: string | undefined;
  isSuite: boolean;
  isSkipped: boolean;
  /** True for a test whose own body held but one of its subtests failed: the subtest is counted already. */
  failedBySubtest: boolean;
}

/**
 * Whether an event counts as passed, failed or not at all. node:test reports a file without a test as one passing test
 * that bears the file's name: that is a test that was lost, and so a failure.
 */
export function verdictOf(event: NodeTestEvent): "passed" | "failed" | "ignored" {
  if (event.isSkipped) return "ignored";
  if (event.type === "test:pass") {
    if (event.file !== undefined && event.name === event.file) return "failed";
    return event.isSuite ? "ignored" : "passed";
  }
  if (event.type === "test:fail") return event.failedBySubtest ? "ignored" : "failed";
  return "ignored";
}

/** The line that closes a run, read by whoever runs it. */
export const closingLine = (tally: Tally): string => `${tally.passed} passed, ${tally.failed} failed`;
