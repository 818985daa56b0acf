/** Enable BitLocker on a volume that is encrypted already, twice, with what a sequence names, and without a place to keep it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import type { ReadinessFacts } from "../../../../agent/steps/services.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { keepsSecret, makeRoom, succeed } from "../../../fixtures/windows-room.ts";
import { volumeState } from "../../../fixtures/windows-tools/manage-bde.ts";

test("Enable BitLocker: what Pre-provision BitLocker has encrypted is protected, and not encrypted again", async (t) => {
  const room = makeRoom(t, "windows");
  room.answers.push(["Win32_Tpm", () => 0]);
  const volume = volumeState(room.machine, "C:");
  volume.percent = 100;
  succeed(await room.perform("EnableBitLocker", { Mode: "TPM" }));
  assert.deepEqual([...volume.protectors.values()], ["tpm"]);
  assert.deepEqual(
    room.machine.done.filter((line) => /^(on|enable) /.test(line)),
    ["enable C:"],
  );
});

test("Enable BitLocker: a step that the power ended begins again, and the TPM's protector is replaced", async (t) => {
  const room = makeRoom(t, "windows");
  room.answers.push(["Win32_Tpm", () => 0]);
  const volume = volumeState(room.machine, "C:");
  volume.protectors.set("{A}", "tpm");
  succeed(await room.perform("EnableBitLocker", { Mode: "TPM" }));
  assert.deepEqual([...volume.protectors.values()], ["tpm"]);
  assert.ok(!volume.protectors.has("{A}"));
});

test("Enable BitLocker: recovery password and startup key that the sequence names, on no command line", async (t) => {
  const room = makeRoom(t, "windows");
  const password = Array.from({ length: 8 }, (_none, index) => `${100_001 + index}`).join("-");
  const key = Buffer.alloc(32, 7).toString("base64");
  const id = "{01234567-89AB-CDEF-0123-456789ABCDEF}";
  const seen: Record<string, string>[] = [];
  room.answers.push(
    ["Win32_Tpm", () => 0],
    [
      "RecoveryPasswordProtector",
      (environment) => {
        seen.push({ ...environment });
        return `${id.toLowerCase()}\r\n`;
      },
    ],
    [
      "ProtectKeyWithExternalKey",
      (environment) => {
        seen.push({ ...environment });
        volumeState(room.machine, "C:").protectors.set("{8}", "startupkey");
        return 0;
      },
    ],
  );
  const kept: unknown[] = [];
  room.services.recoveryKeys = { keep: async (one) => void kept.push(one) };
  const run = await room.perform(
    "EnableBitLocker",
    { Mode: "Key", StartupKeyDrive: "E", CreateRecoveryPassword: "CMDB" },
    { OSDBitLockerRecoveryPassword: password, OSDBitLockerStartupKey: key },
  );
  succeed(run);
  assert.deepEqual(kept, [{ drive: "C:", id, password }]);
  keepsSecret(run, password);
  keepsSecret(run, key);
  assert.deepEqual(
    seen.map((one) => [one["VOLLEY_KEY"], one["VOLLEY_PLACE"], one["VOLLEY_RECOVERY"]]),
    [
      [key, "E:\\", undefined],
      [undefined, undefined, password],
    ],
  );
  for (const wrong of [
    { OSDBitLockerRecoveryPassword: "123456" },
    { OSDBitLockerStartupKey: "short" },
    { OSDRecoveryKeyPollingFrequency: "14", OSDBitLockerRecoveryPassword: password },
    { OSDRecoveryKeyPollingTimeout: "29", OSDBitLockerRecoveryPassword: password },
  ] as Record<string, string>[]) {
    const properties = { Mode: "Key", StartupKeyDrive: "E:", CreateRecoveryPassword: "CMDB" };
    const refused = await room.perform("EnableBitLocker", properties, wrong);
    assert.equal(refused.outcome.exitCode, codes.invalidSetting, JSON.stringify(wrong));
  }
});

test("Enable BitLocker encrypts nothing while its recovery password is nowhere", async (t) => {
  const room = makeRoom(t, "windows");
  room.answers.push(["Win32_Tpm", () => 0]);
  const properties = { Mode: "TPM", CreateRecoveryPassword: "CMDB" };
  delete room.services.recoveryKeys;
  const alone = await room.perform("EnableBitLocker", properties);
  assert.equal(alone.outcome.exitCode, codes.notReadyYet);
  room.services.recoveryKeys = {
    keep: () => Promise.reject(new VolleyError("E_FORBIDDEN", "not of this deployment")),
  };
  const refused = await room.perform("EnableBitLocker", properties);
  assert.notEqual(refused.outcome.exitCode, 0);
  assert.ok(!room.machine.done.some((line) => line.startsWith("on ")));
});

/** "Mode": what the class's page calls them, and what exports and MDT write. */
for (const [written, kind] of [
  ["TPMAndKey", "tpmandstartupkey"],
  ["TPMKey", "tpmandstartupkey"],
  ["TPMAndPIN", "pin"],
  ["TPMPin", "pin"],
  ["Key", "startupkey"],
] as const) {
  test(`Enable BitLocker: mode ${written}, and the first USB drive where none is named`, async (t) => {
    const room = makeRoom(t, "windows");
    room.answers.push(
      ["Win32_Tpm", () => 0],
      ["DriveType=2", () => "E:\r\nD:\r\n"],
      [
        "TpmAndPinProtector",
        () => {
          volumeState(room.machine, "C:").protectors.set("{9}", "pin");
          return 0;
        },
      ],
    );
    const run = await room.perform("EnableBitLocker", { Mode: written, PIN: "24681357" });
    succeed(run);
    assert.deepEqual([...volumeState(room.machine, "C:").protectors.values()], [kind]);
    const commands = run.context.runs.map(({ command }) => command.join(" ")).join("\n");
    if (kind !== "pin") assert.match(commands, / -add C: -(tpmand)?startupkey D:$/m);
  });
}

