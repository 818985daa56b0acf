/** The Wireshark dissector over a captured session: it, docs/PROTOCOL.md and what is on the wire say the same. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createDecipheriv } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readManifest, receiverKey } from "../../native/index.ts";
import {
  declaredFields,
  dissect,
  readFrames,
  valueOf,
  writeFrames,
  type Datagram,
  type Field,
  type Packet,
} from "../fixtures/dissection.ts";
import { cast, prepareImage, type PreparedImage } from "../fixtures/native-session.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { testSeed } from "../fixtures/random.ts";

const options = { skip: process.getuid?.() === 0 ? false : "capturing takes root", timeout: 120_000 };
const group = { group: "239.255.71.41", port: 17_141 };
const session = 4711;
const lastWords = "what the capture holds last";
const symbolBytes = 1408;
const liar = 666;
const sessionKey = Buffer.alloc(32, 0x5e); // as the fixture's
const feedbackSecret = Buffer.alloc(32, 0xfe);
const seed = testSeed("dissector");
let folder: string;
let image: PreparedImage;
let packets: Packet[];
let datagrams: Datagram[];

/** Two receivers that lose datagrams, and one that asks for everything all the time and is moved for it. */
async function runSession(): Promise<void> {
  const { caster, receive } = cast(image, { ...group, session, rateBytesPerSecond: 4e6 });
  const capture = join(folder, "session.pcap");
  const filter = `udp port ${group.port} or udp port ${caster.ports.feedback}`;
  const dumpcap = new Program("dumpcap", [
    "dumpcap",
    "-q",
    "-P",
    "-i",
    "lo",
    "-B",
    "64",
    "-f",
    filter,
    "-w",
    capture,
  ]);
  try {
    const captures = (): boolean => dumpcap.errorOutput.includes("File:") || !dumpcap.running;
    await waitFor(captures, { what: "capture", story: () => dumpcap.story() });
    assert.ok(dumpcap.running, dumpcap.story());
    const losses = [10_000, 30_000];
    const receivers = losses.map((lossPerMillion) =>
      receive(null, { lossPerMillion, lossSeed: seed, groupSize: 3 }),
    );
    // Who asks alone may have more; a liar beside others is moved at once.
    await waitFor(() => caster.statistics().receivers >= 2, { what: "receivers", everyMs: 10 });
    const key = receiverKey({ feedbackSecret, session, receiver: liar }).toString("hex");
    const greedy = spawn(resolve("build/native/volley_liar"), { stdio: ["pipe", "ignore", "inherit"] });
    const greedyEnded = once(greedy, "exit");
    greedy.stdin.end(
      `127.0.0.1 ${caster.ports.feedback} ${session} 0 ${liar} ${key} ${layout().blocks} 60\n`,
    );
    await Promise.all(receivers.map((receiver) => receiver.finished));
    greedy.kill();
    await greedyEnded;
    // Whoever is done says so when its status is due.
    await delay(500);
    // What it has not yet taken from the kernel when it is told to end is lost: this comes last.
    const last = createSocket("udp4");
    const isTaken = (): boolean => {
      last.send(lastWords, caster.ports.feedback, "127.0.0.1");
      return readFileSync(capture).includes(lastWords);
    };
    await waitFor(isTaken, { what: "capture of it all", everyMs: 200, story: () => dumpcap.story() });
    last.close();
  } finally {
    await caster.stop();
    dumpcap.signal("SIGINT");
    await dumpcap.ended;
  }
  const frames = readFrames(capture);
  packets = dissect(capture).filter((_, index) => frames[index]?.includes(lastWords) === false);
  datagrams = packets.flatMap((packet) => packet.datagrams);
}

/** How the content is cut into symbols and blocks, by docs/PROTOCOL.md 2. */
function layout(): { blocks: number; firstSymbol: (block: number) => number } {
  const symbols = Math.ceil(readManifest(image.manifest).contentBytes / symbolBytes);
  const blocks = Math.ceil(symbols / 200);
  return { blocks, firstSymbol: (block) => Math.floor((block * symbols) / blocks) };
}

const ofType = (type: Datagram["type"]): Datagram[] => datagrams.filter((datagram) => datagram.type === type);

before(async () => {
  if (options.skip !== false) return;
  folder = await mkdtemp(join(tmpdir(), "volley-dissector-"));
  image = await prepareImage(folder, 12, seed);
  await runSession();
});
after(async () => {
  if (options.skip === false) await rm(folder, { recursive: true, force: true });
});

