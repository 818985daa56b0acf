/** What each benchmark's result has to keep: docs/BENCHMARKS.md lists the same bounds. */

/** One figure of a result and its bound. */
export interface Verdict {
  what: string;
  value: number;
  bound: string;
  holds: boolean;
}

interface Bound {
  /** What is measured, as docs/BENCHMARKS.md says it. */
  of: string;
  least?: number;
  most?: number;
}

export const bounds = {
  cast: { of: "cast, MB/s : udpcast's", least: 4 },
  castWireOne: { of: "cast --wire, 1 receiver, MB/s : udpcast's", least: 1.3 },
  castWireMany: { of: "cast --wire, 8 receivers, MB/s : udpcast's", least: 2 },
  castRaw: { of: "cast, MB/s : raw sockets'", least: 0.2 },
  shaped: { of: "cast --rate, payload : the link's rate", least: 0.93 },
  shapedLoss: { of: "cast --rate, payload : the link's rate, with 1 % loss", least: 0.9 },
  shapedMany: { of: "cast --rate, time of 16 receivers : of one", most: 1.03 },
  tcp: { of: "cast --tcp, the download : the link's rate", least: 0.33 },
  others: { of: "cast --cases, the others' time : their usual", most: 1.02 },
  write: { of: "write, MB/s : dd's", least: 0.97 },
  writeVerified: { of: "write --verify, time : dd's to write and to read", most: 1.1 },
  fec: { of: "fec, GB/s : ISA-L's", least: 0.8 },
  hash: { of: "hash, GB/s of a file : b3sum's", least: 1 },
  resume: { of: "resume, MB/s : dd's", least: 0.9 },
  resumeFetched: { of: "resume, bytes fetched", most: 0 },
  memory: { of: "agent, resident megabytes", most: 200 },
  pause: { of: "agent, longest pause of the event loop, ms", most: 50 },
  statusesLost: { of: "site, acknowledged statuses that were lost", most: 0 },
  succeeded: { of: "site, machines that succeeded : all", least: 1 },
  boot: { of: "boot, seconds from power-on to joined", most: 60 },
  scaleRoom: { of: "scale, more datagrams, 1 % loss, 200 receivers", most: 0.05 },
  scaleHall: { of: "scale, more datagrams, 1 % loss, 10,000 receivers", most: 0.08 },
  scaleQuiet: { of: "scale, more datagrams, 0.1 % loss, 200 receivers", most: 0.015 },
  feedback: { of: "scale, reports : data datagrams", most: 0.05 },
} satisfies Record<string, Bound>;

export function boundText({ least, most }: Bound): string {
  return most === undefined ? `at least ${least}` : `at most ${most}`;
}

/** `more`: which of the figures of that kind. A figure that is missing keeps no bound. */
export function judge(bound: Bound, value: number, more = ""): Verdict {
  const { least = -Infinity, most = Infinity } = bound;
  const what = more === "" ? bound.of : `${bound.of} (${more})`;
  return { what, value, bound: boundText(bound), holds: value >= least && value <= most };
}
