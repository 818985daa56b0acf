/** Two sites and strangers on loopback: no group is taken that another has, wants or sends to. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { afterEach, test } from "node:test";
import { readClaim, siteIdBytes, writeClaim } from "../../../../site/casting/group-claim.ts";
import { Groups, type GroupWatch } from "../../../../site/casting/groups.ts";
import { openLog } from "../../../../site/log.ts";
import { waitFor } from "../../../fixtures/program.ts";
import { random, testSeed } from "../../../fixtures/random.ts";

const next = random(testSeed("groups"));
/** Groups and ports that no other test uses. */
const firstGroup = 0xeff0_0000 + 512 * (1 + Math.floor(next() * 1000));
const ports = { first: 26_000 + 20 * Math.floor(next() * 50), count: 20 };
const sites: Groups[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const site of sites.splice(0)) site.close();
  for (const socket of sockets.splice(0)) socket.close();
});

function newSite(
  count: number,
  watch: GroupWatch | null = null,
  interfaceAddress = "127.0.0.1",
  log = openLog({ file: null, quiet: true }),
): Groups {
  const site = new Groups({
    groups: { first: firstGroup, count },
    ports,
    interfaceAddress,
    timeToLive: 1,
    watch,
    log,
  });
  sites.push(site);
  return site;
}

async function bound(port: number, address: string): Promise<Socket> {
  const socket = createSocket("udp4");
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return socket;
}

const addressOf = (group: number): string => [24, 16, 8, 0].map((bits) => (group >>> bits) & 255).join(".");

const takeAll = async (site: Groups, count: number): Promise<string[]> => {
  const taken: string[] = [];
  for (let time = 0; time < count; time += 1) taken.push((await site.take()).group);
  return taken;
};

test("a question and an answer are read as they were written, and nothing else is", () => {
  const siteId = Buffer.alloc(siteIdBytes, 7);
  for (const kind of ["question", "answer"] as const) {
    const payload = writeClaim(kind, siteId);
    assert.deepEqual(readClaim(payload), { kind, siteId });
    assert.equal(readClaim(payload.subarray(1)), null);
    for (const place of [0, 4, 5, 7]) {
      const wrong = Buffer.from(payload);
      wrong[place] = 9;
      assert.equal(readClaim(wrong), null);
    }
  }
  assert.equal(readClaim(Buffer.alloc(0)), null);
});

test("an answer has the bytes that docs/PROTOCOL.md says", () => {
  const siteId = Buffer.from(Array.from({ length: siteIdBytes }, (_, index) => index));
  const [answer, zero, length] = [[2], [0], [24, 0]];
  assert.deepEqual(
    [...writeClaim("answer", siteId)],
    [...Buffer.from("VLYC"), ...answer, ...zero, ...length, ...siteId],
  );
});

test("two sites share a range and no group; one that is given back is free for the other", async () => {
  const [one, other] = [newSite(4), newSite(4)];
  const first = await takeAll(one, 2);
  const second = await takeAll(other, 2);
  assert.equal(new Set([...first, ...second]).size, 4);
  await assert.rejects(other.take(), { code: "E_CONFLICT", detail: /another site has it/ });
  one.release(first[0] ?? "");
  assert.equal((await other.take()).group, first[0]);
});

test("of two that want the last group at the same time, one gets it", async () => {
  for (let round = 0; round < 5; round += 1) {
    const both = [newSite(1), newSite(1)];
    const results = await Promise.allSettled(both.map((site) => site.take()));
    const statuses = results.map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), ["fulfilled", "rejected"], JSON.stringify(results));
    for (const site of both) site.close();
  }
});

test("a group that is looked for ahead is another's already, and is given without a question", async () => {
  const [one, other] = [newSite(1), newSite(1)];
  await one.lookAhead();
  await assert.rejects(other.take(), { code: "E_CONFLICT" });
  const got = await one.take();
  await assert.rejects(other.take(), { code: "E_CONFLICT" });
  one.release(got.group);
  assert.equal((await other.take()).group, got.group);
});