test("every packet of a session is dissected to its last byte, without a complaint", options, () => {
  assert.ok(packets.length > 100, `${packets.length} packets`);
  for (const [index, packet] of packets.entries()) {
    assert.ok(packet.isVolley, `packet ${index + 1} is taken for Volley's`);
    assert.deepEqual(packet.complaints, [], `packet ${index + 1}`);
    const bytes = packet.datagrams.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
    assert.equal(bytes, packet.bytes, `packet ${index + 1} is datagrams and nothing else`);
    for (const { bytes: whole, fields, type } of packet.datagrams) {
      let end = 0;
      for (const { bytes: length, name, offset } of fields) {
        // Two flags share their bytes.
        const shares = offset + length === end;
        assert.ok(shares || offset === end, `${type}: ${name} begins at ${offset}, not at ${end}`);
        end = offset + length;
      }
      assert.equal(end, whole.length, `${type} ends where its last field does`);
    }
  }
});

test("a session shows every field that the dissector knows", options, () => {
  const seen = new Set(datagrams.flatMap(({ fields }) => fields.map(({ name }) => name)));
  // What holds other fields, and the complaints.
  const others = new Set(["datagram", "run", "flags", "malformed", "unknown_flags"]);
  const known = declaredFields().filter((name) => !others.has(name.slice("volley.".length)));
  assert.ok(known.length > 30, "the dissector declares its fields");
  assert.deepEqual(
    known.filter((name) => !seen.has(name)),
    [],
  );
});

/** The rows of the tables of a section: offset, bytes, and what stands there. */
function tableRows(document: string, heading: string): { offset: number; bytes: number; what: string }[] {
  const section = document.split(`\n${heading}`)[1]?.split("\n## ")[0]?.split("\n### ")[0] ?? "";
  const rows = [...section.matchAll(/^\| (\d+) \| (\d+)( each)? \| ([^|]+) \|/gm)];
  return rows.map(([, offset, bytes, , what = ""]) => ({
    offset: Number(offset),
    bytes: Number(bytes),
    what,
  }));
}

test("the fields lie where docs/PROTOCOL.md says", options, () => {
  const document = readFileSync(resolve("docs/PROTOCOL.md"), "utf8");
  const sections = [
    { heading: "## 3. Datagrams", base: 0, types: ["DATA", "ANNOUNCE", "REPORT"] as const, rows: 9 },
    { heading: "### 3.2 ANNOUNCE", base: 28, types: ["ANNOUNCE"] as const, rows: 7 },
    { heading: "### 3.3 REPORT", base: 28, types: ["REPORT"] as const, rows: 7 },
  ];
  for (const { base, heading, rows: expected, types } of sections) {
    const rows = tableRows(document, heading);
    assert.equal(rows.length, expected, `rows of the table under "${heading}"`);
    for (const type of types) {
      const datagram = ofType(type).find((one) => type === "DATA" || valueOf(one, "run_count") > 0);
      assert.ok(datagram, `a ${type} with runs`);
      for (const { bytes, offset, what } of rows) {
        // A run has three fields in its ten bytes.
        const inside: Field[] = datagram.fields.filter(
          (field) => field.offset >= base + offset && field.offset < base + offset + bytes,
        );
        const first: Field | undefined = inside[0];
        const last: Field | undefined = inside.at(-1);
        assert.ok(first && last, `${type}: ${what}`);
        assert.equal(first.offset, base + offset, `${type}: where ${what} begins`);
        assert.equal(last.offset + last.bytes, base + offset + bytes, `${type}: where ${what} ends`);
      }
    }
  }
});

