/** The boot configuration of a Windows PE in memory, put into an empty store with hivexregedit, read back and checked. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ramdiskOptionsId } from "../../../windows/boot-elements.ts";
import {
  checkBootStore,
  namesDevices,
  readBootStore,
  undocumentedElements,
  type BootStore,
} from "../../../windows/boot-store.ts";
import { emptyHive } from "../../../windows/empty-hive.ts";
import { ramdiskText } from "../../../windows/ramdisk-configuration.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { readHive } from "../../fixtures/hives.ts";

const loaderId = "{6a1e2f3c-0d4b-4c55-9a77-8f00112233aa}";

function storeOf(t: TestContext, firmware: "uefi" | "bios"): BootStore {
  const folder = testFolder(t);
  const [hive, text] = [join(folder, "BCD"), join(folder, "bcd.reg")];
  const target = {
    firmware,
    loaderId,
    image: "\\sources\\boot.wim",
    sdi: "\\Boot\\boot.sdi",
    locale: "en-US",
  };
  writeFileSync(hive, emptyHive());
  writeFileSync(text, ramdiskText({ ...target, tftp: { blockBytes: 1456, windowBlocks: 4 } }));
  execFileSync("hivexregedit", ["--merge", "--prefix", "HKEY_LOCAL_MACHINE\\BCD", hive, text]);
  return readBootStore(readHive(hive));
}

for (const firmware of ["uefi", "bios"] as const) {
  test(`a RAM disk filled from where the boot manager came from holds on every machine: ${firmware}`, (t) => {
    const store = storeOf(t, firmware);
    assert.deepEqual(checkBootStore(store, firmware), []);
    assert.deepEqual(undocumentedElements(store), []);
    assert.equal(namesDevices(store), false);
    assert.notDeepEqual(checkBootStore(store, firmware === "uefi" ? "bios" : "uefi"), []);
  });
}

test("the device is laid out as bcdedit lays ramdisk=[boot]\\sources\\boot.wim,{ramdiskoptions} out", (t) => {
  const bytes = storeOf(t, "uefi").get(loaderId)?.elements.get("21000001")?.bytes ?? Buffer.alloc(0);
  assert.equal(bytes.subarray(0, 16).toString("hex"), "c8dc1976fefad911b411000476eba25f");
  assert.equal(bytes.subarray(16, 36).toString("hex"), "0000000001000000a00000000000000003000000");
  assert.equal(bytes.subarray(36, 56).toString("hex"), "00".repeat(20));
  assert.equal(
    bytes.subarray(56, 84).toString("hex"),
    "01000000780000000500000005000000000000004800000000000000",
  );
  assert.equal(bytes.subarray(140).toString("utf16le"), "\\sources\\boot.wim\0");
  assert.equal(bytes.length, 176);
});

test("what a RAM disk cannot start from is found", (t) => {
  const spoiled = (spoil: (store: BootStore, device: Buffer) => void): string => {
    const store = storeOf(t, "uefi");
    const device = store.get(loaderId)?.elements.get("21000001")?.bytes;
    assert.ok(device);
    spoil(store, device);
    return checkBootStore(store, "uefi").join("; ");
  };
  assert.match(
    spoiled((store) => store.delete(ramdiskOptionsId)),
    /options .* are not there/,
  );
  assert.match(
    spoiled((store) => store.get(ramdiskOptionsId)?.elements.delete("32000004")),
    /names no boot.sdi/,
  );
  assert.match(
    spoiled((_, device) => device.writeUInt32LE(6, 68)),
    /is one machine's own/,
  );
  assert.match(
    spoiled((_, device) => device.writeUInt16LE(0x61, device.length - 2)),
    /is filled from/,
  );
});
