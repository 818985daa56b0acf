/**
 * Bare metal as in a room: two computers with empty disks, one BIOS and one UEFI, take the same image in one session, restart
 * from their disks and end their task sequence there; and the power fails. Many minutes, so only at the level `e2e`.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, test } from "node:test";
import type { SessionRecord } from "../../contract/administration.ts";
import { DeployedRoom, linuxStatuses, type Computer } from "../fixtures/deployed-room.ts";
import { firstSector, onRootVolume } from "../fixtures/disk-image.ts";
import { waitFor } from "../fixtures/program.ts";
import { random } from "../fixtures/random.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
const waitMs = 30 * 60_000;
/** So slow that the second computer comes while the first still receives. */
const rate = ["--rate", "12"];
let room: DeployedRoom;
before(async () => {
  if (!wanted) return;
  room = await DeployedRoom.open("bare metal");
  await room.deployLinux("room", rate);
});
after(async () => {
  if (wanted) await room.close();
});

/** A file of the deployed system, from the computer's disk. */
const fileOn = ({ disk }: Computer, path: string): string =>
  onRootVolume(disk, (mounted) => readFileSync(join(mounted, path), "utf8"));

test(
  "BIOS and UEFI: one session, a name each, and the sequence ends in the deployed systems",
  { skip },
  async () => {
    const computers = (["bios", "uefi"] as const).map((firmware, index) =>
      room.computer({ number: index + 1, firmware, diskMebibytes: 2048 }),
    );
    const machines = computers.map((computer) => ({ computer, machine: computer.turnOn() }));
    await Promise.all(
      machines.map(async ({ computer, machine }) => {
        await machine.says(computer.name.startsWith("bios") ? / · BIOS · 10/ : / · UEFI · 10/);
        await computer.takePicture("1-pe");
        await machine.says(/Joined session/);
        await computer.takePicture("2-receiving");
        await machine.says(/is on the disk and verified [^(]*\([1-9][\d.]* MB by multicast/);
        await computer.takePicture("3-applied");
        // What the PE says last may not come out before it restarts.
        await machine.says(/Volley demo system: Debian/);
        await computer.takePicture("4-deployed");
        await room.waitForState(computer, "succeeded");
        await computer.takePicture("5-succeeded");
      }),
    );
    const sessions = await room.volley<SessionRecord[]>("session", "list");
    assert.deepEqual(
      sessions.map(({ imageName, machines: count }) => [imageName, count]),
      [["lab", 2]],
    );
    const names: string[] = [];
    for (const computer of computers) {
      assert.deepEqual(await room.told("room", computer), linuxStatuses("room"));
      const { facts } = (await room.machineOf(computer)) ?? {};
      names.push(facts?.name ?? "");
      const statuses = await room.statuses("room", computer);
      const shown = statuses.find(({ action }) => action === "Show the new system")?.output ?? "";
      assert.match(shown, new RegExp(`^${facts?.name}\n[^]*VERSION_CODENAME=bookworm`));
      // The volume of 957 MiB fills the disk of 2 GiB now; df shows it in GiB.
      assert.match(shown, /^\S+ +1\.[789]G .* \/$/m);
      await computer.cutPower();
      assert.equal(fileOn(computer, "etc/hostname"), `${facts?.name}\n`);
      const table = execFileSync("sfdisk", ["--verify", computer.disk], { encoding: "utf8" });
      assert.match(table, /No errors detected/);
    }
    assert.equal(new Set(names).size, 2);
    const identities = computers.map((computer) => fileOn(computer, "etc/machine-id"));
    assert.equal(new Set(identities).size, 2, "the deployed systems have one machine id");
  },
);

test(
  "the power fails in the transfer: nothing starts from the disk, and only what is missing is sent",
  { skip },
  async () => {
    const next = random(room.seed);
    const part = 0.1 + 0.7 * next();
    const computer = room.computer({ number: 3, firmware: "bios", diskMebibytes: 1200, cache: "none" });
    computer.turnOn();
    const cutAt = await waitFor(
      async () => {
        const progress = (await room.machineOf(computer))?.progress;
        return progress && progress.bytesVerified >= progress.bytesTotal * part ? progress : null;
      },
      {
        what: `part ${part.toFixed(2)} of the image`,
        timeMs: waitMs,
        everyMs: 500,
        story: () => computer.story(),
      },
    );
    await computer.cutPower();
    // The mark by which a BIOS knows a disk that it can start from.
    assert.notEqual(
      firstSector(computer.disk).readUInt16LE(510),
      0xaa55,
      "a disk that is half written starts",
    );
    const again = computer.turnOn();
    await again.says(/Joined session .*asking only for what is lacking/);
    const said = /is on the disk and verified [^\n]*, (\d+) chunks were there\)/;
    await again.says(said);
    const found = Number(said.exec(again.serial)?.[1]);
    assert.ok(found > 0, "nothing of what had been written was found");
    console.log(`# cut at ${cutAt.bytesVerified} of ${cutAt.bytesTotal} bytes, ${found} chunks were found`);
    await room.waitForState(computer, "succeeded");
  },
);

test(
  "the power fails at the restart: the sequence goes on in the deployed system, each step told once",
  { skip },
  async () => {
    const next = random(room.seed + 1);
    const computer = room.computer({ number: 4, firmware: "bios", diskMebibytes: 1200, cache: "none" });
    await computer.turnOn().says(/Successfully completed the action \(Setup Operating System and Agent\)/);
    await delay(2000 * next());
    await computer.cutPower();
    computer.turnOn();
    await room.waitForState(computer, "succeeded");
    const told = await room.told("room", computer);
    const completed = told.filter((text) => text.startsWith("11134"));
    assert.deepEqual(
      completed,
      linuxStatuses("room").filter((text) => text.startsWith("11134")),
    );
  },
);
