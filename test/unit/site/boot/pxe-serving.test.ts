/** What cannot be served or asked is told, and does not stand in the way of the next question. */
import assert from "node:assert/strict";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "../../../../contract/limits.ts";
import { PxeFiles } from "../../../../site/boot/pxe-files.ts";
import { GrubAnswers } from "../../../../site/boot/pxe-grub.ts";
import { otherDhcpServer } from "../../../../site/boot/pxe-probe.ts";
import { Pxe } from "../../../../site/boot/pxe.ts";
import { waitFor } from "../../../fixtures/program.ts";
import { openPxeStore } from "../../../fixtures/pxe-store.ts";

const { close, folder, log, logged, pxe, store } = await openPxeStore();
after(close);

const waitForLog = (pattern: RegExp): Promise<true> =>
  waitFor(() => pattern.test(logged()) || null, { what: String(pattern), story: logged });

test("a boot file that cannot be read is told in the log", async (context) => {
  // The first page of a process's memory is never there: a file that opens and cannot be read.
  symlinkSync("/proc/self/mem", join(folder, "vmlinuz"));
  const port = 20_000 + (process.pid % 10_000);
  const files = new PxeFiles({ pxe, mediaFolder: folder, addresses: ["127.0.0.1"], port, log });
  await files.start();
  context.after(() => files.stop());
  await fetch(`http://127.0.0.1:${port}/vmlinuz`).then(
    (answer) => answer.arrayBuffer(),
    () => undefined,
  );
  await waitForLog(/a boot file is not served: EIO/);
});

test("GRUB is answered at its next question after one that failed; too many questions are told once", async (context) => {
  const root = join(folder, "tftp");
  const failing = await Pxe.open(store);
  const answer = failing.answer.bind(failing);
  failing.answer = () => Promise.reject(new Error("no answer today"));
  const grub = new GrubAnswers({ root, pxe: failing, log });
  context.after(() => grub.stop());
  const name = "none_52:54:00:00:00:01.cfg";
  const ask = (file: string): void =>
    grub.asked({ file: `boot/${file}`, address: "192.0.2.1", outcome: "missing" });
  ask(name);
  await waitForLog(/GRUB is not answered: no answer today/);
  failing.answer = answer;
  ask(name);
  await waitFor(() => existsSync(join(root, "boot", name)), { what: "answer" });
  failing.answer = () => delay(limits.pxeGrubAnswerMs, { kind: "local", reason: "late" }, { ref: false });
  for (let made = 0; made < limits.pxeTransfers + 10; made += 1) {
    ask(
      `none_52:54:00:00:${[made >> 8, made & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}.cfg`,
    );
  }
  await waitForLog(/GRUB at 192.0.2.1 has to wait/);
  assert.equal(logged().match(/has to wait/g)?.length, 1);
});

test("that a network could not be asked is not taken for silence", async () => {
  await assert.rejects(otherDhcpServer({ mac: "52:54:00:00:00:01", broadcast: "::1" }));
});
