/** What conditions look at on Linux: hives, files with versions, facts of the machine. */
import assert from "node:assert/strict";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readFileVersion } from "../../../agent/platform/file-version.ts";
import { openOfflineRegistry } from "../../../agent/platform/linux/hives.ts";
import { wmiRows } from "../../../agent/platform/linux/wmi-facts.ts";
import { findPath, lookAtPath } from "../../../agent/platform/windows-paths.ts";
import { queryRows } from "../../../agent/sequence/conditions/wql.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { writeHive } from "../../fixtures/hives.ts";
import { parseValues } from "../../../windows/registry-values.ts";

const root = "[HKEY_LOCAL_MACHINE\\TEST";
const software = `${root}\\Volley Lab\\A$b]
"Text"="Hel\\"lo \\\\ back"
"Number"=dword:000000ff
"Bytes"=hex:0a,ff
"Several"=hex(7):61,00,00,00,62,00,00,00,00,00
"Long"=hex(b):01,00,00,00,00,00,00,00
"Expands"=hex(2):25,00,61,00,25,00,00,00
@="default"

${root}\\Classes\\.txt]
@="txtfile"
`;
const system = `${root}\\Select]
"Current"=dword:00000002

${root}\\ControlSet002\\Control]
"Here"="yes"
`;

