/** The firmware's entry that a Windows PE makes for the Windows on a disk that it has written. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startByFirmware } from "../../../agent/platform/windows/firmware-start.ts";
import type { WindowsDisk } from "../../../agent/platform/windows/facts.ts";
import type { WindowsTools } from "../../../agent/platform/windows/tools.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { laptop } from "../../fixtures/windows-facts.ts";
import { allTools } from "../../fixtures/windows-tools/all.ts";
import { bootStore } from "../../fixtures/windows-tools/bcdedit.ts";
import {
  doubleMachine,
  doublePartition,
  lettersOf,
  windowsTools,
} from "../../fixtures/windows-tools/machine.ts";

const efiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const data = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const mebibyte = 2 ** 20;
const network = "{c39bf358-0000-11ee-8000-000000000001}";

function diskOf(number: number, changes: Partial<WindowsDisk> = {}): WindowsDisk {
  const [shown] = laptop(true).shown;
  assert.ok(shown);
  const partitions = [efiSystem, data].map((type, index) => ({
    number: index + 1,
    offsetBytes: (1 + index * 260) * mebibyte,
    sizeBytes: 260 * mebibyte,
    type,
    name: "",
    mountPoints: [],
    volume: null,
    fileSystem: index === 0 ? "FAT32" : "NTFS",
    label: "",
  }));
  return { ...shown, number, path: `\\\\.\\PhysicalDrive${number}`, style: "gpt", partitions, ...changes };
}

interface Wish {
  disks?: WindowsDisk[];
  firmware?: "bios" | "uefi";
  /** The firmware's entries, in their order. */
  order?: string[];
  fault?: string;
}

/** A Windows PE with those disks, which has written the first. */
async function start(t: TestContext, { disks = [diskOf(0)], firmware = "uefi", fault = "", order }: Wish) {
  const folder = testFolder(t);
  const machine = doubleMachine();
  machine.disks = disks.map(({ partitions }) => ({
    sizeMegabytes: 1000,
    style: "gpt",
    dynamic: false,
    partitions: partitions.map(({ type }) =>
      doublePartition({
        kind: type === efiSystem ? "efi" : "primary",
        sizeMegabytes: 260,
        fileSystem: "ntfs",
      }),
    ),
  }));
  const store = bootStore(machine);
  store.firmwareOrder = order ?? [network];
  const doubles = windowsTools(machine, allTools());
  const tools: WindowsTools = {
    path: (program) => program,
    async run(command) {
      if (command[0] === fault) return null;
      const { exitCode, output } = await doubles.run({ command });
      return exitCode === 0 ? output : null;
    },
  };
  const facts = { disks: () => disks, system: () => ({ ...laptop(true).system(), firmware }) };
  const said = await startByFirmware(
    { path: disks[0]?.path ?? "", offsetBytes: 261 * mebibyte },
    {
      facts,
      tools,
      isFree: (letter) => !lettersOf(machine).includes(letter),
      async partition(lines) {
        const script = join(folder, "script.txt");
        writeFileSync(script, lines.join("\r\n"));
        assert.ok(readFileSync(script).length > 0);
        return (await tools.run(["diskpart.exe", "/s", script])) !== null;
      },
    },
  );
  return {
    said: said.join("; "),
    order: store.firmwareOrder,
    done: machine.done,
    letters: lettersOf(machine),
  };
}

test("Windows' boot manager comes last among the firmware's entries, behind the network", async (t) => {
  const { done, letters, order, said } = await start(t, {});
  assert.equal(said, "The firmware has an entry for this Windows");
  assert.deepEqual(order, [network, "{bootmgr}"]);
  assert.ok(done.includes("bcdboot W:\\Windows"), done.join("\n"));
  assert.deepEqual(letters, ["X"], "no letter stays");
});

test("where the firmware has an entry for Windows already, it keeps its place", async (t) => {
  const first = await start(t, { order: ["{bootmgr}", network] });
  assert.deepEqual(first.order, ["{bootmgr}", network]);
  const last = await start(t, { order: [network, "{bootmgr}"] });
  assert.deepEqual(last.order, [network, "{bootmgr}"]);
});

test("bcdboot is not asked where it could take another disk's system partition, nor with a BIOS", async (t) => {
  const two = await start(t, { disks: [diskOf(0), diskOf(1)] });
  assert.match(
    two.said,
    /no entry .* does not have the only EFI system partition.* starts .* by .*bootx64\.efi/,
  );
  const elsewhere = { ...diskOf(0), partitions: diskOf(0).partitions.slice(1) };
  assert.match((await start(t, { disks: [elsewhere, diskOf(1)] })).said, /not have the only EFI/);
  for (const quiet of [{ firmware: "bios" as const }, { disks: [diskOf(0, { style: "mbr" })] }]) {
    const { done, said } = await start(t, quiet);
    assert.deepEqual([said, done], ["", []]);
  }
  assert.deepEqual([two.done, two.order], [[], [network]]);
});

test("what fails is said, and fails nothing: the disk starts by the path that every firmware tries", async (t) => {
  const without = await start(t, { fault: "bcdboot.exe" });
  assert.match(without.said, /no entry .*bcdboot makes none.*bootx64\.efi/);
  assert.deepEqual(without.letters, ["X"], "no letter stays");
  const unseen = await start(t, { fault: "diskpart.exe" });
  assert.match(unseen.said, /no entry .*no drive letter/);
});
