/** What the doctor makes of figures, for those that no network of a test can have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLines, fault, ok, reportJson, warning, worst } from "../../../../agent/doctor/check.ts";
import { judgeLink } from "../../../../agent/doctor/link.ts";
import { judgeMulticast } from "../../../../agent/doctor/multicast.ts";
import { judgeSize, sessionPacketBytes, sizesToTry } from "../../../../agent/doctor/packet-size.ts";
import { judgeQuerier } from "../../../../agent/doctor/querier.ts";
import {
  goesOn,
  judgeLoss,
  judgeRate,
  lossOf,
  rateSteps,
  stepMs,
  type RateStep,
} from "../../../../agent/doctor/rates.ts";
import { judgeUnicast } from "../../../../agent/doctor/unicast.ts";
import { limits } from "../../../../contract/limits.ts";

const card = {
  name: "eth0",
  address: "192.0.2.7",
  prefixBits: 24,
  loopback: false,
  wireless: false,
  mtuBytes: 1500,
  speedMbps: 1000,
  duplex: "full",
} as const;

test("cards", () => {
  const cases = [
    [{}, "ok", /1000 Mbit\/s, full duplex/],
    [{ duplex: "half" }, "fault", /half duplex/],
    [{ speedMbps: 10 }, "fault", /10 Mbit\/s/],
    [{ speedMbps: 100 }, "warning", /100 Mbit\/s/],
    [{ wireless: true, speedMbps: null, duplex: null }, "warning", /wireless, speed unknown/],
    [{ speedMbps: null, duplex: null }, "ok", /speed unknown/],
  ] as const;
  for (const [change, verdict, says] of cases) {
    const check = judgeLink({ ...card, ...change });
    assert.equal(check.verdict, verdict, check.detail);
    assert.match(check.detail, says);
    assert.equal(check.remedy === "", verdict === "ok");
  }
});

test("the sizes to try end with the site's, hold a session's, and ascend", () => {
  for (const mtu of [576, 1400, 1500, 9000]) {
    const sizes = sizesToTry(mtu);
    assert.equal(sizes.at(-1), mtu);
    assert.ok(sizes.includes(sessionPacketBytes(mtu)) && sizes.length <= 32);
    assert.deepEqual(
      sizes,
      [...new Set(sizes)].sort((one, other) => one - other),
    );
  }
  assert.equal(sessionPacketBytes(1500), 1480);
});

test("packet sizes: fragments are a warning, jumbo packets that end at 1500 a fault", () => {
  const heard = (most: number, mtu: number) =>
    new Map(
      sizesToTry(mtu)
        .filter((size) => size <= most)
        .map((size) => [size, 8]),
    );
  const link = { name: "eth0", mtuBytes: null };
  const whole = { mtu: 1500, link, heard: heard(1500, 1500), reassembled: 0 };
  assert.equal(judgeSize(whole).verdict, "ok");
  assert.equal(judgeSize({ ...whole, reassembled: null }).verdict, "ok");
  assert.equal(judgeSize({ ...whole, reassembled: 16 }).verdict, "warning");
  // A session's packets are a little shorter than the site's setting.
  assert.equal(judgeSize({ ...whole, heard: heard(1480, 1500) }).verdict, "ok");
  assert.equal(judgeSize({ ...whole, heard: heard(1476, 1500) }).verdict, "fault");
  const jumbo = judgeSize({ mtu: 9000, link, heard: heard(1500, 9000), reassembled: 0 });
  assert.match(`${jumbo.verdict} ${jumbo.detail} ${jumbo.remedy}`, /fault .*1500 .*2000 .*--mtu 1500/);
  assert.match(judgeSize({ ...whole, heard: new Map() }).remedy, /--mtu 576/);
});

const step = (askedMbps: number, change: Partial<RateStep> = {}): RateStep => ({
  askedMbps,
  sentMbps: askedMbps,
  sent: 1000,
  received: 1000,
  duplicates: 0,
  overflows: 0,
  receivedMbps: askedMbps,
  ...change,
});

test("rates: what the doctor was too slow for is nobody's fault, and ends the climb", () => {
  const slow = step(200, { received: 500, overflows: 500 });
  assert.equal(lossOf(slow), 0);
  const steps = [step(10), step(100), slow];
  assert.ok(!goesOn(steps) && goesOn(steps.slice(0, 2)) && goesOn([]));
  assert.match(judgeRate(steps, 1000, "").detail, /at 200 Mbit\/s \(this program takes no more\)/);
});

test("rates: a clean room is climbed to the top, and the site allows what that takes, more than once", () => {
  const steps: RateStep[] = [];
  for (const mbps of rateSteps) {
    assert.ok(goesOn(steps));
    steps.push(step(mbps));
  }
  assert.match(judgeRate(steps, 1000, "").detail, /^No more is lost at 950 Mbit\/s$/);
  const until700 = [...steps.slice(0, -2), step(700, { received: 800, receivedMbps: 560 })];
  assert.ok(!goesOn(until700));
  assert.match(judgeRate(until700, 1000, "").detail, /^Loss starts between 400 and 700 Mbit\/s/);
  const bytes = rateSteps.map((mbps) => (mbps * 1000 * stepMs(mbps)) / 8);
  const all = bytes.reduce((sum, one) => sum + one, 0);
  assert.ok(Math.max(...rateSteps) <= limits.doctorMbps);
  assert.ok(3 * all < limits.doctorBytes - limits.doctorGentleBytes);
});

test("rates: a site that cannot send faster ends the climb, too", () => {
  const steps = [step(10), step(400, { sentMbps: 150 })];
  assert.ok(!goesOn(steps));
  assert.match(judgeRate(steps, 1000, "").detail, /No more is lost at 150 Mbit\/s/);
});

test("rates: where loss starts, and what that means for this card", () => {
  const upTo = (carries: number) => [step(10), step(50), step(100, { received: 600, receivedMbps: carries })];
  assert.equal(judgeRate(upTo(12), 1000, "").verdict, "fault");
  assert.equal(judgeRate(upTo(80), 100, "").verdict, "warning");
  assert.equal(judgeRate(upTo(300), 1000, "").verdict, "warning");
  assert.equal(judgeRate(upTo(300), null, "").verdict, "ok");
  assert.match(judgeRate(upTo(80), 100, "").remedy, /--rate 72/);
});

test("rates: few lost by chance at the first step do not make the same loss at another one a rise", () => {
  const steps = [step(10, { sent: 508, received: 495 }), step(100, { sent: 5000, received: 4725 })];
  assert.equal(judgeRate(steps, 1000, "").verdict, "ok");
  assert.ok(goesOn(steps));
  assert.ok(!goesOn([step(10, { sent: 508, received: 508 }), step(100, { sent: 5000, received: 4725 })]));
});

test("loss: by its part, and copies", () => {
  assert.equal(judgeLoss(step(10)).verdict, "ok");
  assert.equal(judgeLoss(step(10, { received: 970 })).verdict, "warning");
  assert.equal(judgeLoss(step(10, { received: 850 })).verdict, "fault");
  const twice = judgeLoss(step(10, { duplicates: 1000 }));
  assert.match(`${twice.verdict} ${twice.detail} ${twice.remedy}`, /warning .*1000 came twice.*loop/);
});

test("multicast that the site's own system refuses to send", () => {
  const [check] = judgeMulticast({
    group: "239.0.0.1",
    castAddress: "192.0.2.1",
    timeToLive: 1,
    routed: false,
    link: card,
    sent: 0,
    refused: 200,
    refusal: "EPERM",
    heard: 0,
    reachedCard: null,
    elsewhere: null,
    routeAddress: null,
    querier: null,
  });
  assert.match(`${check?.verdict} ${check?.remedy}`, /fault .*refuses to send \(EPERM\)/);
});

test("unicast that comes back in part, and long packets that do not get to the site", () => {
  const all = {
    small: 30,
    large: 30,
    largeBytes: 1480,
    counts: { arrived: 60, largestPacketBytes: 1480 },
    smallBack: 30,
    largeBack: 30,
    echoPort: 22_000,
    reachedCard: null,
  };
  assert.equal(judgeUnicast(all).verdict, "ok");
  assert.equal(judgeUnicast({ ...all, smallBack: 10 }).verdict, "warning");
  assert.equal(judgeUnicast({ ...all, smallBack: 0, largeBack: 0 }).verdict, "fault");
  const cut = { ...all, counts: { arrived: 30, largestPacketBytes: 76 }, largeBack: 0 };
  assert.match(judgeUnicast(cut).remedy, /1480 bytes do not get from here to the site/);
});

test("a system that does not say whether there is a querier is no warning", () => {
  assert.equal(judgeQuerier("eth0", null).verdict, "ok");
  assert.equal(judgeQuerier("eth0", false).verdict, "warning");
});

test("the worst check is the verdict; lines and JSON say all of it", () => {
  const checks = [ok("route", "a"), warning("link", "b", "Do c."), fault("rate", "d", "Do e.")];
  assert.deepEqual([worst([]), worst(checks.slice(0, 2)), worst(checks)], ["ok", "warning", "fault"]);
  assert.deepEqual(JSON.parse(reportJson(checks)), { verdict: "fault", checks });
  assert.match(
    checks.map(checkLines).join(""),
    /^ok +route +a\nWARNING +link +b\n +do: +Do c\.\nFAULT +rate +d\n +do: +Do e\.\n$/,
  );
});
