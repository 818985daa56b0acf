/** Disks that this machine had when a deployment was begun, across restarts of the agent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSeenDisks } from "../../../agent/deploying/seen-disks.ts";
import type { DiskFacts } from "../../../agent/platform/platform.ts";
import { openStateFolder } from "../../../agent/state-folder.ts";
import { testFolder } from "../../fixtures/folder.ts";

const disk = (name: string, facts: Partial<DiskFacts> = {}): DiskFacts => ({
  path: `/dev/${name}`,
  kind: "disk",
  identity: `wwid:${name}`,
  sizeBytes: 2 ** 30,
  sectorBytes: 512,
  model: "",
  serial: "",
  removable: false,
  readOnly: false,
  systemUses: [],
  otherUses: [],
  partitions: [],
  ...facts,
});

test("a disk is new when it was not there, stays in the machine, and something was begun before", async (context) => {
  const state = openStateFolder(testFolder(context), () => {});
  let here: DiskFacts[] = [];
  const open = () => openSeenDisks(state, async () => here);
  here = [disk("sda")];
  assert.equal(await open().newOne(), null, "nothing was begun");
  await open().remember();
  assert.equal(await open().newOne(), null);
  here = [disk("sda"), disk("sdb", { removable: true }), disk("sdc", { kind: "virtual" })];
  assert.equal(await open().newOne(), null, "a stick for the log is no reason");
  here = [disk("sdd")];
  assert.equal(await open().newOne(), "/dev/sdd");
  await open().remember();
  here = [disk("sda"), disk("sdd")];
  assert.equal(await open().newOne(), null, "a disk that went and came is new only once");
});
