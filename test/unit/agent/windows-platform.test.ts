/** The agent on Windows, with Windows' tools as doubles and the addon's answers made up: it runs on any system. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { windowsPlatform } from "../../../agent/platform/windows.ts";
import type { Platform } from "../../../agent/platform/platform.ts";
import { parseQuery } from "../../../agent/platform/windows/registry.ts";
import { askWmi } from "../../../agent/platform/windows/wmi-query.ts";
import type { WindowsTools } from "../../../agent/platform/windows/tools.ts";
import { classOf } from "../../../agent/sequence/conditions/wmi-classes.ts";
import { queryHolds } from "../../../agent/sequence/conditions/wql.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { laptop, type MadeUpFacts } from "../../fixtures/windows-facts.ts";
import { accessOf, firewallRules } from "../../fixtures/windows-tools/agent-tools.ts";
import { checkScript } from "../../fixtures/windows-tools/powershell.ts";
import { allTools } from "../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools, type DoubleMachine } from "../../fixtures/windows-tools/machine.ts";

/** `registry`: what `reg query` prints for a key. */
function doubleTools(machine: DoubleMachine, registry: Record<string, string> = {}): WindowsTools {
  const tools = windowsTools(machine, allTools());
  return {
    path: (program) => `C:\\Windows\\System32\\${program}`,
    async run(command) {
      const line = command.join(" ");
      if (/\bquery\b/.test(line)) {
        const [, quoted, plain] = /query (?:"(HKEY_[^"]+)"|(HKEY_\S+))/.exec(line) ?? [];
        const key = quoted ?? plain ?? "";
        return registry[key] ?? null;
      }
      const { exitCode, output } = await tools.run({ command });
      return exitCode === 0 ? output : null;
    },
  };
}

interface Made {
  platform: Platform;
  machine: DoubleMachine;
  facts: MadeUpFacts;
}

function makePlatform(inPe: boolean, registry: Record<string, string> = {}): Made {
  const machine = doubleMachine({ inPe });
  const facts = laptop(inPe);
  const world = { facts, tools: doubleTools(machine, registry) };
  return { machine, facts, platform: windowsPlatform({ selfCommand: [], systemRoot: "C:\\Windows" }, world) };
}

test("it says what machine it is, without what firmware says for want of anything better", async () => {
  const { platform } = makePlatform(false);
  const hardware = await platform.identify();
  assert.equal(hardware.smbiosUuid, "4c4c4544-0042-3510-8052-b4c04f4e3732");
  assert.equal(hardware.model, "Latitude 5420");
  assert.equal(hardware.serial, null);
  assert.equal(hardware.operatingSystem, "windows");
  assert.equal(hardware.firmware, "uefi");
  assert.deepEqual(hardware.macAddresses, ["00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5f"]);
  assert.equal((await makePlatform(true).platform.identify()).operatingSystem, "winpe");
  assert.equal(platform.defaultStateFolder(), "C:\\Windows\\Volley\\State");
});

test("disks: what Windows runs from is refused; a letter means use in Windows and nothing in Windows PE", async () => {
  const { platform } = makePlatform(false);
  const [system, data, stick] = await platform.listDisks();
  assert.deepEqual(system?.systemUses, ["holds the Windows that runs now", "holds a page file"]);
  assert.match(data?.otherUses.join() ?? "", /E:\\ is in use/);
  assert.equal(data?.identity, "id:naa.5002538e:1000204886016");
  assert.equal(stick?.identity, "serial:Kingston DataTraveler:AA11:32000000000");
  assert.equal(stick.removable, true);
  assert.deepEqual(data.partitions, [
    {
      name: "partition 1 (E:\\)",
      number: 1,
      sizeBytes: 1_000_000_000_000,
      fileSystem: "ntfs",
      label: "Data",
      letter: "E",
      type: "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
    },
  ]);
  const inPe = await makePlatform(true).platform.listDisks();
  assert.deepEqual(inPe[1]?.otherUses, []);
  const { facts, platform: plain } = makePlatform(false);
  facts.elevated = false;
  facts.shown = [];
  await assert.rejects(plain.listDisks(), { code: "E_DISK_NOT_FOUND", message: /administrators/ });
});