test("what is shown is what was sent", options, () => {
  const { blocks, firstSymbol } = layout();
  const content = readFileSync(image.contentPath);
  for (const datagram of datagrams) {
    assert.equal(valueOf(datagram, "session"), session);
    assert.equal(valueOf(datagram, "stream"), 0);
    assert.ok(valueOf(datagram, "start") === 1 || datagram.type === "REPORT");
  }
  const begun = new Set<number>();
  let parity = 0;
  let turns = 0;
  for (const datagram of ofType("DATA")) {
    const block = valueOf(datagram, "block");
    const [number, k] = [valueOf(datagram, "symbol_number"), firstSymbol(block + 1) - firstSymbol(block)];
    if (!begun.has(block)) {
      // A whole turn, or what the liar had repaired before it.
      const toCome = valueOf(datagram, "to_come");
      assert.equal(number, 0, `the first symbol of block ${block}`);
      assert.ok(toCome === k - 1 || toCome < k / 3, `${toCome} of ${k} symbols of block ${block} to come`);
      turns += Number(toCome === k - 1);
    }
    begun.add(block);
    parity += Number(number >= k);
    if (number >= k) continue;
    const symbol = Buffer.alloc(symbolBytes);
    content.copy(symbol, 0, (firstSymbol(block) + number) * symbolBytes);
    const shown = datagram.fields.find(({ name }) => name === "volley.symbol")?.value;
    assert.equal(shown, symbol.toString("hex"), `symbol ${number} of block ${block}`);
  }
  assert.equal(begun.size, blocks);
  assert.ok(turns > 0, "some blocks came in a whole turn");
  assert.ok(parity > 0, "some of it is parity");
  const counters = [...ofType("DATA"), ...ofType("ANNOUNCE")].map((datagram) => valueOf(datagram, "counter"));
  assert.deepEqual(
    counters.toSorted((one, other) => one - other),
    counters.map((_, index) => index + 1),
    "the counters of DATA and ANNOUNCE together have no gap",
  );
  const moved = ofType("ANNOUNCE").flatMap(({ fields }) =>
    fields.filter(({ name }) => name === "volley.moved"),
  );
  assert.deepEqual(
    [...new Set(moved.map(({ value }) => Number(value)))],
    [liar],
    "the liar is moved, and it alone",
  );
  assert.ok(ofType("ANNOUNCE").some((datagram) => valueOf(datagram, "cover_count") === blocks));
  const reporters = new Set(ofType("REPORT").map((datagram) => valueOf(datagram, "receiver")));
  assert.deepEqual(reporters, new Set([1, 2, liar]));
  assert.ok(ofType("REPORT").some((datagram) => valueOf(datagram, "flags.status") === 1));
  assert.ok(ofType("REPORT").some((datagram) => valueOf(datagram, "flags.leaving") === 1));
  assert.ok(
    ofType("REPORT").some((datagram) => valueOf(datagram, "loss") > 5000),
    "losses are reported",
  );
});

/** b3sum as the second implementation: keys and tags as docs/PROTOCOL.md 3 derives them. */
const b3sum = (message: Buffer, words: string[], input?: Buffer): Buffer => {
  const path = join(folder, "message");
  writeFileSync(path, message);
  const output = execFileSync("b3sum", ["--no-names", ...words, path], {
    encoding: "utf8",
    ...(input && { input }),
  });
  return Buffer.from(output.trim(), "hex");
};
const integer = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

/** What somebody in the group hears of an encrypted session, DATA first. */
async function hearEncrypted(): Promise<Buffer[]> {
  const ear = createSocket({ type: "udp4", reuseAddr: true });
  const heard: Buffer[] = [];
  ear.on("message", (datagram) => heard.push(datagram));
  ear.bind(group.port, group.group);
  await once(ear, "listening");
  ear.addMembership(group.group, "127.0.0.1");
  const { caster, receive } = cast(image, { ...group, session, encrypted: true, rateBytesPerSecond: 8e6 });
  try {
    await receive(null, { encrypted: true }).finished;
  } finally {
    await caster.stop();
    ear.close();
  }
  return heard.toSorted((one, other) => other.readUInt8(1) - one.readUInt8(1));
}

test(
  "an encrypted session is taken for what it is, and OpenSSL reads it by docs/PROTOCOL.md 3.1",
  options,
  async () => {
    const heard = await hearEncrypted();
    const { firstSymbol } = layout();
    const content = readFileSync(image.contentPath);
    const material = Buffer.concat([sessionKey, integer(session, 4), integer(1, 4), integer(0, 2)]);
    const key = b3sum(material, ["--derive-key", "volley 1 payload key"]);
    const data = heard.filter((datagram) => datagram.readUInt8(1) === 129);
    assert.ok(data.length > 50, `${data.length} datagrams`);
    assert.ok(heard.every((datagram) => datagram.readUInt8(1) !== 1));
    for (const datagram of data) {
      // OpenSSL's sixteen bytes are the block counter and the nonce.
      const nonce = Buffer.concat([Buffer.alloc(8), datagram.subarray(12, 20)]);
      const symbol = createDecipheriv("chacha20", key, nonce).update(datagram.subarray(28, -16));
      const [block, number] = [datagram.readUInt32LE(20), datagram.readUInt16LE(24)];
      if (number >= firstSymbol(block + 1) - firstSymbol(block)) continue;
      const at = (firstSymbol(block) + number) * symbolBytes;
      const expected = Buffer.alloc(symbolBytes);
      content.copy(expected, 0, at);
      assert.deepEqual(symbol, expected, `symbol ${number} of block ${block}`);
    }

    const path = join(folder, "encrypted.pcap");
    const some = data.slice(0, 8);
    writeFrames(path, 4000, some);
    for (const [index, packet] of dissect(path).entries()) {
      const [datagram] = packet.datagrams;
      assert.ok(packet.isVolley && datagram !== undefined && packet.datagrams.length === 1);
      assert.deepEqual(packet.complaints, []);
      assert.equal(valueOf(datagram, "type"), 129);
      const shown = datagram.fields.find(({ name }) => name === "volley.symbol")?.value;
      assert.equal(shown, some[index]?.subarray(28, -16).toString("hex"));
    }
  },
);

