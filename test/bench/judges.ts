/** From each benchmark's result, the line of JSON that it prints, to verdicts. */
import { bounds, judge, type Verdict } from "./bounds.ts";
import type { Point } from "./scale.ts";
import { rounded } from "./report.ts";

interface CastResult {
  ours: { megabytesPerSecond: number };
  rival: { name: "udpcast" | "raw" } | null;
  ratio: number | null;
  receivers: number;
  lossPercent: number;
  wire: boolean;
  shareOfRate: number | null;
  tcp?: { shareOfRate: number | null };
}

const ofRoom = ({ lossPercent, receivers }: CastResult): string =>
  `${receivers} ${receivers === 1 ? "receiver" : "receivers"}, ${lossPercent} % loss`;

function judgeCast(result: CastResult): Verdict[] {
  const { lossPercent, ratio, receivers, rival, shareOfRate, tcp, wire } = result;
  const room = ofRoom(result);
  // A link that is shared has a bound for what the other is left; a shaped one leaves udpcast little to lose by.
  if (tcp !== undefined) return [judge(bounds.tcp, tcp.shareOfRate ?? Number.NaN, room)];
  const shaped = lossPercent > 0 ? bounds.shapedLoss : bounds.shaped;
  if (shareOfRate !== null) return [judge(shaped, shareOfRate, room)];
  if (rival === null || ratio === null) return [];
  if (rival.name === "raw") return [judge(bounds.castRaw, ratio, room)];
  if (!wire) return [judge(bounds.cast, ratio, room)];
  return [judge(receivers < 8 ? bounds.castWireOne : bounds.castWireMany, ratio, room)];
}

interface CasesResult {
  rows: { case: string; system: string; ratio: number }[];
}

function judgeCases({ rows }: CasesResult): Verdict[] {
  const ours = rows.filter(({ case: which, system }) => system === "volley" && which !== "nothing");
  return ours.map(({ case: which, ratio }) => judge(bounds.others, ratio, which));
}

interface WriteResult {
  ratio: number;
  decompress: boolean;
  plain: boolean;
  verify: boolean;
}

function judgeWrite({ decompress, plain, ratio, verify }: WriteResult): Verdict[] {
  if (verify) return [judge(bounds.writeVerified, rounded(1 / ratio, 2))];
  const work = decompress ? "decompressing and hashing" : "hashing";
  return [judge(bounds.write, ratio, plain ? "computing nothing" : work)];
}

interface Arithmetic {
  gigabytesPerSecond: Record<string, number>;
}

/** The best instruction set of ours beside ISA-L's own choice. */
function judgeFec({ gigabytesPerSecond: rates }: Arithmetic): Verdict[] {
  return Object.entries(rates).flatMap(([name, theirs]) => {
    const [, temperature, work] = /^(\w+) isal-best (.*)$/.exec(name) ?? [];
    if (temperature === undefined) return [];
    const sets = ["scalar", "ssse3", "avx2", "gfni512"];
    const ours = Math.max(...sets.map((set) => rates[`${temperature} ${set} ${work}`] ?? 0));
    return judge(bounds.fec, rounded(ours / theirs, 2), `${work}, ${temperature}`);
  });
}

function judgeHash({ gigabytesPerSecond: rates }: Arithmetic): Verdict[] {
  const ratio = (ours: string, theirs: string): number =>
    rounded((rates[ours] ?? Number.NaN) / (rates[theirs] ?? Number.NaN), 2);
  return [
    judge(bounds.hash, ratio("file", "file b3sum"), "one thread"),
    judge(bounds.hash, ratio("file threads", "file b3sum threads"), "all threads"),
  ];
}

interface ResumeResult {
  ours: { fetchedBytes: number };
  ratio: number;
}

const judgeResume = ({ ours, ratio }: ResumeResult): Verdict[] => [
  judge(bounds.resume, ratio),
  judge(bounds.resumeFetched, ours.fetchedBytes),
];

interface AgentResult {
  results: { imageBytes: number; residentMegabytesMost: number; longestPauseMs: number }[];
}

function judgeAgent({ results }: AgentResult): Verdict[] {
  return results.flatMap(({ imageBytes, longestPauseMs, residentMegabytesMost }) => {
    const size = `image of ${imageBytes / 2 ** 30} GiB`;
    return [judge(bounds.memory, residentMegabytesMost, size), judge(bounds.pause, longestPauseMs, size)];
  });
}

interface SiteResult {
  results: { on: string; machines: number; lost: number; succeeded: number }[];
}

function judgeSite({ results }: SiteResult): Verdict[] {
  return results.flatMap(({ lost, machines, on, succeeded }) => [
    judge(bounds.statusesLost, lost, on),
    judge(bounds.succeeded, rounded(succeeded / machines, 3), on),
  ]);
}

interface BootResult {
  results: { firmware: string; seconds: number }[];
}

const judgeBoot = ({ results }: BootResult): Verdict[] =>
  results.map(({ firmware, seconds }) => judge(bounds.boot, seconds, firmware));

function judgeScale({ points }: { points: Point[] }): Verdict[] {
  return points.flatMap((point) => {
    const { feedback, lossPercent, more, receivers } = point;
    const room = `${point.case}, ${receivers} receivers`;
    const reports = judge(bounds.feedback, feedback, room);
    // Loss in bursts is shown, and has no bound.
    if (point.case.includes("bursts")) return [reports];
    const quiet = lossPercent < 1 ? bounds.scaleQuiet : bounds.scaleRoom;
    if (receivers === 200) return [judge(quiet, more, room), reports];
    return receivers === 10_000 && lossPercent === 1
      ? [judge(bounds.scaleHall, more, room), reports]
      : [reports];
  });
}

/** By what is run; a benchmark without bounds shows its figures alone. */
export const judges: Record<string, (result: never) => Verdict[]> = {
  cast: judgeCast,
  "cast-cases": judgeCases,
  write: judgeWrite,
  fec: judgeFec,
  hash: judgeHash,
  resume: judgeResume,
  agent: judgeAgent,
  wim: () => [],
  site: judgeSite,
  boot: judgeBoot,
  scale: judgeScale,
};

/** What only several casts tell together: on a shaped link a full room takes hardly longer than one machine. */
export function judgeRoomSizes(results: readonly CastResult[]): Verdict[] {
  const shaped = results.filter(({ shareOfRate, tcp }) => shareOfRate !== null && tcp === undefined);
  return shaped.flatMap((one) => {
    const full = shaped.find(
      ({ lossPercent, receivers }) => receivers === 16 && lossPercent === one.lossPercent,
    );
    if (one.receivers !== 1 || full === undefined) return [];
    const ratio = one.ours.megabytesPerSecond / full.ours.megabytesPerSecond;
    return judge(bounds.shapedMany, rounded(ratio, 3), `${one.lossPercent} % loss`);
  });
}