test("what hangs on a cable or sits in a card slot is removable, though its medium cannot be taken out", async () => {
  const { facts, platform } = makePlatform(true);
  const removableOn = async (bus: string, removable: boolean): Promise<boolean | undefined> => {
    facts.shown = facts.shown.slice(0, 1).map((disk) => ({ ...disk, bus, removable }));
    const [disk] = await platform.listDisks();
    assert.equal(disk?.bus, bus);
    return disk.removable;
  };
  for (const bus of ["usb", "1394", "sd"]) assert.equal(await removableOn(bus, false), true, bus);
  // A soldered eMMC is on a bus of cards, and is the disk of many a tablet.
  for (const bus of ["mmc", "sata", "nvme", "raid", "scsi", "ufs"]) {
    assert.equal(await removableOn(bus, false), false, bus);
    assert.equal(await removableOn(bus, true), true, bus);
  }
});

test("a disk that a person names: by its path, or a file that stands for it; no volume, nothing else", async (t) => {
  const { platform } = makePlatform(true);
  assert.equal((await platform.findDisk("\\\\.\\physicaldrive1")).path, "\\\\.\\PhysicalDrive1");
  await assert.rejects(platform.findDisk("\\\\.\\PhysicalDrive9"), { code: "E_DISK_NOT_FOUND" });
  for (const volume of ["C:", "c:\\", "\\\\.\\D:"]) {
    await assert.rejects(platform.findDisk(volume), { code: "E_DISK_REFUSED" }, volume);
  }
  const folder = testFolder(t);
  await assert.rejects(platform.findDisk(folder), { code: "E_DISK_REFUSED" });
  await assert.rejects(platform.findDisk(join(folder, "none")), { code: "E_DISK_NOT_FOUND" });
  writeFileSync(join(folder, "disk"), Buffer.alloc(4096));
  const file = await platform.findDisk(join(folder, "disk"));
  assert.deepEqual([file.kind, file.sizeBytes, file.sectorBytes], ["file", 4096, null]);
});

test("the firewall is open for a session alone, also when the agent before was killed in one", async () => {
  const { machine, platform } = makePlatform(false);
  assert.equal(await platform.firewall.open(), true);
  assert.equal(await platform.firewall.open(), true);
  const rules = firewallRules(machine);
  assert.equal(rules.length, 1, "the rule that a killed agent left stands there once");
  assert.deepEqual([rules[0]?.direction, rules[0]?.protocol, rules[0]?.action], ["in", "UDP", "allow"]);
  assert.equal(rules[0]?.program, process.execPath);
  await platform.firewall.close();
  await platform.firewall.close();
  assert.equal(firewallRules(machine).length, 0);
  const pe = makePlatform(true);
  assert.equal(await pe.platform.firewall.open(), true);
  assert.equal(pe.machine.state.get("pe firewall"), false);
  await pe.platform.firewall.close();
  assert.equal(pe.machine.state.get("pe firewall"), true);
});

test("the state folder is for administrators and the system, whoever made it; a link is refused", async (t) => {
  const folder = testFolder(t);
  const { facts, machine, platform } = makePlatform(false);
  accessOf(machine, folder).grants.set("Somebody", "F");
  await platform.protectStateFolder(folder);
  const access = accessOf(machine, folder);
  assert.equal(access.owner, "*S-1-5-32-544");
  assert.equal(access.inherits, false);
  assert.deepEqual([...access.grants.keys()].sort(), ["*S-1-5-18", "*S-1-5-32-544"]);
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "link"));
  await assert.rejects(platform.protectStateFolder(join(folder, "link")), { code: "E_OUTBOX" });
  facts.elevated = false;
  await platform.protectStateFolder(join(folder, "elsewhere"));
  assert.equal(accessOf(machine, join(folder, "elsewhere")).owner, "", "without rights it stays its user's");
});

