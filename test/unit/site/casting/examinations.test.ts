/** Examinations on real sockets of loopback: who gets one, what it sends and answers, and what it never does. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { randomBytes } from "node:crypto";
import { after, beforeEach, test } from "node:test";
import type { SessionRecord } from "../../../../contract/administration.ts";
import { DatagramCodec } from "../../../../contract/doctor-datagram.ts";
import type { Examination } from "../../../../contract/doctor.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { limits } from "../../../../contract/limits.ts";
import { Allowance } from "../../../../site/casting/allowance.ts";
import { Examinations } from "../../../../site/casting/examinations.ts";
import { parsePortRange } from "../../../../site/casting/addresses.ts";
import { openLog } from "../../../../site/log.ts";
import { fakeGroups } from "../../../fixtures/fake-groups.ts";
import { waitFor } from "../../../fixtures/program.ts";

const groups = fakeGroups();
let sessions: SessionRecord[] = [];
let examinations: Examinations;
const sockets: Socket[] = [];

beforeEach(() => {
  sessions = [];
  examinations?.stop();
  groups.given.clear();
  examinations = new Examinations({
    interfaceAddress: "127.0.0.1",
    groups,
    ports: parsePortRange("24100-24199"),
    mtu: 1500,
    timeToLive: 1,
    sessions: () => sessions,
    log: openLog({ file: null, quiet: true }),
  });
});
after(() => {
  examinations.stop();
  for (const socket of sockets) socket.close();
});

const hasCode = (code: string) => (error: unknown) => error instanceof VolleyError && error.code === code;
const small = { packetBytes: [100], packets: 20, rateMbps: 5 };

async function listener(port: number, group?: string): Promise<{ socket: Socket; heard: Buffer[] }> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  sockets.push(socket);
  const heard: Buffer[] = [];
  socket.on("message", (payload) => heard.push(payload));
  await new Promise<void>((resolve) => socket.bind(port, resolve));
  if (group !== undefined) socket.addMembership(group, "127.0.0.1");
  return { socket, heard };
}

test("a burst goes to the group, numbered, in the sizes that were asked for, and as fast as was asked", async () => {
  const facts = await examinations.open("m1");
  const { heard } = await listener(facts.port, facts.group);
  const request = { packetBytes: [100, 1500], packets: 100, rateMbps: 5 };
  const answer = await examinations.burst("m1", facts.id, request);
  assert.deepEqual([answer.burst, answer.sent, answer.refused], [1, 100, 0]);
  // 80,000 bytes at 5 Mbit/s take 128 ms, less the last packet.
  assert.ok(answer.elapsedMs > 120, String(answer.elapsedMs));
  await waitFor(() => heard.length === 100, { what: "burst" });
  const codec = new DatagramCodec(facts.id, facts.key);
  const read = heard.map((payload) => codec.read(payload));
  assert.deepEqual(
    read.map((one) => [one?.burst, one?.number, one?.packetBytes]),
    Array.from({ length: 100 }, (_, number) => [1, number, number % 2 === 0 ? 100 : 1500]),
  );
  assert.equal((await examinations.burst("m1", facts.id, small)).burst, 2);
});

test("only the machine it belongs to has it, and only one", async () => {
  const first = await examinations.open("m1");
  await assert.rejects(examinations.burst("m2", first.id, small), hasCode("E_NOT_FOUND"));
  assert.throws(() => examinations.counts("m2", first.id), hasCode("E_NOT_FOUND"));
  assert.throws(() => examinations.close("m2", first.id), hasCode("E_NOT_FOUND"));
  const second = await examinations.open("m1");
  assert.throws(() => examinations.counts("m1", first.id), hasCode("E_NOT_FOUND"));
  assert.notEqual(second.key, first.key);
  examinations.close("m1", second.id);
  assert.throws(() => examinations.counts("m1", second.id), hasCode("E_NOT_FOUND"));
});

test("a machine that asks again while its first is being opened is refused, and holds nobody else up", async () => {
  const asked = [examinations.open("m1"), examinations.open("m1"), examinations.open("m2")];
  const results = await Promise.allSettled(asked);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  await assert.rejects(async () => asked[1], hasCode("E_DOCTOR_BUSY"));
  assert.equal(groups.given.size, 2);
  await examinations.open("m1");
});

test("no more than so many at once, each with a group and ports of its own", async () => {
  const open: Examination[] = [];
  for (let index = 0; index < limits.doctorExaminations; index += 1) {
    open.push(await examinations.open(`m${index}`));
  }
  assert.equal(new Set(open.map(({ group }) => group)).size, open.length);
  assert.equal(new Set(open.flatMap(({ port, echoPort }) => [port, echoPort])).size, open.length * 2);
  await assert.rejects(examinations.open("one more"), hasCode("E_DOCTOR_BUSY"));
  examinations.close("m0", open[0]?.id ?? "");
  assert.equal(groups.given.size, open.length - 1);
  await examinations.open("one more");
});

test("a burst that takes too long or is too large, or a second one at once, is refused", async () => {
  const { id } = await examinations.open("m1");
  const long = { packetBytes: [1500], packets: 2000, rateMbps: 5 };
  await assert.rejects(examinations.burst("m1", id, long), hasCode("E_REQUEST_INVALID"));
  const large = { packetBytes: [100, 1501], packets: 2, rateMbps: 5 };
  await assert.rejects(examinations.burst("m1", id, large), hasCode("E_REQUEST_INVALID"));
  const first = examinations.burst("m1", id, small);
  await assert.rejects(examinations.burst("m1", id, small), hasCode("E_CONFLICT"));
  assert.equal((await first).sent, small.packets);
});

test("while a session is casting nothing fast is sent", async () => {
  const { id } = await examinations.open("m1");
  sessions = [{ state: "casting", group: "239.192.77.1", port: 24_100 } as SessionRecord];
  await assert.rejects(
    examinations.burst("m1", id, { ...small, rateMbps: limits.doctorGentleMbps + 1 }),
    hasCode("E_DOCTOR_BUSY"),
  );
  assert.equal((await examinations.burst("m1", id, small)).sent, small.packets);
});

test("what the machine says comes back as it was, what a stranger says does not", async () => {
  const facts = await examinations.open("m1");
  const { heard, socket } = await listener(0);
  const question = { kind: "question", burst: 0, number: 3, packetBytes: 900 } as const;
  const codec = new DatagramCodec(facts.id, facts.key);
  const stranger = new DatagramCodec(facts.id, randomBytes(32).toString("hex"));
  const say = (payload: Buffer): void => socket.send(payload, facts.echoPort, "127.0.0.1");
  say(stranger.write(question));
  say(codec.write({ ...question, kind: "test" }));
  say(codec.write({ ...question, kind: "echo" }));
  say(codec.write(question));
  await waitFor(() => heard.length > 0, { what: "echo" });
  assert.equal(heard.length, 1);
  assert.deepEqual(codec.read(heard[0] ?? Buffer.alloc(0)), { ...question, kind: "echo" });
  assert.deepEqual(examinations.counts("m1", facts.id), { arrived: 1, largestPacketBytes: 900 });
});

test("what may be sent is used up, comes back with time, and leaves a part to who is gentle", () => {
  const fast = limits.doctorBytes - limits.doctorGentleBytes;
  const allowance = new Allowance(0);
  assert.ok(allowance.take(fast, false, 0));
  assert.ok(!allowance.take(1, false, 0));
  assert.ok(allowance.take(limits.doctorGentleBytes, true, 0));
  assert.ok(!allowance.take(1, true, 0));
  assert.ok(!allowance.take(limits.doctorBytesPerSecond + 1, true, 1000));
  assert.ok(allowance.take(limits.doctorBytesPerSecond, true, 1000));
  // Neither a long rest nor a clock that is set back makes more of it.
  assert.ok(!allowance.take(1, true, 0));
  assert.ok(!allowance.take(limits.doctorBytes + 1, true, 1e9));
  assert.ok(allowance.take(limits.doctorBytes, true, 1e9));
});