test("a session that goes on after a restart has its group, also towards others", async () => {
  const [one, other] = [newSite(2), newSite(2)];
  const had = await one.take();
  one.close();
  const again = newSite(2);
  await again.resume(had);
  const rest = await other.take();
  assert.notEqual(rest.group, had.group);
  await assert.rejects(other.take(), { code: "E_CONFLICT" });
});

test("a stranger's datagrams keep a site from the group", async () => {
  const site = newSite(2);
  const stranger = await bound(0, "127.0.0.1");
  stranger.setMulticastInterface("127.0.0.1");
  const [used = "", free = ""] = await takeAll(newSite(2), 2);
  for (const one of sites) one.close();
  let sent = 0;
  const sending = setInterval(() => {
    for (let port = ports.first; port < ports.first + ports.count; port += 1) stranger.send("x", port, used);
    sent += 1;
  }, 20);
  try {
    await waitFor(() => sent > 0, { what: "traffic" });
    const fresh = newSite(2);
    assert.equal((await fresh.take()).group, free);
    await assert.rejects(fresh.take(), { code: "E_CONFLICT", detail: /127\.0\.0\.1 sends to it/ });
  } finally {
    clearInterval(sending);
  }
  site.close();
});

test("a host that says it has every group keeps no site from one, and costs the time of the rounds once", async () => {
  const count = 64;
  const liar = createSocket({ type: "udp4", reuseAddr: true });
  sockets.push(liar);
  // Bound to all addresses it hears every group that the site joins.
  await new Promise<void>((resolve) => liar.bind(ports.first, resolve));
  liar.setMulticastInterface("127.0.0.1");
  const answer = writeClaim("answer", Buffer.alloc(siteIdBytes));
  let questions = 0;
  liar.on("message", (payload) => {
    if (readClaim(payload)?.kind !== "question") return;
    questions += 1;
    for (let low = 0; low < count; low += 1) {
      liar.send(answer, ports.first, addressOf(firstGroup + low));
    }
  });
  const said: string[] = [];
  const log = openLog({ file: null, quiet: true });
  log.warn = ((text: string) => void said.push(text)) as unknown as typeof log.warn;
  const site = newSite(count, null, "127.0.0.1", log);
  const first = await site.take();
  assert.match(said.join("\n"), /^each of the \d+ .+ \(another site has it, says 127\.0\.0\.1\)/);
  const asked = questions;
  const others = await takeAll(site, 3);
  assert.equal(new Set([first.group, ...others]).size, 4);
  assert.deepEqual([questions, said.length], [asked, 1]);
});

test("a data port that another program has is passed over", async () => {
  // One is left free: neither the first, which sites ask at, nor any of these.
  for (let port = ports.first + 1; port < ports.first + ports.count - 1; port += 1) {
    await bound(port, "0.0.0.0");
  }
  assert.equal((await newSite(2).take()).port, ports.first + ports.count - 1);
});

test("groups that machines want, and those that are heard, are passed over", async () => {
  const all = await takeAll(newSite(4), 4);
  for (const site of sites) site.close();
  const [wanted = "", heard = "", ...free] = all;
  let open = 0;
  const site = newSite(4, {
    wanted: () => [wanted],
    forget: () => undefined,
    listen: (groups) => {
      open += 1;
      return { heard: () => groups.filter((group) => group === heard), close: () => void (open -= 1) };
    },
  });
  assert.deepEqual((await takeAll(site, 2)).toSorted(), free.toSorted());
  await assert.rejects(site.take(), { code: "E_CONFLICT", detail: /someone sends to it/ });
  assert.equal(open, 0);
});

test("where the network cannot be asked a group is given all the same", async () => {
  const site = newSite(2, null, "192.0.2.77");
  const taken = await takeAll(site, 2);
  assert.equal(new Set(taken).size, 2);
  await assert.rejects(site.take(), { code: "E_CONFLICT" });
});