test("a restart: shutdown in Windows, wpeutil in Windows PE; the tree of a step's program ends whole", async () => {
  const { machine, platform } = makePlatform(false);
  await platform.restart();
  const pe = makePlatform(true);
  await pe.platform.restart();
  assert.deepEqual([...machine.done, ...pe.machine.done], ["shutdown /r /t 0 /d p:2:4", "wpeutil Reboot"]);
  machine.state.set(
    "processes",
    new Map([
      [400_001, [400_002]],
      [400_002, []],
    ]),
  );
  assert.equal(await platform.sequenceMachine.endProcessTree(400_001, "mark"), 0);
  assert.equal((machine.state.get("processes") as Map<number, number[]>).size, 0);
  assert.equal(await platform.sequenceMachine.endProcessTree(null, "mark"), 0);
});

test("each row that stands for WMI has properties that the class has, and the values that a condition asks for", async () => {
  const classes = ["ComputerSystem", "ComputerSystemProduct", "BIOS", "BaseBoard", "SystemEnclosure", "Tpm"]
    .concat([
      "OperatingSystem",
      "Processor",
      "Battery",
      "DiskDrive",
      "DiskPartition",
      "LogicalDisk",
      "Volume",
    ])
    .concat(["NetworkAdapter", "NetworkAdapterConfiguration"]);
  const about = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
  const languages = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\MUI\\UILanguages";
  const processor = "HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0";
  const registry = {
    [about]: [
      about,
      "    ProductName    REG_SZ    Windows 10 Pro",
      "    InstallationType    REG_SZ    Client",
      "    EditionID    REG_SZ    Professional",
    ].join("\r\n"),
    [languages]: `\r\n${languages}\\de-DE\r\n${languages}\\en-US\r\n`,
    [processor]: `${processor}\r\n    VendorIdentifier    REG_SZ    GenuineIntel`,
  };
  const { platform } = makePlatform(false, registry);
  for (const name of classes) {
    const namespace = name === "Tpm" ? "root\\cimv2\\Security\\MicrosoftTpm" : "root\\cimv2";
    const { properties } = classOf(namespace, `Win32_${name}`);
    const rows = (await platform.sequenceMachine.wmiRows(`Win32_${name}`)) ?? [];
    assert.ok(rows.length > 0, name);
    for (const property of rows.flatMap((row) => Object.keys(row))) {
      assert.ok(properties.has(property.toLowerCase()), `Win32_${name}.${property}`);
    }
  }
  const first = async (name: string) => (await platform.sequenceMachine.wmiRows(name))?.[0] ?? {};
  assert.equal((await first("Win32_ComputerSystem"))["PCSystemType"], 2);
  assert.equal((await first("Win32_OperatingSystem"))["Caption"], "Windows 10 Pro");
  assert.equal((await first("Win32_OperatingSystem"))["OperatingSystemSKU"], 48);
  assert.deepEqual((await first("Win32_OperatingSystem"))["MUILanguages"], ["de-DE", "en-US"]);
  assert.equal((await first("Win32_Processor"))["Manufacturer"], "GenuineIntel");
  assert.equal((await first("Win32_Battery"))["BatteryStatus"], 1);
  assert.deepEqual((await first("Win32_NetworkAdapterConfiguration"))["IPSubnet"], ["255.255.255.0"]);
  assert.equal((await first("Win32_LogicalDisk"))["DeviceID"], "C:");
  for (const name of ["Nothing", "PhysicalMemory"]) {
    assert.equal(await platform.sequenceMachine.wmiRows(`Win32_${name}`), null);
  }
  assert.deepEqual(platform.sequenceMachine.gateways(), ["192.0.2.1"]);
  assert.equal(platform.sequenceMachine.secureBoot(), "Enabled");
});

test("whether it is in a domain is Windows' own WMI's to say, but in a Windows PE, which cannot be", async () => {
  for (const inPe of [false, true]) {
    const { sequenceMachine } = makePlatform(inPe).platform;
    const wmi = { rows: (name: string) => sequenceMachine.wmiRows(name), ask: () => Promise.resolve(true) };
    const query = "SELECT * FROM Win32_ComputerSystem WHERE PartOfDomain = TRUE";
    assert.equal(await queryHolds(wmi, "root\\cimv2", query), !inPe);
  }
});

