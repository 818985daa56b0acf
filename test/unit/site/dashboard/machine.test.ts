/** A machine's tile in words: what it says, and of several things to say which. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MachineRecord, SessionRecord } from "../../../../contract/administration.ts";
import { movedTexts, paceText } from "../../../../site/held-back.ts";
import type { Progress } from "../../../../contract/report.ts";
import { buildingOf, tileOf } from "../../../../site/dashboard/words/machine.ts";
import { limitText } from "../../../../site/dashboard/words/session.ts";
import { machineFacts } from "../../../fixtures/records.ts";

const time = "2026-03-01T10:00:00.000Z";
const now = Date.parse(time);
const id = "8a2ef9f4-8f0e-4b5e-9d70-0b6a4f2f4a11";
const progress: Progress = {
  sessionId: id,
  phase: "receiving",
  waitingFor: "",
  bottleneck: "disk",
  bytesVerified: 3e9,
  bytesTotal: 12e9,
  multicastBytes: 3e9,
  unicastBytes: 0,
  repairedSymbols: 0,
  bytesPerSecond: 5e7,
  secondsLeft: 180,
};
const machine: MachineRecord = {
  id,
  facts: machineFacts("lab-01"),
  enrolled: time,
  lastSeen: time,
  deploymentId: id,
  state: "working",
  plan: null,
  progress,
  outcome: null,
  error: null,
  notice: "It was there before.",
};

test("of a machine that works: how far, how fast, how long, and its own bottleneck", () => {
  const tile = tileOf(machine, now, { moved: "", building: "", pace: "" });
  assert.equal(tile.part, 0.25);
  assert.equal(tile.line, "3.0 GB of 12.0 GB, 50.0 MB/s, 3:00 left");
  assert.equal(tile.wait, "Held back by its disk.");
  assert.deepEqual(tile.figures, [], "an agent that does not tell them has no figures");
});

test("figures that the agent tells are shown, a zero among them", () => {
  const told = { ...progress, lossPart: 0, diskBytesPerSecond: 4.25e7, unicastBytes: 2e6 };
  const { figures } = tileOf({ ...machine, progress: told }, now, { moved: "", building: "", pace: "" });
  assert.deepEqual(
    figures.map(({ label, value }) => `${label} ${value}`),
    ["Disk 42.5 MB/s", "Loss 0.0 %", "Unicast 2.0 MB"],
  );
});

test("silence says more than what was told before it, a move more than a bottleneck", () => {
  assert.equal(
    tileOf(machine, now + 75_000, { moved: "Moved out.", building: "", pace: "" }).wait,
    "Silent for 1:15.",
  );
  assert.equal(tileOf(machine, now, { moved: "Moved out.", building: "", pace: "" }).wait, "Moved out.");
  const idle = { ...machine, progress: { ...progress, waitingFor: "waiting for data" } };
  assert.equal(tileOf(idle, now, { moved: "", building: "", pace: "" }).wait, "waiting for data");
  const fine = { ...machine, progress: { ...progress, bottleneck: "site" as const } };
  assert.equal(tileOf(fine, now, { moved: "", building: "", pace: "" }).wait, "It was there before.");
});

test("the step is shown while the sequence runs and where it failed", () => {
  const step = { number: 3, total: 12, name: "Partition Disk" };
  assert.equal(
    tileOf({ ...machine, step }, now, { moved: "", building: "", pace: "" }).step,
    "Step 3 of 12: Partition Disk",
  );
  assert.equal(
    tileOf({ ...machine, step, state: "failed" }, now, { moved: "", building: "", pace: "" }).step,
    "Step 3 of 12: Partition Disk",
  );
  assert.equal(
    tileOf({ ...machine, step, state: "succeeded" }, now, { moved: "", building: "", pace: "" }).step,
    "",
  );
});

const session: SessionRecord = {
  id,
  deploymentId: id,
  imageName: "lab",
  stream: 0,
  group: "239.1.2.3",
  port: 63_000,
  start: 1,
  state: "casting",
  machines: 2,
  rateBytesPerSecond: 5e7,
  multicastBytes: 0,
  unicastBytes: 0,
  parityPart: 0,
  limit: "machine",
  limitingMachineId: id,
  moved: [{ machineId: id, reason: "It takes 3 of 90 Mbit/s", to: "unicast" }],
  root: "ab".repeat(32),
  end: null,
};

test("a session says by name who holds it back, and by what", () => {
  assert.equal(limitText(session, machine), "Held back by lab-01: its disk.");
  assert.equal(limitText(session, undefined), "Held back by a machine.");
  assert.equal(
    limitText({ ...session, limit: "policy" }, machine),
    "Held back by the rate of the deployment.",
  );
  const end = { reason: "silent" as const, detail: "For 60 s.", time };
  assert.equal(limitText({ ...session, end }, machine), "No machine reported any more. For 60 s.");
});

test("who was moved is told where and why, and not by a session that has ended", () => {
  assert.equal(movedTexts([session]).get(id), "Moved to unicast. It takes 3 of 90 Mbit/s.");
  const behind = { machineId: id, reason: "It lacked more than repair allows", to: "behind" as const };
  assert.equal(
    movedTexts([{ ...session, moved: [behind] }]).get(id),
    "Moved behind the others. It lacked more than repair allows.",
  );
  assert.equal(movedTexts([{ ...session, state: "closed" }]).size, 0);
});

test("a machine is in the building that casts its session", () => {
  assert.equal(buildingOf(session), "the site");
  assert.equal(buildingOf(undefined), "");
  assert.equal(
    tileOf(machine, now, { moved: "", building: buildingOf({ ...session, point: "annex" }), pace: "" })
      .building,
    "annex",
  );
});

test("a machine that takes all that the site sends says so, and why the site sends no faster", () => {
  const fine = { ...progress, sessionId: session.id, bottleneck: "site" as const };
  const paceBy = (limit: SessionRecord["limit"], told: Partial<Progress> = {}): string =>
    paceText({ ...machine, progress: { ...fine, ...told } }, new Map([[session.id, { ...session, limit }]]));
  assert.equal(paceBy("policy"), "the site's pace: the rate of the deployment");
  assert.equal(paceBy("machine"), "the site's pace: another machine");
  assert.equal(paceBy("nothing"), "the site's pace");
  assert.equal(paceBy("policy", { waitingFor: "the site to answer again" }), "");
  assert.equal(paceBy("policy", { bottleneck: "disk" }), "");
  assert.equal(paceText({ ...machine, progress: fine }, new Map()), "the site's pace");
  const facts = { moved: "", building: "", pace: paceBy("network") };
  assert.equal(tileOf(machine, now, facts).pace, "At the site's pace: the network.");
});
