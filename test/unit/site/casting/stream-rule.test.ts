/** Which machine belongs into which stream, second by second: what they take goes in, moves come out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import { StreamRule, type StreamClient, type StreamMove } from "../../../../site/casting/stream-rule.ts";

const bytesPerMbps = 1e6 / 8;

interface Machine {
  stream: number;
  /** Mbit/s that it takes by multicast at this second, in this stream. */
  takes: (second: number, stream: number) => number;
  heldBackBy?: (second: number, stream: number) => StreamClient["heldBackBy"];
  /** Mbit/s that it fetches by unicast, and that it finds on its disk. */
  fetches?: number;
  finds?: number;
  /** What it tells at this second; else it is silent, as a machine that hangs. */
  tells?: (second: number) => boolean;
  receiving?: (second: number) => boolean;
}

type Seen = Pick<StreamMove, "machineId" | "from" | "to"> & { second: number };

/** The machines go where they are moved. A stream's session sends as much as its quickest machine takes, or `sentMbps`. */
function watch(
  streams: number,
  machines: Record<string, Machine>,
  seconds = 120,
  sentMbps?: number,
): [Seen[], StreamMove[]] {
  const rule = new StreamRule(streams);
  const seen: Seen[] = [];
  const all: StreamMove[] = [];
  const sent = new Map<number, number>();
  const clients = new Map(Object.keys(machines).map((machineId) => [machineId, newClient(machineId)]));
  for (let second = 0; second <= seconds; second += 1) {
    for (const [machineId, machine] of Object.entries(machines)) {
      const client = clients.get(machineId) ?? newClient(machineId);
      clients.set(machineId, goOn(client, machine, second));
    }
    for (let stream = 0; stream < streams; stream += 1) {
      const takers = Object.values(machines).filter((machine) => machine.stream === stream);
      const quickest = Math.max(0, ...takers.map(({ takes }) => takes(second, stream)));
      sent.set(stream, (sent.get(stream) ?? 0) + (sentMbps ?? quickest) * bytesPerMbps);
    }
    const open = [...new Set(Object.values(machines).map(({ stream }) => stream))].map((stream) => ({
      stream,
      sentBytes: sent.get(stream) ?? 0,
      clients: [...clients.values()].filter(({ machineId }) => machines[machineId]?.stream === stream),
    }));
    for (const move of rule.look(second * 1000, open)) {
      const { from, machineId, to } = move;
      all.push(move);
      seen.push({ machineId, from, to, second });
      const machine = machines[machineId];
      assert.equal(machine?.stream, from);
      if (machine) machine.stream = to;
    }
  }
  return [seen, all];
}

function newClient(machineId: string): StreamClient {
  const nothing = { verifiedBytes: 0, multicastBytes: 0, unicastBytes: 0 };
  return { machineId, ...nothing, receiving: true, heldBackBy: "none", toldMs: 0 };
}

function goOn(client: StreamClient, machine: Machine, second: number): StreamClient {
  const { fetches = 0, finds = 0, heldBackBy, receiving, stream, takes, tells } = machine;
  const taken = takes(second, stream);
  const more = (bytes: number, mbps: number): number => bytes + mbps * bytesPerMbps;
  const next = {
    ...client,
    multicastBytes: more(client.multicastBytes, taken),
    unicastBytes: more(client.unicastBytes, fetches),
    verifiedBytes: more(client.verifiedBytes, taken + fetches + finds),
  };
  if (tells && !tells(second)) return client;
  return {
    ...next,
    receiving: receiving?.(second) ?? true,
    heldBackBy: heldBackBy?.(second, stream) ?? "site",
    toldMs: second * 1000,
  };
}

const always =
  <Value>(value: Value) =>
  (): Value =>
    value;
const quick: Machine = { stream: 0, takes: always(400) };
const slowDisk = (mbps: number): Machine => ({
  stream: 0,
  takes: always(mbps),
  heldBackBy: always("disk" as const),
});

interface Course {
  what: string;
  streams?: number;
  machines: Record<string, Machine>;
  moves: Seen[];
}
const down = (machineId: string, second: number, from = 0, to = from + 1): Seen => ({
  machineId,
  from,
  to,
  second,
});

