/** What is said while an image comes: the path, the rate, the progress to the site, the screen, the waiting. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PathWatch } from "../../../agent/imaging/path-watch.ts";
import { ProgressSender } from "../../../agent/imaging/progress-sender.ts";
import { addTotals, progressOf, RateMeter, viewOf } from "../../../agent/imaging/progress.ts";
import { openScreen } from "../../../agent/report/open-screen.ts";
import type { ProgressView } from "../../../agent/report/transfer-view.ts";
import { durationText, sizeText } from "../../../agent/report/words.ts";
import { backOffMs, untilItWorks } from "../../../agent/back-off.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { Progress, type ProgressAnswer } from "../../../contract/report.ts";
import type { ReceiverStatistics } from "../../../native/index.ts";

const statistics: ReceiverStatistics = {
  phase: "receiving",
  chunksTotal: 100,
  chunksPresent: 50,
  chunksFound: 10,
  chunksByMulticast: 30,
  chunksByUnicast: 10,
  bytesVerified: 50e6,
  bytesTotal: 100e6,
  multicastBytes: 20e6,
  unicastBytes: 5e6,
  repairedSymbols: 7,
  lostDatagrams: 0,
  refusedDatagrams: 0,
  chunksRewritten: 0,
  multicastAlive: true,
  moved: false,
  processorBacklogPerThousand: 0,
  diskBacklogPerThousand: 0,
  bufferBytes: 0,
  direct: true,
};
const none = { multicastBytes: 0, unicastBytes: 0, repairedSymbols: 0, foundChunks: null };

test("the way the image comes is told when it changes, once each time", () => {
  const watch = new PathWatch({ multicastWanted: true, unicastServed: true });
  const look = (multicastAlive: boolean, unicastBytes: number, moved = false): string | null =>
    watch.look({ ...statistics, multicastAlive, unicastBytes, moved });
  assert.equal(look(false, 0), null);
  assert.match(look(false, 10) ?? "", /No multicast arrives/);
  assert.equal(look(false, 20), null);
  assert.match(look(true, 20) ?? "", /is back/);
  assert.equal(look(true, 30), null, "a chunk by unicast beside living multicast is no change");
  assert.equal(look(false, 30), null, "a silent sender that nothing is lacking from is no change");
  assert.match(look(false, 40) ?? "", /fallen silent/);
  assert.match(look(true, 40) ?? "", /is back/);
  assert.match(look(true, 50, true) ?? "", /moved/);
  assert.equal(look(true, 60, true), null);
  const byUnicast = new PathWatch({ multicastWanted: false, unicastServed: true });
  assert.equal(byUnicast.look({ ...statistics, multicastAlive: false, unicastBytes: 9 }), null);
  const only = new PathWatch({ multicastWanted: true, unicastServed: false });
  assert.match(only.look({ ...statistics, moved: true }) ?? "", /^This machine lacked more .* it waits/);
});

test("the rate is of the last seconds", () => {
  const rate = new RateMeter();
  assert.equal(rate.bytesPerSecond, 0);
  for (let second = 0; second <= 20; second += 1) rate.add(second * 1000, second < 10 ? second * 100 : 1000);
  assert.equal(rate.bytesPerSecond, 0);
  for (let second = 21; second <= 30; second += 1) rate.add(second * 1000, 1000 + (second - 20) * 50);
  assert.equal(Math.round(rate.bytesPerSecond), 50);
});

test("what earlier receivers took is added, what later ones find is not", () => {
  const first = addTotals(none, statistics);
  assert.deepEqual(first, { multicastBytes: 20e6, unicastBytes: 5e6, repairedSymbols: 7, foundChunks: 10 });
  const view = viewOf({ ...statistics, chunksFound: 60 }, first, {
    bytesPerSecond: 10e6,
    waitingFor: "",
    bottleneck: "site",
  });
  assert.equal(view.multicastBytes, 40e6);
  assert.equal(view.bytesFound, 10 * limits.chunkBytes);
  assert.equal(view.secondsLeft, 5);
  assert.ok(Progress.parse(progressOf(view, randomUUID())));
});

test("progress is told as often as the site wants it, and each second where it says nothing", async () => {
  let now = 0;
  const told: number[] = [];
  const wanted = [3000, undefined, undefined];
  const sender = new ProgressSender({
    send: async () => {
      const nextAfterMs = wanted[told.push(now) - 1];
      return { next: "go-on", moved: "", ...(nextAfterMs === undefined ? {} : { nextAfterMs }) };
    },
    onMoved: () => assert.fail("moved"),
    onRejoin: () => assert.fail("rejoin"),
    onOut: () => assert.fail("out"),
    onReachable: () => assert.fail("away"),
    now: () => now,
  });
  const progress = progressOf(
    viewOf(statistics, none, { bytesPerSecond: 0, waitingFor: "", bottleneck: "site" }),
    randomUUID(),
  );
  for (; now <= 5000; now += 500) {
    sender.offer(progress);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(told, [0, 3000, 4000, 5000]);
});

test("progress is never queued, slows down while the site is away, and ends with the session", async () => {
  let now = 0;
  const answers: ((answer: ProgressAnswer | Error) => void)[] = [];
  const said: string[] = [];
  const sender = new ProgressSender({
    send: () =>
      new Promise((resolve, reject) => {
        answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      }),
    onMoved: (reason) => said.push(`moved: ${reason}`),
    onRejoin: (reason) => said.push(`rejoin: ${reason}`),
    onOut: (failure) => said.push(`out: ${failure.detail}`),
    onReachable: (failure) => said.push(failure === null ? "back" : "away"),
    now: () => now,
  });
  const progress = progressOf(
    viewOf(statistics, none, { bytesPerSecond: 0, waitingFor: "", bottleneck: "site" }),
    randomUUID(),
  );
  const offerUntil = async (timeMs: number): Promise<void> => {
    for (; now < timeMs; now += 300) {
      sender.offer(progress);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const answer = async (value: ProgressAnswer | Error): Promise<void> => {
    answers.at(-1)?.(value);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await offerUntil(30_000);
  assert.equal(answers.length, 1, "one request at a time");
  await answer({ next: "go-on", moved: "too slow" });
  await offerUntil(31_000);
  assert.equal(answers.length, 2);
  await answer({ next: "go-on", moved: "too slow" });
  await offerUntil(now + 1500);
  assert.deepEqual(said.splice(0), ["moved: too slow"], "once");
  const away = new VolleyError("E_SITE_UNREACHABLE", "gone");
  for (let failure = 0; failure < 8; failure += 1) {
    await answer(away);
    await offerUntil(now + 4 * limits.progressIntervalMs + 300);
  }
  assert.equal(answers.length, 11, "one try in each longest delay once it has failed often");
  await answer({ next: "go-on", moved: "" });
  await offerUntil(now + 1500);
  await answer(new VolleyError("E_SESSION_GONE", "closed"));
  const before = answers.length;
  await offerUntil(now + 60_000);
  assert.equal(answers.length, before);
  assert.deepEqual(said, ["away", "back", "rejoin: The site has closed the session"]);
});

test("a machine that is given another stream joins again, and one that is out ends, each with the reason", async () => {
  const answers: (() => Promise<ProgressAnswer>)[] = [
    async () => ({ next: "rejoin", moved: "It is slow" }),
    async () => {
      throw new VolleyError("E_TOO_SLOW", "It is slow");
    },
  ];
  const said: string[] = [];
  const view = viewOf(statistics, none, { bytesPerSecond: 0, waitingFor: "", bottleneck: "disk" });
  for (const send of answers) {
    let sent = 0;
    const sender = new ProgressSender({
      send: () => ((sent += 1), send()),
      onMoved: (reason) => said.push(`moved: ${reason}`),
      onRejoin: (reason) => said.push(`rejoin: ${reason}`),
      onOut: ({ code, detail }) => said.push(`${code}: ${detail}`),
      onReachable: () => said.push("reachable"),
    });
    for (let offer = 0; offer < 3; offer += 1) {
      sender.offer(progressOf(view, randomUUID()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(sent, 1);
  }
  assert.deepEqual(said, [
    "rejoin: The site has moved this machine to another stream. It is slow",
    "E_TOO_SLOW: It is slow",
  ]);
});

const view: ProgressView = {
  phase: "receiving",
  waitingFor: "",
  bottleneck: "site",
  bytesVerified: 430e6,
  bytesTotal: 1000e6,
  multicastBytes: 400e6,
  unicastBytes: 12e6,
  bytesFound: 0,
  repairedSymbols: 34,
  bytesPerSecond: 118e6,
  secondsLeft: 4.8,
};

test("a terminal shows progress below the lines and draws it over itself", () => {
  let written = "";
  const screen = openScreen({ isTTY: true, columns: 90, write: (text) => (written += text) });
  screen.line("first");
  screen.progress(view);
  screen.progress({ ...view, waitingFor: "waiting for the site, which does not answer" });
  screen.line("second");
  screen.settle();
  screen.line("third");
  const shown = replay(written);
  assert.match(shown[2] ?? "", /^ █+░+ +43 % {2}430 MB of 1\.0 GB {2}118 MB\/s {2}5 s left$/);
  assert.equal(
    shown[3],
    " waiting for the site, which does not answer · 400 MB by multicast · 12.0 MB by unicast ·",
  );
  assert.deepEqual([shown[0], shown[1], shown[4]], ["first", "second", "third"]);
});

/** What a terminal shows after text with the few control sequences that the screen uses. */
function replay(text: string): string[] {
  const lines = [""];
  for (const [piece, up] of text.replaceAll("\x1b", "␛").matchAll(/␛\[(\d+)A|\r|␛\[0J|\n|[^␛\r\n]+/g)) {
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up));
    else if (piece === "\n") lines.push("");
    else if (piece !== "\r" && !piece.startsWith("␛")) lines[lines.length - 1] += piece;
  }
  return lines;
}