test("an offline registry is read from its hives, in any case", async (context) => {
  const windows = join(testFolder(context), "WINDOWS");
  mkdirSync(join(windows, "system32/Config"), { recursive: true });
  writeHive(join(windows, "system32/Config/SOFTWARE"), software);
  writeHive(join(windows, "system32/Config/system"), system);
  const registry = openOfflineRegistry(async () => windows);
  const values = await registry.values("HKEY_LOCAL_MACHINE\\Software\\volley lab\\A$B");
  assert.deepEqual(Object.fromEntries(values ?? []), {
    text: { type: "REG_SZ", data: 'Hel"lo \\ back' },
    number: { type: "REG_DWORD", data: "255" },
    bytes: { type: "REG_BINARY", data: "0AFF" },
    several: { type: "REG_MULTI_SZ", data: "a\nb" },
    long: { type: "REG_QWORD", data: "1" },
    expands: { type: "REG_EXPAND_SZ", data: "%a%" },
    "": { type: "REG_SZ", data: "default" },
  });
  const control = await registry.values("HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control");
  assert.equal(control?.get("here")?.data, "yes");
  assert.equal((await registry.values("HKEY_CLASSES_ROOT\\.txt"))?.get("")?.data, "txtfile");
  assert.equal(await registry.values("HKEY_LOCAL_MACHINE\\SOFTWARE\\nowhere"), null);
  for (const [key, says] of [
    ["HKEY_CURRENT_USER\\Software", /no hive/],
    ["HKEY_LOCAL_MACHINE\\SAM\\x", /no hive SAM/],
    ["HKEY_LOCAL_MACHINE\\SOFTWARE\\a\nquit", /no key's name/],
  ] as const) {
    await assert.rejects(registry.values(key), { code: "E_CONDITION", message: says });
  }
  const none = openOfflineRegistry(async () => null);
  await assert.rejects(none.values("HKEY_LOCAL_MACHINE\\SOFTWARE"), { message: /no Windows here/ });
});

test("values with line ends and quotation marks are told apart", () => {
  const values = parseValues('"a\\"b"="one\ntwo"\n"c"=hex(1):78,00,00,00\n');
  assert.equal(values.get('a"b')?.data, "one\ntwo");
  assert.deepEqual(values.get("c"), { type: "REG_SZ", data: "x" });
});

test("paths are found on their volume in any case, and nowhere else", async (context) => {
  const volume = testFolder(context);
  mkdirSync(join(volume, "Windows"));
  writeFileSync(join(volume, "Windows/Notepad.EXE"), "x");
  utimesSync(join(volume, "Windows/Notepad.EXE"), 1_700_000_000, 1_700_000_000);
  const options = { volume: async (letter: string) => (letter === "C" ? volume : null) };
  const found = await lookAtPath("c:\\windows\\notepad.exe", options);
  assert.deepEqual([found?.kind, found?.modifiedMs], ["file", 1_700_000_000_000]);
  assert.equal((await lookAtPath("C:/WINDOWS", options))?.kind, "folder");
  assert.equal(await lookAtPath("C:\\Windows\\none", options), null);
  assert.equal(await findPath(join(volume, "Windows"), options), join(volume, "Windows"));
  for (const path of ["D:\\x", "x\\y", "\\\\server\\share", "C:\\Windows\\..\\x"]) {
    await assert.rejects(findPath(path, options), { code: "E_CONDITION" }, path);
  }
});

test("the version of a program is read from its resources", async (context) => {
  const path = join(testFolder(context), "x.exe");
  writeFileSync(path, program());
  assert.equal(await readFileVersion(path), "10.0.19041.5");
  writeFileSync(path, program().subarray(0, 0x300));
  assert.equal(await readFileVersion(path), null);
  writeFileSync(path, "#!/bin/sh\n");
  assert.equal(await readFileVersion(path), null);
});

/** A PE32+ file with one section, which holds a version resource. */
function program(): Buffer {
  const file = Buffer.alloc(0x600);
  file.write("MZ", 0, "latin1");
  file.writeUInt32LE(0x80, 0x3c);
  file.write("PE\0\0", 0x80, "latin1");
  file.writeUInt16LE(1, 0x86);
  file.writeUInt16LE(240, 0x94);
  file.writeUInt16LE(0x20b, 0x98);
  file.writeUInt32LE(0x1000, 0x98 + 112 + 16);
  const section = 0x98 + 240;
  for (const [at, value] of [
    [8, 0x200],
    [12, 0x1000],
    [16, 0x200],
    [20, 0x400],
  ] as const) {
    file.writeUInt32LE(value, section + at);
  }
  // Directories for type 16, name 1 and language 0x409, then the entry and its data.
  for (const [at, number, next] of [
    [0x400, 16, 0x80000020],
    [0x420, 1, 0x80000040],
    [0x440, 0x409, 0x60],
  ] as const) {
    file.writeUInt16LE(1, at + 14);
    file.writeUInt32LE(number, at + 16);
    file.writeUInt32LE(next, at + 20);
  }
  file.writeUInt32LE(0x1080, 0x460);
  file.writeUInt32LE(92, 0x464);
  file.write("VS_VERSION_INFO", 0x486, "utf16le");
  file.writeUInt32LE(0xfeef04bd, 0x4a8);
  file.writeUInt32LE(0x000a0000, 0x4b0);
  file.writeUInt32LE((19041 << 16) | 5, 0x4b4);
  return file;
}

test("the facts of a machine answer queries", async (context) => {
  const folder = testFolder(context);
  const roots = { sys: join(folder, "sys"), proc: join(folder, "proc") };
  const put = (path: string, text: string | Buffer): void => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  put("sys/class/dmi/id/sys_vendor", "Volley Works\n");
  put("sys/class/dmi/id/product_name", "Box 9\n");
  put("sys/class/dmi/id/chassis_type", "10\n");
  put("sys/class/dmi/id/bios_date", "12/31/2023\n");
  put("sys/class/power_supply/BAT0/type", "Battery\n");
  put("sys/class/power_supply/BAT0/capacity", "80\n");
  put("sys/class/power_supply/mouse/type", "Battery\n");
  put("sys/class/power_supply/mouse/scope", "Device\n");
  put("sys/class/tpm/tpm0/tpm_version_major", "2\n");
  put("sys/class/net/volley0/type", "1\n");
  put("sys/class/net/volley0/address", "02:00:00:00:00:01\n");
  put("sys/class/net/volley0/operstate", "up\n");
  put("sys/class/net/volley0/device/vendor", "0x8086\n");
  put("sys/class/net/volley0/device/device", "0x15f3\n");
  put("proc/meminfo", "MemTotal:        8000000 kB\nMemAvailable: 1000 kB\n");
  put(
    "proc/cpuinfo",
    "processor\t: 0\nphysical id\t: 0\nmodel name\t: CPU X\ncpu cores\t: 2\nflags\t: vmx sse\n\nprocessor\t: 1\nphysical id\t: 0\n",
  );
  const module = Buffer.alloc(0x1c);
  module.set([17, 0x1c]);
  module.writeUInt16LE(8192, 0x0c);
  module.writeUInt16LE(3200, 0x15);
  module[0x17] = 1;
  put("sys/firmware/dmi/entries/17-0/raw", Buffer.concat([module, Buffer.from("Maker\0\0", "latin1")]));
  const source = { rows: (name: string) => wmiRows(name, roots) };
  for (const query of [
    "Win32_ComputerSystem WHERE Manufacturer = 'Volley Works' AND Model LIKE 'Box%' AND PCSystemType = 2",
    "Win32_ComputerSystem WHERE TotalPhysicalMemory = 8192000000 AND NumberOfLogicalProcessors = 2",
    "Win32_SystemEnclosure WHERE ChassisTypes = 10",
    "Win32_BIOS WHERE ReleaseDate LIKE '20231231%'",
    "Win32_Battery WHERE EstimatedChargeRemaining > 50 AND DeviceID = 'BAT0'",
    "Win32_Tpm WHERE SpecVersion LIKE '2.0%' AND IsEnabled_InitialValue = TRUE",
    "Win32_NetworkAdapter WHERE MACAddress = '02:00:00:00:00:01' AND NetEnabled = TRUE AND PNPDeviceID LIKE 'PCI\\\\VEN_8086%'",
    "Win32_NetworkAdapterConfiguration WHERE IPEnabled = FALSE",
    "Win32_Processor WHERE NumberOfCores = 2 AND Name = 'CPU X' AND VirtualizationFirmwareEnabled = TRUE",
    "Win32_PhysicalMemory WHERE Capacity = 8589934592 AND Speed = 3200 AND Manufacturer = 'Maker'",
    "Win32_OperatingSystem WHERE OSType = 36 AND TotalVisibleMemorySize = 8000000",
  ]) {
    assert.equal((await queryRows(source, "root\\cimv2", `SELECT * FROM ${query}`)).length, 1, query);
  }
  assert.deepEqual(await queryRows(source, "", "SELECT * FROM Win32_DiskDrive"), []);
  await assert.rejects(
    queryRows(source, "", "SELECT * FROM Win32_OperatingSystem WHERE OperatingSystemSKU = 4"),
    { code: "E_CONDITION", message: /OperatingSystemSKU of Win32_OperatingSystem is not among the facts/ },
  );
});
