/**
 * A Windows that leaves for a PE on its own disk and takes everything back: bcdedit, manage-bde and schtasks are doubles that
 * keep state. Each command fails in turn, and the power goes at each command and each write of the record.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toVolleyError } from "../../../../contract/errors.ts";
import type { Refresh } from "../../../../agent/deploying/refresh.ts";
import { openStateFolder, type StateFolder } from "../../../../agent/state-folder.ts";
import { wasStaged } from "../../../../agent/staging/staging.ts";
import { adoptState } from "../../../../agent/staging/windows-place.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { deploymentId, laptopFacts, LeavingLaptop, quiet } from "../../../fixtures/leaving-laptop.ts";
import { accessOf } from "../../../fixtures/windows-tools/agent-tools.ts";
import { bootStore } from "../../../fixtures/windows-tools/bcdedit.ts";
import { volumeState } from "../../../fixtures/windows-tools/manage-bde.ts";
import { scheduledTasks } from "../../../fixtures/windows-tools/scheduler.ts";

const transfer = { signal: new AbortController().signal, progress() {} };

const prepare = (refresh: Refresh): Promise<void> => refresh.bootStaging.prepare(transfer);

test("Windows PE is fetched, checked and started once by the boot manager, and finds the run", async (t) => {
  const laptop = new LeavingLaptop(t);
  const before = laptop.look();
  const refresh = laptop.refresh();
  await prepare(refresh);
  const { machine, place } = laptop;
  for (const name of ["boot.wim", "boot.sdi"] as const) {
    assert.ok(readFileSync(join(place, name)).equals(laptop.files[name]), name);
  }
  assert.deepEqual(
    [...accessOf(machine, place).grants.keys()],
    ["*S-1-5-32-544", "*S-1-5-18"],
    "administrators and the system alone",
  );
  assert.deepEqual(bootStore(machine).once, ["{current}"], "nothing starts it yet");
  await refresh.arm();
  const store = bootStore(machine);
  const [id = "", ...others] = store.once;
  assert.deepEqual([others, store.order], [["{current}"], ["{current}"]], "it is in no menu");
  const loader = store.entries.get(id);
  assert.equal(loader?.application, "osloader");
  const device = loader.values.get("device") ?? "";
  const options = /^ramdisk=\[C:\]\\Windows\\Volley\\PE\\boot\.wim,(\{.*\})$/.exec(device)?.[1] ?? "";
  assert.deepEqual(
    [...(store.entries.get(options)?.values ?? [])],
    [
      ["ramdisksdidevice", "partition=C:"],
      ["ramdisksdipath", "\\Windows\\Volley\\PE\\boot.sdi"],
    ],
  );
  assert.deepEqual(Object.fromEntries(loader.values), {
    device,
    osdevice: device,
    path: "\\windows\\system32\\winload.efi",
    systemroot: "\\windows",
    detecthal: "yes",
    winpe: "yes",
  });
  assert.equal(volumeState(machine, "C:").suspendedFor, 2);
  const task = scheduledTasks(machine).get("Volley agent return");
  assert.equal(task?.get("Task/Actions/Exec/Command"), join(place, "return.cmd"));
  assert.equal(task?.get("/ru"), "SYSTEM");
  assert.equal(task?.get("Task/Principals/Principal/UserId"), "S-1-5-18");
  assert.ok(task?.has("Task/Triggers/BootTrigger/Enabled"));
  for (const setting of ["DisallowStartIfOnBatteries", "StopIfGoingOnBatteries"]) {
    assert.equal(task.get(`Task/Settings/${setting}`), "false", "a laptop without its mains comes back, too");
  }
  assert.equal(task.get("Task/Settings/ExecutionTimeLimit"), "PT0S");
  assert.ok(!existsSync(join(place, "return.xml")));
  const script = readFileSync(join(place, "return.cmd"), "utf8");
  assert.match(
    script,
    /"%~dp0volley-agent\.exe" "deploy" "--site" "https:\/\/site:8443" "--name" "50%% off" /,
  );
  assert.equal(readFileSync(join(place, "volley-agent.exe"), "utf8"), "the agent");
  assert.equal(await refresh.restart(), false, "an ordinary restart leads there");
  await refresh.abandon();
  assert.deepEqual(laptop.look(), before);
  assert.deepEqual(readdirSync(laptop.state().path).sort(), ["deployments", "enrolment.json"]);
});

test("with a BIOS the loader is the BIOS's, and without BitLocker nothing is suspended", async (t) => {
  const laptop = new LeavingLaptop(t, { bitlocker: false });
  laptop.firmware = "bios";
  const before = laptop.look();
  const refresh = laptop.refresh();
  await refresh.arm();
  const { entries, once } = bootStore(laptop.machine);
  assert.equal(entries.get(once[0] ?? "")?.values.get("path"), "\\windows\\system32\\winload.exe");
  assert.equal(volumeState(laptop.machine, "C:").suspendedFor, null);
  await refresh.abandon();
  assert.deepEqual(laptop.look(), before);
});

test("where Windows does not say what the firmware is, its own loader does", async (t) => {
  const laptop = new LeavingLaptop(t);
  laptop.firmware = "unknown";
  await laptop.refresh().arm();
  const { entries, once } = bootStore(laptop.machine);
  assert.equal(entries.get(once[0] ?? "")?.values.get("path"), "\\windows\\system32\\winload.efi");
  laptop.fault = (_, command) => (command.includes("{current}") ? "before" : null);
  await assert.rejects(prepare(laptop.refresh()), { code: "E_STAGING", message: /UEFI or a BIOS/ });
});

const obstacles: [what: string, code: string, change: (laptop: LeavingLaptop) => void][] = [
  ["the site has no Windows PE", "E_STAGING", (laptop) => (laptop.hasWinpe = false)],
  ["nobody is an administrator", "E_STAGING", (laptop) => (laptop.elevated = false)],
  [
    "a file is not what the site says",
    "E_CONTENT_CORRUPT",
    (laptop) => {
      const { facts: said } = laptop;
      laptop.facts = () => {
        const answer = said.call(laptop);
        if (answer.winpe !== null) answer.winpe.files["boot.sdi"].sha256 = "0".repeat(64);
        return answer;
      };
    },
  ],
  [
    "the disk has no room",
    "E_STAGING",
    (laptop) => {
      const { facts: said } = laptop;
      laptop.facts = () => {
        const answer = said.call(laptop);
        if (answer.winpe !== null) answer.winpe.files["boot.wim"].bytes = 2 ** 52;
        return answer;
      };
    },
  ],
];
for (const [what, code, change] of obstacles) {
  test(`the machine is as it was when ${what}`, async (t) => {
    const laptop = new LeavingLaptop(t);
    change(laptop);
    const before = laptop.look();
    await assert.rejects(prepare(laptop.refresh()), { code });
    assert.deepEqual(laptop.look(), before);
    assert.equal(laptop.staging().record, null);
  });
}

for (const kind of ["before", "after"] as const) {
  test(`each command fails in turn, ${kind} it did something: the machine is as it was`, async (t) => {
    const good = new LeavingLaptop(t);
    await good.refresh().arm();
    const { calls } = good;
    assert.ok(calls.length >= 15, `${calls.length} commands`);
    for (const [index, command] of calls.entries()) {
      const laptop = new LeavingLaptop(t);
      const before = laptop.look();
      laptop.fault = (call) => (call === index ? kind : null);
      // A program that answers nothing at all: its first answer alone would be "not protected".
      const isStatus = /manage-bde\.exe -status/.test(command);
      if (isStatus) laptop.fault = (_, words) => (words[1] === "-status" ? kind : null);
      const failed = await laptop
        .refresh()
        .arm()
        .then(
          () => null,
          (error: unknown) => toVolleyError(error).code,
        );
      assert.ok(failed === "E_STAGING" || failed === "E_OUTBOX", `${command}: ${failed}`);
      assert.deepEqual(laptop.look(), before, command);
      assert.equal(laptop.endings, 1, command);
      assert.equal(laptop.staging().record, null, command);
    }
  });
}

test("the power goes at each moment: the next start takes everything back", async (t) => {
  const laptop = new LeavingLaptop(t);
  const before = laptop.look();
  const snapshots = testFolder(t);
  const states: Map<string, unknown>[] = [];
  laptop.moment = () => {
    cpSync(laptop.root, join(snapshots, String(states.length)), { recursive: true });
    states.push(structuredClone(laptop.machine.state));
  };
  const refresh = laptop.refresh();
  await prepare(refresh);
  await refresh.arm();
  await refresh.abandon();
  laptop.moment = () => {};
  assert.ok(states.length > 60, `${states.length} moments`);
  for (const [index, state] of states.entries()) {
    for (const started of [false, true]) {
      rmSync(laptop.root, { recursive: true });
      cpSync(join(snapshots, String(index)), laptop.root, { recursive: true });
      laptop.machine.state = structuredClone(state);
      // The boot manager forgets what it starts once; that of others is not ours to bring back.
      const store = bootStore(laptop.machine);
      if (started && store.once.length > 1) store.once.shift();
      await laptop.staging("second").tidy(null);
      assert.deepEqual(laptop.look(), before, `moment ${index}`);
      assert.equal(laptop.staging().record, null);
    }
  }
});

test("what cannot be taken back now stays written down, and the next start does it", async (t) => {
  const laptop = new LeavingLaptop(t);
  const before = laptop.look();
  const refresh = laptop.refresh();
  await refresh.arm();
  laptop.fault = (_, command) => (command[0] === "bcdedit.exe" ? "before" : null);
  await assert.rejects(laptop.staging().withdraw(), { code: "E_STAGING" });
  assert.equal(volumeState(laptop.machine, "C:").suspendedFor, null, "the rest is taken back");
  laptop.fault = () => null;
  await laptop.staging("second").tidy(null);
  assert.deepEqual(laptop.look(), before);
});

test("a Windows that comes back leaves once more, and the second time is as it was", async (t) => {
  const laptop = new LeavingLaptop(t);
  const before = laptop.look();
  const first = laptop.refresh();
  await first.arm();
  assert.equal(await laptop.refresh().isToLeave(), true, "the same start: the restart is still to come");
  bootStore(laptop.machine).once.shift();
  const second = laptop.refresh("second");
  assert.equal(await second.isToLeave(), true);
  await second.arm();
  assert.equal(bootStore(laptop.machine).entries.size, 4, "nothing is there twice");
  bootStore(laptop.machine).once.shift();
  await assert.rejects(laptop.refresh("third").isToLeave(), { code: "E_STAGING", message: /2 times/ });
  assert.deepEqual(laptop.look(), before);
  assert.equal(laptop.endings, 1);
});

test("the program that runs from there is left to its script", async (t) => {
  const laptop = new LeavingLaptop(t);
  await laptop.refresh().arm();
  await laptop.staging("second", join(laptop.place, "volley-agent.exe")).withdraw();
  assert.deepEqual(readdirSync(laptop.place).sort(), ["return.cmd", "volley-agent.exe"]);
  assert.match(
    readFileSync(join(laptop.place, "return.cmd"), "utf8"),
    /:ended\r\nrd \/s \/q "%~dp0\." & exit\r\n$/,
  );
});

test("a Windows PE takes the state of this machine's own disk, and of no other", async (t) => {
  const laptop = new LeavingLaptop(t);
  await laptop.refresh().arm();
  const adopt = async (
    machine: typeof laptopFacts,
    volumes: string[],
  ): Promise<[boolean, StateFolder, boolean]> => {
    const state = openStateFolder(testFolder(t), () => {});
    let marked = false;
    const ground = {
      elevated: () => true,
      firmware: () => "uefi" as const,
      systemRoot: "X:\\Windows",
      tools: laptop.tools(),
      fixedVolumes: () => volumes,
      isStaged: () => marked,
      markStaged: () => void (marked = true),
      bootId: () => Promise.resolve(""),
    };
    return [await adoptState(state, { ground, machine, log: quiet }), state, marked];
  };
  const [taken, state, marked] = await adopt(laptopFacts, [testFolder(t), laptop.root]);
  assert.deepEqual([taken, marked], [true, true]);
  assert.ok(wasStaged(state, deploymentId));
  assert.ok(existsSync(join(state.path, "deployments", deploymentId, "sequence-checkpoint.json")));
  assert.ok(statSync(join(state.path, "enrolment.json")).isFile());
  assert.ok(!existsSync(join(state.path, "staged.json")), "that is the old system's");
  const another = { ...laptopFacts, smbiosUuid: "4c4c4544-0042-3510-8052-000000000000" };
  assert.deepEqual((await adopt(another, [laptop.root])).slice(0, 1), [false]);
  assert.deepEqual((await adopt(laptopFacts, [testFolder(t)])).slice(0, 1), [false]);
});