test("Enable BitLocker: without a USB drive there is no place for a startup key", async (t) => {
  const room = makeRoom(t, "windows");
  room.answers.push(["DriveType=2", () => ""]);
  const run = await room.perform("EnableBitLocker", { Mode: "Key" });
  assert.equal(run.outcome.exitCode, codes.invalidSetting);
  assert.match(run.outcome.text, /no USB drive/);
});

test("Enable BitLocker: a data drive has a key of its own that the system keeps, and needs no TPM", async (t) => {
  const room = makeRoom(t, "windows");
  const id = "{01234567-89AB-CDEF-0123-456789ABCDEF}";
  const done: string[] = [];
  room.answers.push(
    [
      "ProtectKeyWithExternalKey",
      ({ VOLLEY_DRIVE = "" }) => {
        volumeState(room.machine, VOLLEY_DRIVE).protectors.set(id, "externalkey");
        return `${id}\r\n`;
      },
    ],
    [
      "EnableAutoUnlock",
      ({ VOLLEY_DRIVE = "", VOLLEY_ID = "" }) => {
        // "FVE_E_NOT_ENCRYPTED", "FVE_E_PROTECTOR_NOT_FOUND".
        const volume = volumeState(room.machine, VOLLEY_DRIVE);
        if (volume.percent === 0 || !volume.protectors.has(VOLLEY_ID)) return 1;
        done.push(`${VOLLEY_DRIVE} ${VOLLEY_ID}`);
        return 0;
      },
    ],
  );
  succeed(await room.perform("EnableBitLocker", { TargetDrive: "E:" }));
  assert.deepEqual(done, [`E: ${id}`]);
  assert.deepEqual([...volumeState(room.machine, "E:").protectors.values()], ["externalkey"]);
  room.answers.push(["Win32_Tpm", () => 0]);
  succeed(await room.perform("EnableBitLocker", { TargetDrive: "C:" }));
  assert.deepEqual([...volumeState(room.machine, "C:").protectors.values()], ["tpm"]);
});

const method = { EncryptMethod: "7" };
for (const [version, on, reservation] of [
  ["10.0.10586", "on C: -encryptionmethod xts_aes256", undefined],
  ["10.0.10240", "on C:", "defaultEncryptionMethod"],
  ["6.3.9600", "on C:", "defaultEncryptionMethod"],
] as const) {
  test(`BitLocker: Windows ${version} and an XTS method; status message 11911 where it has none`, async (t) => {
    for (const [system, type, rest] of [
      ["windows", "EnableBitLocker", "-skiphardwaretest -usedspaceonly"],
      ["winpe", "OfflineEnableBitLocker", "-usedspaceonly"],
    ] as const) {
      const room = makeRoom(t, system);
      room.answers.push(["Win32_Tpm", () => 0]);
      const facts = { operatingSystemVersion: version } as ReadinessFacts;
      room.services.readiness = { facts: () => Promise.resolve(facts) };
      const run = await room.perform(type, method);
      succeed(run);
      assert.equal(run.outcome.reservation, reservation, type);
      assert.deepEqual(
        room.machine.done.filter((line) => line.startsWith("on ")),
        [`${on} ${rest}`],
      );
    }
  });
}

for (const [properties, isSkipped] of [
  [{}, true],
  [{ SkipWhenTPMInvalid: "true" }, true],
  [{ SkipWhenTPMInvalid: "false" }, false],
  [{ SkipWhenNoValidTPM: "false" }, false],
] as [Record<string, string>, boolean][]) {
  test(`Pre-provision BitLocker without a TPM: ${JSON.stringify(properties)}`, async (t) => {
    const room = makeRoom(t, "winpe");
    room.answers.push(["Win32_Tpm", () => 1]);
    const { outcome } = await room.perform("OfflineEnableBitLocker", properties);
    assert.equal(outcome.exitCode, isSkipped ? 0 : codes.notFound);
    assert.equal(outcome.reservation, isSkipped ? "skippedWithoutTpm" : undefined);
  });
}

test("Enable BitLocker: a recovery password of 48 digits as MDT writes it, and an enhanced PIN", async (t) => {
  const room = makeRoom(t, "windows");
  const seen: string[] = [];
  room.answers.push(
    ["Win32_Tpm", () => 0],
    [
      "RecoveryPasswordProtector",
      ({ VOLLEY_RECOVERY = "" }) => {
        seen.push(VOLLEY_RECOVERY);
        return "{01234567-89AB-CDEF-0123-456789ABCDEF}";
      },
    ],
    [
      "TpmAndPinProtector",
      ({ VOLLEY_PIN = "" }) => {
        seen.push(VOLLEY_PIN);
        return 0;
      },
    ],
  );
  room.services.recoveryKeys = { keep: async () => {} };
  volumeState(room.machine, "C:").protectors.set("{A}", "other");
  const groups = Array.from({ length: 8 }, (_none, index) => `${100_001 + index}`);
  const properties = { Mode: "TPMPin", PIN: "Pa55 word", CreateRecoveryPassword: "CMDB" };
  const password = { OSDBitLockerRecoveryPassword: groups.join("") };
  assert.equal(
    (await room.perform("EnableBitLocker", properties, password)).outcome.exitCode,
    codes.invalidSetting,
  );
  succeed(await room.perform("EnableBitLocker", properties, { ...password, BDEAllowAlphaNumericPin: "YES" }));
  assert.deepEqual(seen, ["Pa55 word", groups.join("-")]);
});