test("tags are made as docs/PROTOCOL.md says, checked by b3sum", options, () => {
  const senderKey = b3sum(Buffer.concat([sessionKey, integer(session, 4), integer(1, 4), integer(0, 2)]), [
    "--derive-key",
    "volley 1 sender key",
  ]);
  for (const type of ["DATA", "ANNOUNCE", "REPORT"] as const) {
    for (const { bytes, fields } of ofType(type).slice(0, 3)) {
      const receiver = integer(bytes.readUInt32LE(20), 4);
      const material = Buffer.concat([feedbackSecret, integer(session, 4), receiver]);
      const key = type === "REPORT" ? b3sum(material, ["--derive-key", "volley 1 receiver key"]) : senderKey;
      const tag = b3sum(bytes.subarray(0, -16), ["--keyed"], key).subarray(0, 16).toString("hex");
      assert.equal(fields.at(-1)?.value, tag, type);
    }
  }
});

test(
  "what is malformed is said to be, on the ports of the preferences, and is nobody's elsewhere",
  options,
  () => {
    const [data, announce, report] = [ofType("DATA")[0], ofType("ANNOUNCE")[0], ofType("REPORT")[0]];
    assert.ok(data && announce && report);
    const changed = (from: Datagram, offset: number, value: number): Buffer => {
      const bytes = Buffer.from(from.bytes);
      bytes.writeUInt8(value, offset);
      return bytes;
    };
    const wrong = [
      changed(data, 0, 2), // a version to come
      changed(data, 25, 1), // symbol number 256 or more
      data.bytes.subarray(0, -1),
      changed(announce, 24, announce.bytes.readUInt8(24) + 1), // a run more than there is
      changed(announce, 1, 4), // no type
      changed(report, 25, 0xff),
      report.bytes.subarray(0, 40),
      Buffer.concat([report.bytes, Buffer.from([0])]),
    ];
    const path = join(folder, "wrong.pcap");
    writeFrames(path, 63_001, [...wrong, changed(report, 27, 0x80)]);
    const onPort = dissect(path, "-o", "volley.ports:63000-64000");
    for (const [index, packet] of onPort.entries()) {
      // Wireshark adds its own word to what is of the group of the malformed.
      const complaints =
        index < wrong.length ? ["volley.malformed", "_ws.malformed"] : ["volley.unknown_flags"];
      assert.deepEqual(packet.complaints, complaints, `case ${index}`);
    }
    assert.deepEqual(
      dissect(path).map(({ isVolley }) => isVolley),
      onPort.map(() => false),
    );
  },
);

test(
  "datagrams that a kernel has put together are taken apart, a shorter one at the end too",
  options,
  () => {
    const counted = new Map(
      [...ofType("DATA"), ...ofType("ANNOUNCE")].map((one) => [valueOf(one, "counter"), one]),
    );
    const end = ofType("ANNOUNCE").find((one) => {
      const counter = valueOf(one, "counter");
      return [1, 2].every((back) => counted.get(counter - back)?.type === "DATA");
    });
    assert.ok(end, "an ANNOUNCE after two DATA");
    const parts = [2, 1, 0].map(
      (back) => counted.get(valueOf(end, "counter") - back)?.bytes ?? Buffer.alloc(0),
    );
    const path = join(folder, "together.pcap");
    writeFrames(path, 4000, [Buffer.concat(parts), ...parts]);
    const [together, ...apart] = dissect(path);
    assert.deepEqual(
      together?.datagrams,
      apart.flatMap((packet) => packet.datagrams),
    );
  },
);