test("a file gets a line every few seconds and at each change", () => {
  let now = 0;
  const lines: string[] = [];
  const screen = openScreen({ write: (text) => lines.push(text) }, { fullWith: null, now: () => now });
  for (; now < 10_000; now += 300) screen.progress(view);
  assert.equal(lines.length, 4);
  screen.progress({ ...view, phase: "finishing" });
  assert.equal(lines.length, 5);
  assert.match(lines.at(-1) ?? "", /^ 43 % {2}430 MB of 1\.0 GB · making it durable and bootable/);
});

for (const [bytes, text] of [
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [999_600, "1.0 MB"],
  [512e9, "512 GB"],
  [99.96e6, "100 MB"],
] as const) {
  test(`${bytes} bytes are ${text}`, () => assert.equal(sizeText(bytes), text));
}
for (const [seconds, text] of [
  [0.4, "0 s"],
  [59.6, "1 min 00 s"],
  [185, "3 min 05 s"],
  [7440, "2 h 04 min"],
] as const) {
  test(`${seconds} seconds are ${text}`, () => assert.equal(durationText(seconds), text));
}

test("back-off grows, is bounded and spread", () => {
  assert.equal(
    backOffMs(0, () => 1),
    limits.retryDelayLeastMs,
  );
  assert.equal(
    backOffMs(1, () => 0),
    limits.retryDelayLeastMs,
  );
  assert.equal(
    backOffMs(1000, () => 1),
    limits.retryDelayMostMs,
  );
});

test("what time does not heal is not tried again, and patience ends", async () => {
  const options = { signal: new AbortController().signal, patienceMs: 300, onWait: () => {} };
  let tries = 0;
  const failing = (code: "E_FORBIDDEN" | "E_SITE_UNREACHABLE") => async () => {
    tries += 1;
    throw new VolleyError(code, "x");
  };
  await assert.rejects(untilItWorks(failing("E_FORBIDDEN"), options), { code: "E_FORBIDDEN" });
  assert.equal(tries, 1);
  await assert.rejects(untilItWorks(failing("E_SITE_UNREACHABLE"), options), { code: "E_SITE_UNREACHABLE" });
  assert.ok(tries > 2);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  const stopped = untilItWorks(failing("E_SITE_UNREACHABLE"), {
    ...options,
    patienceMs: 1e9,
    signal: stop.signal,
  });
  await assert.rejects(stopped, { code: "E_CANCELLED" });
});
