/**
 * What goes wrong in a room while computers are deployed: a cable, the site, a disk. Many minutes, so only at the level
 * `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, test } from "node:test";
import { DeployedRoom, linuxStatuses, type Computer } from "../fixtures/deployed-room.ts";
import { waitFor } from "../fixtures/program.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
const waitMs = 20 * 60_000;

let room: DeployedRoom;
before(async () => {
  if (!wanted) return;
  room = await DeployedRoom.open("faults");
  // So slow that there is a middle of the transfer.
  await room.deployLinux("faults", ["--rate", "16"]);
});
after(async () => {
  if (wanted) await room.close();
});

const hasPart = (computer: Computer, part: number): Promise<unknown> =>
  waitFor(
    async () => {
      const progress = (await room.machineOf(computer))?.progress;
      return progress && progress.bytesVerified >= progress.bytesTotal * part ? true : null;
    },
    { what: `part ${part} of the image`, timeMs: waitMs, everyMs: 500, story: () => computer.story() },
  );

test("the cable is out for half a minute in the transfer: the computer ends right", { skip }, async () => {
  const computer = room.computer({ number: 1, firmware: "bios", diskMebibytes: 1200 });
  const started = Date.now();
  const machine = computer.turnOn();
  await machine.says(/Joined session/);
  const seconds = Math.round((Date.now() - started) / 1000);
  const work = machine.processorSeconds.toFixed(1);
  console.log(`# joined ${seconds} s after it was switched on, ${work} s of a processor`);
  await hasPart(computer, 0.2);
  await computer.takePicture("receiving");
  await machine.plugCable(false);
  await delay(30_000);
  await computer.takePicture("no-cable");
  const during = (await room.machineOf(computer))?.progress;
  assert.ok(during !== undefined && during !== null && during.bytesVerified < during.bytesTotal);
  await machine.plugCable(true);
  await room.waitForState(computer, "succeeded");
  assert.deepEqual(await room.told("faults", computer), linuxStatuses("faults"));
});

test("the site is away when the computer starts, and comes back", { skip }, async () => {
  const computer = room.computer({ number: 2, firmware: "bios", diskMebibytes: 1200 });
  const machine = computer.turnOn();
  await machine.says(/looking for this machine's devices/);
  await room.site.kill();
  // The site was the DHCP server, too: another one gives the address, so that it is the site alone that is missing.
  room.network.startDhcp();
  await machine.says(/ · BIOS · 10\.9\.8\.\d+/);
  await machine.says(/Waiting for the site: /);
  await computer.takePicture("site-away");
  await room.network.stopDhcp();
  await room.site.start();
  await room.waitForState(computer, "succeeded");
  assert.deepEqual(await room.told("faults", computer), linuxStatuses("faults"));
});

test("a disk that is too small is refused by name, and stays as it was", { skip }, async () => {
  const computer = room.computer({ number: 3, firmware: "bios", diskMebibytes: 300 });
  const disk = openSync(computer.disk, "r+");
  writeSync(disk, "what somebody kept here", 5 * 2 ** 20);
  closeSync(disk);
  const hash = (): string => createHash("sha256").update(readFileSync(computer.disk)).digest("hex");
  const kept = hash();
  const machine = computer.turnOn();
  await machine.says(/E_DEVICE_TOO_SMALL: .*\/dev\/vda has 314572800 bytes/);
  await machine.says(/Use a larger disk or a smaller image/);
  const { error } = await room.waitForState(computer, "failed");
  assert.equal(error?.code, "E_DEVICE_TOO_SMALL");
  await computer.takePicture("disk-too-small");
  await computer.cutPower();
  assert.equal(hash(), kept);
});
