/** A boot configuration, written with hivexregedit into a store like a real template, and read back. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { bcdText, type BootTarget } from "../../../windows/boot-configuration.ts";
import { bootManagerId } from "../../../windows/boot-text.ts";
import {
  checkBootStore,
  readBootStore,
  undocumentedElements,
  type BootStore,
} from "../../../windows/boot-store.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { readHive } from "../../fixtures/hives.ts";
import { writeBootTemplate } from "../../fixtures/windows-image.ts";

const loaderId = "{6a1e2f3c-0d4b-4c55-9a77-8f00112233aa}";

function storeOf(t: TestContext, target: Partial<BootTarget>): BootStore {
  const folder = testFolder(t);
  const [hive, text] = [join(folder, "BCD"), join(folder, "bcd.reg")];
  writeBootTemplate(hive);
  writeFileSync(text, bcdText({ firmware: "uefi", place: "locate", loaderId, locale: "de-DE", ...target }));
  execFileSync("hivexregedit", ["--merge", "--prefix", "HKEY_LOCAL_MACHINE\\BCD", hive, text]);
  return readBootStore(readHive(hive));
}

for (const firmware of ["uefi", "bios"] as const) {
  test(`an entry by "locate" holds on every machine: ${firmware}`, (t) => {
    const store = storeOf(t, { firmware });
    assert.deepEqual(checkBootStore(store, firmware), []);
    assert.deepEqual(undocumentedElements(store), []);
    const loader = store.get(loaderId);
    // The file that the boot manager looks for, and the folder that the loader looks for.
    assert.equal(loader?.elements.get("11000001")?.bytes.readUInt32LE(36), 0x12000002);
    assert.equal(loader?.elements.get("21000001")?.bytes.readUInt32LE(36), 0x22000002);
    const other = firmware === "uefi" ? "bios" : "uefi";
    assert.notDeepEqual(checkBootStore(store, other), [], "it is not what the other firmware starts");
  });
}

test("a partition by its identifiers is one machine's own", (t) => {
  const place = { style: "MBR", signature: "c0ffee01", startBytes: 1_048_576 } as const;
  const problems = checkBootStore(storeOf(t, { firmware: "bios", place }), "bios");
  assert.equal(problems.length, 2);
  for (const problem of problems) assert.match(problem, /is one machine's own/);
});

test("what does not hold together is found", (t) => {
  const spoil = (change: (store: BootStore) => void): string => {
    const store = storeOf(t, {});
    change(store);
    return checkBootStore(store, "uefi").join("\n");
  };
  const elements = (store: BootStore, id: string) => store.get(id)?.elements ?? new Map<string, never>();
  assert.match(
    spoil((store) => store.delete(bootManagerId)),
    /no boot manager/,
  );
  assert.match(
    spoil((store) => store.delete(loaderId)),
    /names .*, which is not there/,
  );
  assert.match(
    spoil((store) => elements(store, loaderId).delete("12000002")),
    /starts ""/,
  );
  assert.match(
    spoil((store) => elements(store, loaderId).delete("22000002")),
    /element 22000002, which is not there/,
  );
  assert.match(
    spoil((store) => {
      const timeout = store.get(bootManagerId)?.elements.get("25000004");
      if (timeout) timeout.bytes = Buffer.alloc(4);
    }),
    /integer of 4 bytes/,
  );
  assert.match(
    spoil((store) => {
      const description = store.get(loaderId)?.elements.get("12000004");
      if (description) description.registryType = 3;
    }),
    /is a string and has registry type 3/,
  );
});