const courses: Course[] = [
  { what: "everybody keeps up", machines: { a: quick, b: quick }, moves: [] },
  { what: "a slow disk", machines: { a: quick, b: quick, c: slowDisk(40) }, moves: [down("c", 15)] },
  { what: "a slow disk alone has no one to hold up", machines: { a: slowDisk(40) }, moves: [] },
  { what: "a disk a little slower", machines: { a: quick, b: slowDisk(300) }, moves: [] },
  {
    what: "most are slow: they go together",
    machines: { a: quick, b: slowDisk(40), c: slowDisk(41), d: slowDisk(42) },
    moves: [down("b", 15), down("c", 15), down("d", 15)],
  },
  {
    what: "one that lacks little takes little, and is not held back",
    machines: { a: quick, b: { stream: 0, takes: always(1) } },
    moves: [],
  },
  {
    what: "one that scans a disk which holds much",
    machines: { a: quick, b: { ...slowDisk(1), finds: 800 } },
    moves: [],
  },
  {
    what: "one that no multicast reaches",
    machines: { a: quick, b: { ...slowDisk(0), heldBackBy: always("network" as const), fetches: 90 } },
    moves: [],
  },
  {
    what: "one that the sender does not repair for, and that fetches what it loses",
    machines: { a: quick, b: { ...slowDisk(30), heldBackBy: always("network" as const), fetches: 60 } },
    moves: [down("b", 15)],
  },
  {
    what: "one that hangs, and then goes on",
    machines: { a: quick, b: { ...quick, tells: (second) => second < 20 || second > 50 } },
    moves: [],
  },
  {
    what: "one that stands still for five seconds",
    machines: {
      a: quick,
      b: {
        stream: 0,
        takes: (second) => (second > 30 && second <= 35 ? 0 : 400),
        heldBackBy: (second) => (second > 30 && second <= 35 ? "disk" : "site"),
      },
    },
    moves: [],
  },
  {
    what: "one that prepares its disk first",
    machines: {
      a: quick,
      b: {
        stream: 0,
        takes: (second) => (second < 40 ? 0 : 400),
        heldBackBy: (second) => (second < 40 ? "disk" : "site"),
        receiving: (second) => second >= 40,
      },
    },
    moves: [],
  },
  {
    what: "three streams sort three kinds",
    streams: 3,
    machines: { a: quick, b: slowDisk(120), c: slowDisk(20) },
    moves: [down("b", 15), down("c", 15), down("c", 31, 1)],
  },
  {
    what: "a machine that comes later goes at once where it fits",
    streams: 3,
    machines: {
      a: quick,
      b: slowDisk(120),
      c: slowDisk(20),
      d: { ...slowDisk(20), receiving: (second) => second >= 60 },
    },
    moves: [down("b", 15), down("c", 15), down("c", 31, 1), down("d", 75, 0, 2)],
  },
  {
    what: "there is nothing below the last stream",
    machines: { a: quick, b: slowDisk(120), c: slowDisk(20) },
    moves: [down("b", 15), down("c", 15)],
  },
];

for (const { machines, moves, streams = 2, what } of courses) {
  test(`${what}: ${moves.length === 0 ? "nobody is moved" : `${moves.length} moves`}`, () => {
    const copies = Object.fromEntries(
      Object.entries(machines).map(([name, machine]) => [name, { ...machine }]),
    );
    assert.deepEqual(watch(streams, copies)[0], moves);
  });
}

test("the reason says what it took, what of it is slow, and what the others took", () => {
  const [, [move]] = watch(2, { a: { ...quick }, b: slowDisk(8) });
  assert.equal(
    move?.reason,
    "It took 8.0 Mbit/s over 15 s, held back by its disk, while stream 0 brought 400",
  );
});

test("a machine whose trouble is over goes back, once, and after that stays where it is moved", () => {
  const trouble = (second: number): boolean => second < 30 || second > 120;
  const passing: Machine = {
    stream: 0,
    takes: (second) => (trouble(second) ? 40 : 400),
    heldBackBy: (second) => (trouble(second) ? "disk" : "site"),
  };
  const [moves, all] = watch(2, { a: { ...quick }, b: passing }, 400);
  const [first, second, third, ...more] = moves;
  assert.deepEqual(first, down("b", 15));
  assert.deepEqual([second?.from, second?.to], [1, 0]);
  assert.ok((second?.second ?? 0) * 1000 >= 15_000 + limits.streamSettleMs);
  assert.equal(all[1]?.reason, "It took 400 Mbit/s over 15 s, and stream 0 brings 400");
  assert.deepEqual([third?.from, third?.to], [0, 1]);
  assert.deepEqual(more, [], "no to and fro");
});

test("a fast stream that little is asked of any more draws nobody back", () => {
  const ending: Machine = { stream: 0, takes: (second) => (second < 60 ? 400 : 5) };
  const [moves] = watch(2, { a: ending, b: slowDisk(40) }, 300);
  assert.deepEqual(moves, [down("b", 15)]);
});

test("a machine that tells more than was sent makes nobody slow", () => {
  const liar: Machine = { stream: 0, takes: always(1e6) };
  const honest: Machine = { ...slowDisk(90), takes: always(90) };
  assert.deepEqual(watch(2, { liar, one: { ...honest }, two: { ...honest } }, 60, 100)[0], []);
  const slow = slowDisk(20);
  assert.deepEqual(watch(2, { liar, one: { ...honest }, slow }, 60, 100)[0], [down("slow", 15)]);
});