test("the registry as reg.exe prints it", async () => {
  const key = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Volley";
  const printed = [
    "",
    key,
    "    (Standard)    REG_SZ    unnamed",
    "    Two words    REG_EXPAND_SZ    %SystemRoot%\\x    y",
    "    Number    REG_DWORD    0xff",
    "    Large    REG_QWORD    0x100000000",
    "    Several    REG_MULTI_SZ    a\\0b\\0\\0",
    "    Bytes    REG_BINARY    0aff",
    "    Empty    REG_SZ    ",
    "",
    `${key}\\Below`,
  ].join("\r\n");
  const { keys, values } = parseQuery(printed, key);
  assert.deepEqual(keys, [`${key}\\Below`]);
  const rows = [...values].map(([name, { data, type }]) => `${name} ${type} ${data}`);
  assert.deepEqual(rows, [
    "(standard) REG_SZ unnamed",
    "two words REG_EXPAND_SZ %SystemRoot%\\x    y",
    "number REG_DWORD 255",
    "large REG_QWORD 4294967296",
    "several REG_MULTI_SZ a\nb",
    "bytes REG_BINARY 0AFF",
    "empty REG_SZ ",
  ]);
  const { platform } = makePlatform(false, { [key]: printed });
  const registry = platform.sequenceMachine.registry(() => Promise.resolve(null));
  assert.equal(await registry.values(`${key}\\None`), null);
  assert.equal((await registry.values(key))?.get("number")?.data, "255");
  await assert.rejects(registry.values('HKEY_LOCAL_MACHINE\\x" & calc'), { code: "E_CONDITION" });
});

test("devices and adapters are found in the registry", async () => {
  const tree = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum";
  const card = `${tree}\\PCI\\VEN_8086&DEV_15F3\\3&1`;
  const identifiers = "PCI\\VEN_8086&DEV_15F3&SUBSYS_00008086\\0PCI\\VEN_8086&DEV_15F3";
  const services = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces";
  const connections =
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";
  const registry = {
    [tree]: `${card}\r\n    HardwareID    REG_MULTI_SZ    ${identifiers}\r\n`,
    [services]: `${services}\\{a}`,
    [`${services}\\{a}`]: `${services}\\{a}\r\n    EnableDHCP    REG_DWORD    0x0\r\n    NameServer    REG_SZ    192.0.2.5,192.0.2.6`,
    [`${connections}\\{a}\\Connection`]: `x\r\n    Name    REG_SZ    Ethernet`,
  };
  const { sequenceMachine } = makePlatform(false, registry).platform;
  const [device] = (await sequenceMachine.devices?.list()) ?? [];
  assert.deepEqual(device?.hardwareIds, ["PCI\\VEN_8086&DEV_15F3&SUBSYS_00008086", "PCI\\VEN_8086&DEV_15F3"]);
  const [wired, wireless] = (await sequenceMachine.networkState?.adapters()) ?? [];
  assert.equal(wired?.dhcp, false);
  assert.deepEqual(wired.dnsServers, ["192.0.2.5", "192.0.2.6"]);
  assert.deepEqual(wired.addresses, [{ address: "192.0.2.7", mask: "255.255.255.0" }]);
  assert.equal(wireless?.dhcp, true);
});

test("WMI is asked by PowerShell, which has namespace and query by its input and not in its command", async () => {
  const seen: { command: readonly string[]; input: string }[] = [];
  const tools = (output: string | null): WindowsTools => ({
    path: (program) => program,
    async run(command, extras) {
      seen.push({ command, input: extras?.input ?? "" });
      return output;
    },
  });
  const query = "SELECT *\r\nFROM Win32_Service WHERE Name = 'a\"; calc'";
  const rows: [string | null, boolean | null][] = [
    ["some\r\n", true],
    ["none\r\n", false],
    ["", null],
    [null, null],
  ];
  for (const [output, expected] of rows) {
    assert.equal(await askWmi("", query, tools(output)), expected);
  }
  const [{ command, input } = { command: [], input: "" }] = seen;
  assert.equal(input, "root\\cimv2\r\nSELECT * FROM Win32_Service WHERE Name = 'a\"; calc'\r\n");
  assert.match(command[0] ?? "", /powershell\.exe$/);
  assert.ok(!command.join(" ").includes("Win32_Service"));
  checkScript(command.at(-1) ?? "");
});
