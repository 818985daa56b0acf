/** A disk that Apply Operating System Image made to start by a BIOS, started by one: SeaBIOS under QEMU. Needs root. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { biosRoom } from "../fixtures/bios-room.ts";
import { testFolder } from "../fixtures/folder.ts";
import { waitFor } from "../fixtures/room.ts";
import { bootManagerSays } from "../fixtures/windows-image.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";

for (const system of ["NTFS", "FAT32", null] as const) {
  const where = system === null ? "the volume of Windows" : `a partition with ${system}`;
  test(
    `SeaBIOS, GRUB and then bootmgr from ${where}`,
    { skip: wanted ? false : "scripts/test --e2e starts what was deployed" },
    async (t) => {
      const serial = join(testFolder(t), "serial");
      const room = await biosRoom(t, system);
      const outcome = await room.perform(room.apply());
      assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
      execFileSync("sync", []);
      const words = [
        "-machine",
        "pc",
        "-accel",
        "tcg",
        "-m",
        "128",
        "-display",
        "none",
        "-nodefaults",
        "-no-reboot",
      ];
      const disk = [
        "-snapshot",
        "-drive",
        `file=${room.disk.path},format=raw,if=ide`,
        "-serial",
        `file:${serial}`,
      ];
      const machine = spawn("qemu-system-x86_64", [...words, ...disk], { stdio: "ignore" });
      t.after(() => machine.kill("SIGKILL"));
      const heard = (): string => (existsSync(serial) ? readFileSync(serial, "latin1") : "");
      await waitFor(() => heard().includes(bootManagerSays), {
        what: "bootmgr",
        story: heard,
        timeMs: 180_000,
      });
      const gone = new Promise((resolve) => machine.once("close", resolve));
      machine.kill("SIGKILL");
      await gone;
    },
  );
}
