/** Enable BitLocker on a volume that is encrypted already, twice, with what a sequence names, and without a place to keep it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
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
