/** Conditions on a volume that has a letter, when no step has mounted it since the agent started. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { linuxSequenceMachine } from "../../../agent/platform/linux/sequence-machine.ts";
import { conditionWorld } from "../../../agent/running/sequence-world.ts";
import { conditionHolds } from "../../../agent/sequence/conditions/evaluate.ts";
import { SequenceEnvironment } from "../../../agent/sequence/environment.ts";
import type { Condition } from "../../../agent/sequence/tree.ts";
import { hostPath, unmountVolume } from "../../../agent/steps/volumes.ts";
import { writeHive } from "../../fixtures/hives.ts";
import { windowsVolume } from "../../fixtures/windows-volume.ts";

const mounts = (): string[] =>
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");

test("a file, a version and the registry of a volume are found after a restart; nothing stays mounted", async (t) => {
  const windows = await windowsVolume(t);
  const context = windows.context();
  const hive = join(await hostPath(context, "C:\\"), "Windows/System32/config/SOFTWARE");
  writeHive(hive, '[HKEY_LOCAL_MACHINE\\TEST\\Lab]\n"Room"="3"\n');
  await unmountVolume(context, "C");
  const environment = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
  for (const name of context.variables.names()) {
    environment.set(name, context.variables.get(name), { readOnly: true });
  }
  const work = join(windows.folder, "work");
  let disks = [windows.disk.facts];
  const options = { variables: environment, machine: linuxSequenceMachine, work, disks: async () => disks };
  const seen: string[] = [];
  const world = conditionWorld(options);
  const { look } = world.files;
  world.files.look = async (path) => {
    const found = await look(path);
    const place = mounts().find((one) => one.startsWith(join(work, "conditions"))) ?? "";
    seen.push(place);
    if (place !== "") assert.throws(() => writeFileSync(join(place, "new"), ""), { code: "EROFS" });
    return found;
  };
  const file = (path: string): Condition => ({ line: 1, kind: "file", path, version: null, dateTime: null });
  const registry: Condition = {
    line: 1,
    kind: "registry",
    keyPath: "HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab",
    value: "Room",
    type: "REG_SZ",
    operator: "equals",
    data: "3",
  };
  assert.equal(await conditionHolds(file("C:\\Users\\Public\\marker.txt"), world), true);
  assert.equal(await conditionHolds(file("C:\\Users\\Public\\other.txt"), world), false);
  assert.equal(await conditionHolds(registry, world), true);
  assert.deepEqual(seen, [join(work, "conditions/c"), join(work, "conditions/c")]);
  assert.ok(!mounts().some((one) => one.startsWith(work)), "something stays mounted");
  // What an agent that was killed has left mounted is not taken for what is there now.
  execFileSync("mount", ["-t", "tmpfs", "left", join(work, "conditions/c")]);
  assert.equal(await conditionHolds(file("C:\\Users\\Public\\marker.txt"), world), true);
  await hostPath(windows.context(), "C:\\");
  assert.equal(await conditionHolds(file("C:\\Users\\Public\\marker.txt"), world), true);
  assert.deepEqual(
    mounts().filter((one) => one.startsWith(work)),
    [join(work, "volumes/c")],
    "a step's own mount is used and stays",
  );
  await unmountVolume(windows.context(), "C");
  disks = [];
  await assert.rejects(conditionHolds(file("C:\\x"), world), { code: "E_CONDITION", message: /not there/ });
});
