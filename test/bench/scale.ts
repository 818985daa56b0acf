/**
 * What a lossy room costs: datagrams sent to N receivers, beside those sent to one that loses nothing. Ours comes from
 * the simulator, which drives the machines that ship; plain retransmission, where each lost datagram is sent again until
 * everybody has it, is counted exactly.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs, promisify } from "node:util";
import { parseCount, rounded } from "./report.ts";
import { plotScale } from "./scale-plot.ts";

const run = promisify(execFile);
const receiverCounts = [1, 10, 50, 200, 1000, 2000, 10_000];
const simulator = "build/native/volley_sim";

interface Case {
  name: string;
  lossPercent: number;
  words: string[];
}
const cases: Case[] = [
  { name: "0.1 %", lossPercent: 0.1, words: [] },
  { name: "1 %", lossPercent: 1, words: [] },
  { name: "1 %, chunks a quarter", lossPercent: 1, words: ["--stored", String(2 ** 18)] },
  { name: "1 % in bursts", lossPercent: 1, words: ["--burst"] },
];

export interface Point {
  case: string;
  lossPercent: number;
  receivers: number;
  /** Datagrams beyond those for one receiver without loss, a part of them. */
  more: number;
  /** Reports, a part of the data datagrams. */
  feedback: number;
  /** The same of plain retransmission. */
  plain: number;
}

/** Each datagram is repeated until the last of `receivers` has it: the mean of the largest of so many geometric draws. */
export function plainRetransmission(receivers: number, loss: number): number {
  let sends = 0;
  for (let tried = 0; tried < 1000; tried += 1) {
    const somebodyLacksIt = 1 - (1 - loss ** tried) ** receivers;
    sends += somebodyLacksIt;
    if (tried > 0 && somebodyLacksIt < 1e-9) break;
  }
  return sends - 1;
}

async function measure(wanted: Case, receivers: number): Promise<Point> {
  const words = ["--scale", String(receivers), "--loss", String(wanted.lossPercent), ...wanted.words];
  const { stdout } = await run(simulator, words);
  const { feedback, ratio, seconds } = JSON.parse(stdout) as {
    feedback: number;
    ratio: number;
    seconds: number;
  };
  process.stderr.write(`${wanted.name}, ${receivers} receivers: ${ratio} (${seconds} s)\n`);
  const plain = rounded(plainRetransmission(receivers, wanted.lossPercent / 100), 4);
  return {
    case: wanted.name,
    lossPercent: wanted.lossPercent,
    receivers,
    more: rounded(ratio - 1, 4),
    feedback,
    plain,
  };
}

function printTable(points: readonly Point[]): void {
  const percent = (part: number): string => `${rounded(part * 100, 2)} %`;
  const plainHead = "plain retransmission";
  console.log(`| loss | receivers | more datagrams | ${plainHead} | feedback |\n|---|---|---|---|---|`);
  for (const point of points) {
    const cells = [point.case, point.receivers, percent(point.more), percent(point.plain)];
    console.log(`| ${[...cells, percent(point.feedback)].join(" | ")} |`);
  }
}

const { values } = parseArgs({
  options: { most: { type: "string" }, plot: { type: "string" } },
});
const most = parseCount("--most", values.most ?? "10000", 1, 60_000);
const points: Point[] = [];
for (const wanted of cases) {
  for (const receivers of receiverCounts.filter((count) => count <= most)) {
    points.push(await measure(wanted, receivers));
  }
}
printTable(points);
if (values.plot !== undefined) writeFileSync(values.plot, plotScale(points));
console.log(JSON.stringify({ points }));
