/**
 * A Windows that leaves for Volley's Linux PE by UEFI's firmware and takes everything back: bcdedit, mountvol, manage-bde and
 * schtasks are doubles that keep state. Each command fails in turn, and the power goes at each of them.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { toVolleyError } from "../../../../contract/errors.ts";
import { openStateFolder } from "../../../../agent/state-folder.ts";
import { wasStaged } from "../../../../agent/staging/staging.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { deploymentId, LeavingLaptop } from "../../../fixtures/leaving-laptop.ts";
import { bootStore } from "../../../fixtures/windows-tools/bcdedit.ts";
import { volumeState } from "../../../fixtures/windows-tools/manage-bde.ts";

function laptopOf(t: TestContext): LeavingLaptop {
  const laptop = new LeavingLaptop(t);
  laptop.linuxFiles = {
    vmlinuz: randomBytes(7000),
    "initrd.zst": randomBytes(190_001),
    "shimx64.efi": randomBytes(1000),
    "grubx64.efi": randomBytes(3000),
  };
  laptop.hasWinpe = false;
  // What the firmware itself is to start next, once.
  bootStore(laptop.machine).firmwareOnce = ["{bootmgr}"];
  return laptop;
}

test("the firmware starts shim, GRUB and the Linux PE once, with the agent's state in front", async (t) => {
  const laptop = laptopOf(t);
  const before = laptop.look();
  const refresh = laptop.refresh();
  await refresh.arm();
  const { esp, linuxFiles, machine } = laptop;
  for (const [name, bytes] of Object.entries(linuxFiles)) {
    assert.ok(readFileSync(join(esp, "EFI/Volley", name)).equals(bytes), name);
  }
  const lines = readFileSync(join(esp, "grub/grub.cfg"), "utf8").split("\n").slice(1);
  assert.deepEqual(lines, [
    'set superusers=""',
    "if linux /EFI/Volley/vmlinuz quiet; then",
    "  if initrd /EFI/Volley/state.cpio /EFI/Volley/initrd.zst; then boot; fi",
    "fi",
    "reboot",
    "",
  ]);
  const store = bootStore(machine);
  const [id = "", ...others] = store.firmwareOnce ?? [];
  assert.deepEqual(others, []);
  const entry = store.entries.get(id);
  assert.match(entry?.description ?? "", /^Volley PE /);
  assert.equal(entry?.values.get("path"), "\\EFI\\Volley\\shimx64.efi");
  assert.deepEqual([store.order, store.once], [["{current}"], ["{current}"]], "Windows' own stays as it is");
  assert.equal(volumeState(machine, "C:").suspendedFor, 2);
  assert.deepEqual(
    readdirSync(laptop.root).filter((name) => /^[A-Z]$/.test(name)),
    [],
    "no letter is left",
  );
  const unpacked = testFolder(t);
  const archive = readFileSync(join(esp, "EFI/Volley/state.cpio"));
  assert.equal(archive.length % 4, 0);
  execFileSync("cpio", ["--quiet", "-id"], { cwd: unpacked, input: archive });
  assert.equal(readFileSync(join(unpacked, "etc/volley/staged"), "utf8"), `${deploymentId}\n`);
  const carried = join(unpacked, "var/lib/volley-agent");
  assert.deepEqual(readdirSync(carried).sort(), ["deployments", "enrolment.json", "origin.json"]);
  assert.equal(statSync(join(carried, "enrolment.json")).mode & 0o777, 0o600);
  assert.ok(existsSync(join(carried, "deployments", deploymentId, "sequence-checkpoint.json")));
  assert.ok(
    wasStaged(
      openStateFolder(carried, () => {}),
      deploymentId,
    ),
  );
  await refresh.abandon();
  assert.deepEqual(laptop.look(), before);
});

for (const kind of ["before", "after"] as const) {
  test(`each command fails in turn, ${kind} it did something: the machine is as it was`, async (t) => {
    const good = laptopOf(t);
    await good.refresh().arm();
    const { calls } = good;
    assert.ok(calls.length >= 15, `${calls.length} commands`);
    for (const [index, command] of calls.entries()) {
      const laptop = laptopOf(t);
      const before = laptop.look();
      laptop.fault = (call) => (call === index ? kind : null);
      if (/manage-bde\.exe -status/.test(command)) {
        laptop.fault = (_, words) => (words[1] === "-status" ? kind : null);
      }
      // A letter that stays is no harm, and goes with the restart.
      const isLetter = command.startsWith("mountvol.exe") && command.endsWith("/D");
      const failed = await laptop
        .refresh()
        .arm()
        .then(
          () => null,
          (error: unknown) => toVolleyError(error).code,
        );
      if (isLetter && failed === null) await laptop.staging().withdraw();
      else assert.ok(failed === "E_STAGING" || failed === "E_OUTBOX", `${command}: ${failed}`);
      for (const letter of ["Z", "Y"]) rmSync(join(laptop.root, letter), { force: true });
      assert.deepEqual(laptop.look(), before, command);
      assert.equal(laptop.staging().record, null, command);
    }
  });
}

test("the power goes at each moment: the next start takes everything back", async (t) => {
  const laptop = laptopOf(t);
  const before = laptop.look();
  const snapshots = testFolder(t);
  const states: Map<string, unknown>[] = [];
  laptop.moment = () => {
    cpSync(laptop.root, join(snapshots, String(states.length)), { recursive: true });
    states.push(structuredClone(laptop.machine.state));
  };
  const refresh = laptop.refresh();
  await refresh.arm();
  await refresh.abandon();
  laptop.moment = () => {};
  assert.ok(states.length > 60, `${states.length} moments`);
  for (const [index, state] of states.entries()) {
    rmSync(laptop.root, { recursive: true });
    cpSync(join(snapshots, String(index)), laptop.root, { recursive: true });
    laptop.machine.state = structuredClone(state);
    rmSync(join(laptop.root, "Z"), { force: true });
    await laptop.staging("second").tidy(null);
    assert.deepEqual(laptop.look(), before, `moment ${index}`);
    assert.equal(laptop.staging().record, null);
  }
});

test("after the firmware has started it, what others wanted next is not brought back", async (t) => {
  const laptop = laptopOf(t);
  await laptop.refresh().arm();
  delete bootStore(laptop.machine).firmwareOnce;
  await laptop.staging("second").tidy(null);
  assert.equal(bootStore(laptop.machine).firmwareOnce, undefined);
  assert.ok(!existsSync(join(laptop.esp, "EFI/Volley")));
});

const obstacles: [what: string, message: RegExp, change: (laptop: LeavingLaptop) => void][] = [
  ["it is a BIOS", /A BIOS has nothing .* media build --winpe/, (laptop) => (laptop.firmware = "bios")],
  [
    "there is no system partition",
    /cannot be mounted/,
    (laptop) => laptop.machine.state.delete("efi partition"),
  ],
  [
    "the system partition has no room",
    /has \d+ bytes free, and the Linux PE needs \d+/,
    (laptop) => {
      const { facts: said } = laptop;
      laptop.facts = () => {
        const answer = said.call(laptop);
        answer.files["initrd.zst"].bytes = 2 ** 52;
        return answer;
      };
    },
  ],
  [
    "another GRUB is there",
    /folder "grub" of its own/,
    ({ esp }) => {
      mkdirSync(join(esp, "grub"));
      writeFileSync(join(esp, "grub/grub.cfg"), "menuentry x {\n}\n");
    },
  ],
];
for (const [what, message, change] of obstacles) {
  test(`nothing is touched when ${what}; a Windows PE is taken where there is one`, async (t) => {
    const laptop = laptopOf(t);
    change(laptop);
    const before = laptop.look();
    await assert.rejects(laptop.refresh().arm(), { code: "E_STAGING", message });
    assert.deepEqual(laptop.look(), before);
    laptop.hasWinpe = true;
    const refresh = laptop.refresh();
    await refresh.arm();
    assert.ok(existsSync(join(laptop.place, "boot.wim")));
    await refresh.abandon();
    assert.deepEqual(laptop.look(), before);
  });
}

test("the site's machines are to start Windows PE: it is taken", async (t) => {
  const laptop = laptopOf(t);
  laptop.hasWinpe = true;
  const { facts: said } = laptop;
  laptop.facts = () => {
    const answer = said.call(laptop);
    if (answer.winpe !== null) answer.winpe.preferred = true;
    return answer;
  };
  await laptop.refresh().arm();
  assert.ok(existsSync(join(laptop.place, "boot.wim")));
  assert.ok(!existsSync(join(laptop.esp, "EFI/Volley")));
});
