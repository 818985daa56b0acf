/** The firmware's boot entries, against a double of efibootmgr that keeps them as its manual page says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fitBootEntries, readBootEntries, type Run } from "../../../agent/platform/linux/boot-entries.ts";

const here = "11111111-2222-3333-4444-555555555555";
/** Of a disk that is not plugged in now. */
const elsewhere = "77777777-2222-3333-4444-555555555555";
const gone = "99999999-2222-3333-4444-555555555555";

interface Firmware {
  order: string[];
  entries: Map<string, string>;
  run: Run;
}

/** `entries`: by number, label and device path with a tab between. */
function firmware(order: string[], listed: Record<string, string>, startsWindows = true): Firmware {
  const state: Firmware = {
    order,
    entries: new Map(Object.entries(listed)),
    run: async ([program, ...words]) => {
      if (program === "mdir" && !startsWindows) throw new Error("File not found");
      if (program === "lsblk") return `\n${here}\n`;
      if (program !== "efibootmgr") return "";
      const value = (name: string): string => words[words.indexOf(name) + 1] ?? "";
      if (words.includes("--delete-bootnum")) {
        const id = value("--bootnum");
        assert.ok(state.entries.delete(id), `there is no entry ${id}`);
        state.order = state.order.filter((one) => one !== id);
      }
      if (words.includes("--create-only")) {
        let number = 0;
        const id = (): string => number.toString(16).toUpperCase().padStart(4, "0");
        while (state.entries.has(id())) number += 1;
        const path = `HD(${value("--part")},GPT,${here},0x800,0x82000)/File(${value("--loader")})`;
        state.entries.set(id(), `${value("--label")}\t${path}`);
      }
      if (words.includes("--bootorder")) {
        state.order = value("--bootorder").split(",");
        for (const id of state.order) {
          assert.ok(state.entries.has(id), `entry ${id} of the order is not there`);
        }
      }
      return text(state);
    },
  };
  return state;
}

function text({ entries, order }: Firmware): string {
  const lines = [...entries].map(([id, entry]) => `Boot${id}* ${entry}`);
  return ["BootCurrent: 0000", "Timeout: 1 seconds", `BootOrder: ${order.join(",")}`, ...lines, ""].join(
    "\n",
  );
}

const windows = (partition: string): string =>
  `Windows Boot Manager\tHD(1,GPT,${partition},0x800,0x82000)/File(\\EFI\\Microsoft\\Boot\\bootmgfw.efi)57494e`;
const network = "UEFI: PXE IPv4\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.0)";
const place = {
  disk: "/dev/sda",
  node: "/dev/sda1",
  number: 1,
  guid: here.toUpperCase(),
  partitionsBefore: [gone],
};
const fit = (state: Firmware): Promise<string[]> => fitBootEntries(place, state.run, () => true);

test("a new Windows takes the place of the old one's entry; the network stays first", async () => {
  const listed = { "0000": network, "0003": windows(gone), "0004": `debian\tHD(1,GPT,${gone},0x1)/File(x)` };
  const state = firmware(["0000", "0003", "0004"], listed);
  const told = await fit(state);
  assert.equal(told.length, 3, told.join("\n"));
  assert.equal(state.order.length, 2);
  assert.equal(state.order[0], "0000");
  assert.match(state.entries.get(state.order[1] ?? "") ?? "", new RegExp(`HD\\(1,GPT,${here}`));
  assert.doesNotMatch(text(state), new RegExp(gone));
});

test("without an old entry the new one comes last, and entries of disks that are there stay", async () => {
  const state = firmware(["0001", "0000"], {
    "0000": network,
    "0001": `data\tHD(2,GPT,${here},0x1)/File(y)`,
  });
  await fit(state);
  assert.deepEqual(state.order, ["0001", "0000", "0002"]);
});

test("what starts from a disk that is not there now stays, another Windows too", async () => {
  const listed = {
    "0000": network,
    "0001": `debian\tHD(1,GPT,${elsewhere},0x1)/File(x)`,
    "0002": windows(elsewhere),
    "0003": windows(gone),
  };
  const state = firmware(["0001", "0002", "0003", "0000"], listed);
  await fit(state);
  assert.deepEqual(state.order, ["0001", "0002", "0003", "0000"]);
  assert.equal(state.entries.get("0001"), listed["0001"]);
  assert.equal(state.entries.get("0002"), listed["0002"]);
  assert.match(state.entries.get("0003") ?? "", new RegExp(here));
});

test("a disk that keeps its identifiers gets no second entry for the same Windows", async () => {
  const state = firmware(["0000", "0003"], { "0000": network, "0003": windows(here) });
  await fit(state);
  assert.deepEqual([...state.entries.keys()].sort(), ["0000", "0001"]);
  assert.deepEqual(state.order, ["0000", "0001"]);
});

test("a disk that starts no Windows gets no entry", async () => {
  const state = firmware(["0000", "0003"], { "0000": network, "0003": windows(gone) }, false);
  assert.deepEqual(await fit(state), [
    'The boot entry "Windows Boot Manager" led to no partition and is removed',
  ]);
  assert.deepEqual(state.order, ["0000"]);
});

test("a BIOS has no entries", async () => {
  const run: Run = () => Promise.reject(new Error("nothing is run"));
  assert.deepEqual(await fitBootEntries(place, run, () => false), []);
});

test("what efibootmgr prints is read", () => {
  const { entries, order } = readBootEntries(
    text(firmware(["0003", "0000"], { "0000": network, "0003": windows(here) })),
  );
  assert.deepEqual(order, ["0003", "0000"]);
  assert.deepEqual(entries, [
    { id: "0000", label: "UEFI: PXE IPv4", partition: null, startsWindows: false },
    { id: "0003", label: "Windows Boot Manager", partition: here, startsWindows: true },
  ]);
});
