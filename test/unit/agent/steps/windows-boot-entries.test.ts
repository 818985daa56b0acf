/** A sequence in Windows PE that partitions a disk: what of the firmware's boot entries goes with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listDisks } from "../../../../agent/platform/windows/disks.ts";
import { laptop } from "../../../fixtures/windows-facts.ts";
import { makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { bootStore } from "../../../fixtures/windows-tools/bcdedit.ts";

const id = (number: number): string => `{c39bf358-0000-11ee-8000-00000000000${number}}`;

test("what led to the disk's partitions is gone once the new Windows starts; the rest stays", async (t) => {
  const room = makeRoom(t, "winpe");
  const { entries } = bootStore(room.machine);
  const add = (number: number, description: string, device: string): Map<string, string> => {
    const values = new Map([["device", device]]);
    entries.set(id(number), { description, application: "firmware", values });
    return values;
  };
  const old = add(1, "old system", "partition=\\Device\\HarddiskVolume1");
  add(2, "another disk's", "partition=\\Device\\HarddiskVolume7");
  add(3, "a stick that is not plugged in", "unknown");
  const facts = laptop(true);
  const empty = { partitions: [], systemUses: [], sizeBytes: 64_000 * 2 ** 20 };
  facts.shown = facts.shown.map((disk) => ({ ...disk, ...empty }));
  room.services.disks = { list: () => Promise.resolve(listDisks(facts, false)) };
  const partition = await room.perform("PartitionDisk", {
    DiskIndex: "0",
    PartitionStyle: "GPT",
    Partitions: "2",
    Partitions0Type: "EFI",
    Partitions0FileSystem: "FAT32",
    Partitions0Size: "260",
    Partitions0SizeUnits: "MB",
    Partitions1Type: "PRIMARY",
    Partitions1FileSystem: "NTFS",
    Partitions1Size: "100",
    Partitions1SizeUnits: "PERCENT",
    Partitions1AssignVolumeLetter: "true",
  });
  succeed(partition);
  old.set("device", "unknown");
  const noted = partition.context.variables.get("_VolleyPartitionsBefore");
  const properties = { ImagePackageID: "IMAGE", DestinationLogicalDrive: "C:" };
  const applied = await room.perform("ApplyOperatingSystem", properties, { _VolleyPartitionsBefore: noted });
  succeed(applied);
  assert.deepEqual(
    [...entries.keys()].filter((key) => key.startsWith("{c39")),
    [id(2), id(3)],
  );
  assert.match(applied.context.lines.join("\n"), /"old system" led to no partition and is removed/);
});
