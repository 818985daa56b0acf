/** Reports survive: torn lines, kill -9 in mid-write, refusals, a site that is away. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDelivery } from "../../../agent/report/delivery.ts";
import type { Log } from "../../../agent/report/logs.ts";
import { openOutbox } from "../../../agent/report/outbox.ts";
import { createRedactor } from "../../../agent/report/redactor.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { ReportsRequest, type Report } from "../../../contract/report.ts";
import { random, testSeed } from "../../fixtures/random.ts";

const deploymentId = randomUUID();
const noFlush = (): void => {};
const silent: Log = { info: noFlush, warning: noFlush, error: noFlush, detail: noFlush };

function notice(text: string): Report {
  return { id: randomUUID(), deploymentId, time: new Date().toISOString(), kind: "notice", text };
}

async function inFolder(work: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "volley-outbox-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("what was added and not acknowledged is there after a restart, in order", () =>
  inFolder((folder) => {
    const reports = ["a", "b", "c", "d"].map(notice);
    const first = openOutbox(folder, noFlush);
    for (const report of reports) first.add(report);
    first.add(reports[0] as Report);
    first.acknowledge([reports[1]?.id ?? "", randomUUID()]);
    first.close();
    const second = openOutbox(folder, noFlush);
    assert.deepEqual(second.next(), [reports[0], reports[2], reports[3]]);
    assert.equal(second.damagedLines, 0);
    assert.equal(statSync(join(folder, "outbox.jsonl")).mode & 0o777, 0o600);
    second.close();
  }));

test("a file cut anywhere loses only the line that was cut", () =>
  inFolder((folder) => {
    const path = join(folder, "outbox.jsonl");
    const reports = ["a", "ä", "c"].map(notice);
    const outbox = openOutbox(folder, noFlush);
    for (const report of reports) outbox.add(report);
    outbox.close();
    const whole = readFileSync(path);
    for (let length = whole.length; length >= 0; length -= 1) {
      // Every flush takes its time, so away from the line ends only some lengths are tried.
      const nearEnd = [-1, 0, 1, 2].some((step) => whole[length - step] === 10);
      if (!nearEnd && length % 61 !== 0) continue;
      writeFileSync(path, whole);
      truncateSync(path, length);
      const reopened = openOutbox(folder, noFlush);
      const wholeLines = whole.subarray(0, length).filter((byte) => byte === 10).length;
      assert.deepEqual(reopened.next(), reports.slice(0, wholeLines), `cut at ${length}`);
      const late = notice("late");
      reopened.add(late);
      reopened.close();
      const again = openOutbox(folder, noFlush);
      assert.deepEqual(again.next(), [...reports.slice(0, wholeLines), late]);
      again.close();
    }
  }));

test("a damaged line in the middle is left out and counted", () =>
  inFolder((folder) => {
    const path = join(folder, "outbox.jsonl");
    const reports = ["a", "b"].map(notice);
    writeFileSync(path, "");
    appendFileSync(path, `${JSON.stringify({ report: reports[0] })}\n\0\0\0\0\n{"report":{}}\n`);
    appendFileSync(path, `${JSON.stringify({ report: reports[1] })}\n`);
    const outbox = openOutbox(folder, noFlush);
    assert.deepEqual(outbox.next(), reports);
    assert.equal(outbox.damagedLines, 2);
    outbox.close();
  }));

test("the file does not grow with what was acknowledged", () =>
  inFolder((folder) => {
    const outbox = openOutbox(folder, noFlush);
    const kept = notice("kept");
    outbox.add(kept);
    for (let index = 0; index < 300; index += 1) {
      const report = notice(`${index}`);
      outbox.add(report);
      outbox.acknowledge([report.id]);
    }
    outbox.close();
    assert.ok(readFileSync(join(folder, "outbox.jsonl"), "utf8").split("\n").length < 550);
    const reopened = openOutbox(folder, noFlush);
    assert.deepEqual(reopened.next(), [kept]);
    reopened.acknowledge([kept.id]);
    assert.equal(statSync(join(folder, "outbox.jsonl")).size, 0);
    reopened.close();
  }));

test("a full outbox drops old notices, never an outcome, and at last refuses", () =>
  inFolder((folder) => {
    const failed = (): Report => {
      const error = { code: "E_DEVICE_WRITE" as const, detail: "d", remedy: "r" };
      return { id: randomUUID(), deploymentId, time: new Date().toISOString(), kind: "failed", error };
    };
    const [outcome, old] = [failed(), notice("old")];
    const others = Array.from({ length: limits.outboxReports - 2 }, failed);
    const lines = [outcome, old, ...others].map((report) => `${JSON.stringify({ report })}\n`);
    writeFileSync(join(folder, "outbox.jsonl"), lines.join(""));
    const outbox = openOutbox(folder, noFlush);
    outbox.add(notice("new"));
    assert.equal(outbox.pending, limits.outboxReports);
    assert.equal(outbox.next()[0]?.id, outcome.id);
    assert.ok(!outbox.next().some((report) => report.id === old.id));
    outbox.add(failed());
    assert.throws(() => outbox.add(failed()), { code: "E_OUTBOX" });
    outbox.close();
  }));

test("a request holds what the site takes, however long the reports are", () =>
  inFolder((folder) => {
    const outbox = openOutbox(folder, noFlush);
    for (let index = 0; index < 250; index += 1) outbox.add(notice("ü".repeat(limits.reportTextCharacters)));
    let taken = 0;
    while (outbox.pending > 0) {
      const reports = outbox.next();
      ReportsRequest.parse({ reports });
      assert.ok(Buffer.byteLength(JSON.stringify({ reports })) < limits.requestBodyBytes);
      taken += reports.length;
      outbox.acknowledge(reports.map((report) => report.id));
    }
    assert.equal(taken, 250);
    outbox.close();
  }));

test("what a process had added before kill -9 is there", () =>
  inFolder(async (folder) => {
    const seed = testSeed("outbox kill");
    const next = random(seed);
    const writer = fileURLToPath(new URL("outbox-writer.js", import.meta.url));
    for (let round = 0; round < 5; round += 1) {
      const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.on("data", (text) => (said += String(text)));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await new Promise((resolve) => setTimeout(resolve, next() * 300));
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
      const outbox = openOutbox(folder, noFlush);
      const found = new Set<string>();
      while (outbox.pending > 0) {
        const batch = outbox.next();
        for (const report of batch) found.add(report.id);
        outbox.acknowledge(batch.map((report) => report.id));
      }
      outbox.close();
      const added = said.slice(0, said.lastIndexOf("\n")).split("\n");
      assert.ok(added[0], "nothing was added before the kill");
      for (const id of added) assert.ok(found.has(id), `report ${id} was added and is not there`);
    }
  }));

test("everything is delivered in order while the site comes and goes; texts are cleaned and cut", () =>
  inFolder(async (folder) => {
    const outbox = openOutbox(folder, noFlush);
    const redactor = createRedactor();
    redactor.add("topsecretword");
    const delivered: string[] = [];
    let calls = 0;
    const send = async (reports: readonly Report[]): Promise<string[]> => {
      calls += 1;
      if (calls % 2 === 1) throw new VolleyError("E_SITE_UNREACHABLE", "away");
      for (const report of reports) if (report.kind === "notice") delivered.push(report.text);
      return reports.map((report) => report.id);
    };
    const delivery = startDelivery({ outbox, send, redactor, log: silent });
    for (const text of ["1", "2", "topsecretword 3", "4".repeat(9000)]) {
      delivery.tell({ kind: "notice", deploymentId, text });
    }
    assert.equal(await delivery.settle(10_000), 0);
    assert.deepEqual(delivered, ["1", "2", "[redacted] 3", "4".repeat(limits.reportTextCharacters)]);
    delivery.close();
  }));

test("what a step printed is cleaned, and of too much of it the end is kept", () =>
  inFolder(async (folder) => {
    const outbox = openOutbox(folder, noFlush);
    const redactor = createRedactor();
    redactor.add("topsecretword");
    const send = (): Promise<string[]> => new Promise(() => {});
    const delivery = startDelivery({ outbox, send, redactor, log: silent });
    const output = `${"x".repeat(9000)} topsecretword end`;
    const status = {
      messageId: 11_134,
      messageName: "m",
      step: 1,
      group: "",
      action: "a",
      exitCode: 0,
      output,
    };
    delivery.tell({ kind: "step-status", deploymentId, status });
    const [told] = outbox.next();
    assert.ok(told?.kind === "step-status");
    assert.equal(told.status.output.length, limits.reportTextCharacters);
    assert.match(told.status.output, /x \[redacted\] end$/);
    delivery.close();
  }));

test("a report that the site refuses does not hold up the others", () =>
  inFolder(async (folder) => {
    const outbox = openOutbox(folder, noFlush);
    const delivered: string[] = [];
    const send = async (reports: readonly Report[]): Promise<string[]> => {
      const texts = reports.map((report) => (report.kind === "notice" ? report.text : ""));
      if (texts.includes("poison")) throw new VolleyError("E_REQUEST_INVALID", "no");
      delivered.push(...texts);
      return reports.map((report) => report.id);
    };
    const delivery = startDelivery({ outbox, send, redactor: createRedactor(), log: silent });
    for (const text of ["1", "poison", "2"]) delivery.tell({ kind: "notice", deploymentId, text });
    assert.equal(await delivery.settle(10_000), 0);
    assert.deepEqual(delivered, ["1", "2"]);
    delivery.close();
  }));

test("an agent that ends does not wait for ever, and says how much is left", () =>
  inFolder(async (folder) => {
    const outbox = openOutbox(folder, noFlush);
    const send = (): Promise<string[]> => new Promise(() => {});
    const delivery = startDelivery({ outbox, send, redactor: createRedactor(), log: silent });
    delivery.tell({ kind: "notice", deploymentId, text: "1" });
    assert.equal(await delivery.settle(50), 1);
    delivery.close();
  }));
