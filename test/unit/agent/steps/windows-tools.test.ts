/** The doubles of Windows' tools refuse what the tools' documentation does not allow. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { testFolder } from "../../../fixtures/folder.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { imagesOf } from "../../../fixtures/windows-tools/dism.ts";
import { diskpart, fsutil } from "../../../fixtures/windows-tools/diskpart.ts";
import {
  doubleMachine,
  doublePartition,
  windowsTools,
  type DoubleDisk,
} from "../../../fixtures/windows-tools/machine.ts";

test("diskpart", async (t) => {
  const file = join(testFolder(t), "script.txt");
  const gpt = "select disk 0\nclean\nconvert gpt\n";
  const mbr = "select disk 0\nclean\nconvert mbr\n";
  const volume = "create partition primary size=100\nformat quick fs=ntfs\n";
  const rows: [string, string, boolean][] = [
    [
      "a whole script",
      `${gpt}create partition efi size=260\nformat quick fs=fat32 label="System"\nassign letter=S`,
      true,
    ],
    ["unknown command", "select disk 0\nscrub", false],
    ["unknown disk", "select disk 7", false],
    ["no disk selected", "clean", false],
    ["convert a full disk", `${mbr}create partition primary\nconvert gpt`, false],
    ["create before convert", "select disk 0\nclean\ncreate partition primary", false],
    ["efi on mbr", `${mbr}create partition efi size=100`, false],
    ["extended on gpt", `${gpt}create partition extended`, false],
    ["logical outside", `${mbr}create partition logical`, false],
    ["five primaries", `${mbr}${"create partition primary size=1\n".repeat(5)}`, false],
    ["too large", `${gpt}create partition primary size=999999999`, false],
    ["size zero", `${gpt}create partition primary size=0`, false],
    ["unknown option", `${gpt}create partition primary length=5`, false],
    ["format without a partition", `${gpt}format fs=ntfs quick`, false],
    ["format msr", `${gpt}create partition msr size=16\nformat fs=ntfs`, false],
    ["unknown file system", `${gpt}create partition primary\nformat fs=ext4`, false],
    ["label too long", `${gpt}create partition primary\nformat fs=fat32 label="abcdefghijkl"`, false],
    ["letter taken", `${gpt}create partition primary\nassign letter=X`, false],
    ["active on gpt", `${gpt}create partition primary\nactive`, false],
    ["a byte as identifier on gpt", `${gpt}create partition primary\nset id=27`, false],
    [
      "a GUID as identifier on mbr",
      `${mbr}create partition primary\nset id=de94bba4-06d1-4d40-a16a-bfd50179d6ac`,
      false,
    ],
    ["attributes on mbr", `${mbr}create partition primary\ngpt attributes=0x8000000000000001`, false],
    ["extend a file system that takes its partition", `${gpt}${volume}extend filesystem`, false],
    ["extend a file system by a size", `${gpt}${volume}extend filesystem size=1`, false],
    ["short attributes", `${gpt}create partition primary\ngpt attributes=0x1`, false],
  ];
  for (const [name, script, accepted] of rows) {
    writeFileSync(file, script);
    const machine = doubleMachine({
      disks: [{ sizeMegabytes: 1000, style: "raw", dynamic: false, partitions: [] }],
    });
    const tools = windowsTools(machine, { "diskpart.exe": diskpart, "fsutil.exe": fsutil });
    const result = await tools.run({ command: ["diskpart.exe", "/s", file] });
    assert.equal(result.exitCode === 0, accepted, `${name}: ${result.output}`);
  }
  const tools = windowsTools(doubleMachine(), { "diskpart.exe": diskpart, "fsutil.exe": fsutil });
  assert.notEqual((await tools.run({ command: ["diskpart.exe", file] })).exitCode, 0);
  assert.notEqual((await tools.run({ command: ["fsutil.exe", "drives"] })).exitCode, 0);
  await assert.rejects(tools.run({ command: ["parted.exe"] }), { code: "E_TOOL_MISSING" });
});

/** Command lines by tool; true: the tool takes it. A double that took everything would prove nothing. */
const rows: [name: string, tool: string, words: string[], accepted: boolean, inPe?: boolean][] = [
  ["dism applies", "dism.exe", ["/Apply-Image", "/ImageFile:@file", "/Index:1", "/ApplyDir:C:\\"], true],
  ["dism without an index", "dism.exe", ["/Apply-Image", "/ImageFile:@file", "/ApplyDir:C:\\"], false],
  [
    "dism with index 0",
    "dism.exe",
    ["/Apply-Image", "/ImageFile:@file", "/Index:0", "/ApplyDir:C:\\"],
    false,
  ],
  ["dism with no file", "dism.exe", ["/Apply-Image", "/ImageFile:none", "/Index:1", "/ApplyDir:C:\\"], false],
  [
    "dism with an unknown option",
    "dism.exe",
    ["/Apply-Image", "/ImageFile:@file", "/Index:1", "/ApplyDir:C:\\", "/Fast"],
    false,
  ],
  [
    "dism applying to an image",
    "dism.exe",
    ["/Image:C:\\", "/Apply-Image", "/ImageFile:@file", "/Index:1", "/ApplyDir:C:\\"],
    false,
  ],
  [
    "dism applying to a volume that is not there",
    "dism.exe",
    ["/Apply-Image", "/ImageFile:@file", "/Index:1", "/ApplyDir:Q:\\"],
    false,
  ],
  [
    "dism applying to a volume that is not formatted",
    "dism.exe",
    ["/Apply-Image", "/ImageFile:@file", "/Index:1", "/ApplyDir:E:\\"],
    false,
  ],
  [
    "dism servicing a volume that no image was applied to",
    "dism.exe",
    ["/Image:D:\\", "/Set-LayeredDriver:6"],
    false,
  ],
  ["dism servicing a volume that is not there", "dism.exe", ["/Image:Q:\\", "/Set-LayeredDriver:6"], false],
  ["dism setting a keyboard", "dism.exe", ["/Image:C:\\", "/Set-LayeredDriver:6"], true],
  ["dism setting a keyboard that there is not", "dism.exe", ["/Image:C:\\", "/Set-LayeredDriver:7"], false],
  [
    "dism setting the running system's keyboard",
    "dism.exe",
    ["/Online", "/Set-LayeredDriver:6"],
    false,
    false,
  ],
  ["dism adding a driver to no image", "dism.exe", ["/Add-Driver", "/Driver:@folder"], false],
  ["dism adding a driver", "dism.exe", ["/Image:C:\\", "/Add-Driver", "/Driver:@folder", "/Recurse"], true],
  [
    "dism adding a driver to two images",
    "dism.exe",
    ["/Image:C:\\", "/Online", "/Add-Driver", "/Driver:@folder"],
    false,
  ],
  [
    "dism with two commands",
    "dism.exe",
    ["/Image:C:\\", "/Add-Driver", "/Driver:@folder", "/Add-Package", "/PackagePath:@folder"],
    false,
  ],
  ["dism online in a PE", "dism.exe", ["/Online", "/Add-Package", "/PackagePath:@folder"], false],
  [
    "dism capturing",
    "dism.exe",
    ["/Capture-Image", "/ImageFile:new.wim", "/CaptureDir:C:\\", "/Name:x"],
    true,
  ],
  [
    "dism capturing without a name",
    "dism.exe",
    ["/Capture-Image", "/ImageFile:new.wim", "/CaptureDir:C:\\"],
    false,
  ],
  [
    "dism capturing a volume that is not formatted",
    "dism.exe",
    ["/Capture-Image", "/ImageFile:new.wim", "/CaptureDir:E:\\", "/Name:x"],
    false,
  ],
  [
    "dism appending to no image",
    "dism.exe",
    ["/Append-Image", "/ImageFile:new.wim", "/CaptureDir:D:\\", "/Name:x"],
    false,
  ],
  ["bcdboot", "bcdboot.exe", ["C:\\Windows"], true],
  ["bcdboot with firmware and no volume", "bcdboot.exe", ["C:\\Windows", "/f", "UEFI"], false],
  ["bcdboot with both", "bcdboot.exe", ["C:\\Windows", "/s", "S:", "/f", "UEFI"], true],
  ["bcdboot with other firmware", "bcdboot.exe", ["C:\\Windows", "/s", "S:", "/f", "Coreboot"], false],
  ["bcdboot in two places", "bcdboot.exe", ["C:\\Windows", "/p", "/addlast"], false],
  ["bcdboot of no Windows", "bcdboot.exe", ["/s", "S:"], false],
  ["reagentc", "reagentc.exe", ["/setreimage", "/path", "R:\\Recovery", "/target", "C:\\Windows"], true],
  ["reagentc without its path", "reagentc.exe", ["/setreimage", "/target", "C:\\Windows"], false],
  ["reagentc offline without a target", "reagentc.exe", ["/setreimage", "/path", "R:\\Recovery"], false],
  ["reagentc with two operations", "reagentc.exe", ["/enable", "/disable"], false],
  ["reagentc with an unknown word", "reagentc.exe", ["/setimage"], false],
  ["sysprep", "sysprep.exe", ["/generalize", "/oobe", "/quiet", "/quit"], true, false],
  ["sysprep in a PE", "sysprep.exe", ["/generalize", "/oobe", "/quit"], false],
  ["sysprep to nowhere", "sysprep.exe", ["/generalize", "/quit"], false, false],
  ["sysprep with two ends", "sysprep.exe", ["/generalize", "/oobe", "/quit", "/reboot"], false, false],
  ["sysprep without its file", "sysprep.exe", ["/oobe", "/unattend:none.xml"], false, false],
  ["setup", "setup.exe", ["/auto", "Upgrade", "/quiet", "/compat", "ScanOnly"], true, false],
  ["setup with an unknown way", "setup.exe", ["/auto", "Sideways"], false, false],
  ["setup with an unknown switch", "setup.exe", ["/auto", "Upgrade", "/fast"], false, false],
  ["setup with half a switch", "setup.exe", ["/auto"], false, false],
  ["setup in a PE", "setup.exe", ["/auto", "Upgrade"], false],
  ["scanstate", "scanstate.exe", ["C:\\Store", "/o", "/c", "/nocompress"], true, false],
  ["scanstate without a store", "scanstate.exe", ["/o"], false, false],
  ["scanstate with hard links alone", "scanstate.exe", ["C:\\Store", "/hardlink"], false, false],
  [
    "scanstate encrypting what is not compressed",
    "scanstate.exe",
    ["C:\\Store", "/encrypt", "/keyfile:@file", "/nocompress"],
    false,
    false,
  ],
  ["scanstate encrypting without a key", "scanstate.exe", ["C:\\Store", "/encrypt"], false, false],
  [
    "scanstate with another cipher",
    "scanstate.exe",
    ["C:\\Store", "/encrypt:ROT13", "/keyfile:@file"],
    false,
    false,
  ],
  ["scanstate with a key for nothing", "scanstate.exe", ["C:\\Store", "/keyfile:@file"], false, false],
  ["scanstate online in a PE", "scanstate.exe", ["C:\\Store"], false],
  [
    "scanstate with shadow copies offline",
    "scanstate.exe",
    ["C:\\Store", "/offlineWinDir:C:\\Windows", "/vsc"],
    false,
  ],
  ["scanstate with rules that are not there", "scanstate.exe", ["C:\\Store", "/i:none.xml"], false, false],
  ["loadstate", "loadstate.exe", ["C:\\Store", "/lac", "/nocompress"], true, false],
  ["loadstate with a switch of scanstate", "loadstate.exe", ["C:\\Store", "/localonly"], false, false],
  ["net use", "net.exe", ["use", "Z:", "\\\\server\\share", "*", "/user:x", "/persistent:no"], true],
  ["net use of C:", "net.exe", ["use", "C:", "\\\\server\\share"], false],
  ["net use of a server alone", "net.exe", ["use", "Z:", "\\\\server"], false],
  [
    "net use with the password last",
    "net.exe",
    ["use", "Z:", "\\\\server\\share", "/user:x", "secret"],
    false,
  ],
  ["net use of a share alone", "net.exe", ["use", "\\\\server\\share", "*", "/user:x"], true],
  ["net use of nothing that is connected", "net.exe", ["use", "\\\\server\\share", "/delete"], false],
  ["net view", "net.exe", ["view"], false],
  ["reg with half an option", "reg.exe", ["add", "HKLM\\A", "/v"], false],
  ["reg of no root", "reg.exe", ["query", "A\\B", "/v", "x"], false],
  [
    "reg with another type",
    "reg.exe",
    ["add", "HKLM\\A", "/v", "x", "/t", "REG_TEXT", "/d", "y", "/f"],
    false,
  ],
  ["reg", "reg.exe", ["add", "HKLM\\A", "/v", "x", "/t", "REG_SZ", "/d", "y", "/f"], true],
  ["manage-bde", "manage-bde.exe", ["-protectors", "-add", "C:", "-tpm"], true],
  [
    "manage-bde on a volume that is not there",
    "manage-bde.exe",
    ["-protectors", "-add", "Q:", "-tpm"],
    false,
  ],
  ["manage-bde without a protector", "manage-bde.exe", ["-on", "C:"], false, false],
  ["manage-bde with another method", "manage-bde.exe", ["-on", "C:", "-encryptionmethod", "rot13"], false],
  ["manage-bde with an unknown word", "manage-bde.exe", ["-on", "C:", "-fast"], false],
  [
    "manage-bde suspending for too long",
    "manage-bde.exe",
    ["-protectors", "-disable", "C:", "-rebootcount", "16"],
    false,
  ],
  [
    "manage-bde keeping what is not there",
    "manage-bde.exe",
    ["-protectors", "-adbackup", "C:", "-id", "{1}"],
    false,
  ],
  ["powershell with a file", "powershell.exe", ["-File", "a.ps1"], false],
  ["powershell with two scripts", "powershell.exe", ["-Command", "known", "more"], false],
  ["powershell", "powershell.exe", ["-NoProfile", "-Command", "known"], true],
  ["powershell with an unknown cmdlet", "powershell.exe", ["-Command", "known; Join-Computer -Force"], false],
  [
    "powershell with an unknown parameter",
    "powershell.exe",
    ["-Command", "known; Add-Computer -Domain x"],
    false,
  ],
  [
    "powershell with an unknown parameter in a table",
    "powershell.exe",
    ["-Command", "known; $o = @{ DomainName = 'x' }; $o.Unit = 'y'; Add-Computer @o"],
    false,
  ],
  [
    "powershell with a table",
    "powershell.exe",
    ["-Command", "known; $o = @{ DomainName = 'x' }; $o.OUPath = 'y'; Add-Computer @o"],
    true,
  ],
  ["powershell with an open bracket", "powershell.exe", ["-Command", "known; if ($a) { exit 0"], false],
  ["powershell with an open quote", "powershell.exe", ["-Command", "known 'x"], false],
  [
    "powershell with a policy of its own",
    "powershell.exe",
    ["-ExecutionPolicy", "Any", "-Command", "known"],
    false,
  ],
  ["wpeutil", "wpeutil.exe", ["WaitForNetwork"], true],
  ["wpeutil without a command", "wpeutil.exe", [], false],
  ["wpeutil with two commands", "wpeutil.exe", ["WaitForNetwork", "Reboot"], false],
  ["wpeutil with an unknown command", "wpeutil.exe", ["Restart"], false],
  ["wpeutil with a page file of no size", "wpeutil.exe", ["CreatePageFile", "/size=0"], false],
  ["wpeutil with two sizes", "wpeutil.exe", ["CreatePageFile", "/size=64", "/size=65"], false],
  ["wpeutil with a layout by name", "wpeutil.exe", ["SetKeyboardLayout", "German"], false],
  ["wpeutil in Windows", "wpeutil.exe", ["Reboot"], false, false],
  ["pnputil", "pnputil.exe", ["/add-driver", "C:\\d\\*.inf", "/install"], true, false],
  ["pnputil with a folder", "pnputil.exe", ["/add-driver", "C:\\d", "/install"], false, false],
  ["pnputil with another option", "pnputil.exe", ["/add-driver", "C:\\d\\*.inf", "/recurse"], false, false],
  ["pnputil in a PE", "pnputil.exe", ["/add-driver", "C:\\d\\*.inf", "/install"], false],
  ["tar", "tar.exe", ["-x", "-f", "@file", "-C", "@folder"], true],
  ["tar without a mode", "tar.exe", ["-f", "@file"], false],
  ["tar with two modes", "tar.exe", ["-x", "-c", "-f", "@file"], false],
  ["tar into nowhere", "tar.exe", ["-x", "-f", "@file", "-C", "none"], false],
  ["cscript of no script", "cscript.exe", ["//nologo", "@file"], false],
  ["cmd without /c", "cmd.exe", ["dir"], false],
  ["cmd with an unknown switch", "cmd.exe", ["/w", "/c", "dir"], false],
  ["cmd", "cmd.exe", ["/d", "/c", "dir"], true],
];

/** Windows on C:, an empty volume D:, and E: that was never formatted. */
function diskWithWindows(): DoubleDisk {
  const part = { kind: "primary", sizeMegabytes: 500 } as const;
  const partitions = [
    doublePartition({ ...part, letter: "C", fileSystem: "ntfs", holdsWindows: true }),
    doublePartition({ ...part, letter: "D", fileSystem: "ntfs" }),
    doublePartition({ ...part, letter: "E" }),
  ];
  return { sizeMegabytes: 64_000, style: "gpt", dynamic: false, partitions };
}

test("dism services what it has applied, until the volume is formatted", async (t) => {
  const folder = testFolder(t);
  const [image, script] = [join(folder, "install.wim"), join(folder, "script.txt")];
  writeFileSync(image, "");
  writeFileSync(script, "select disk 0\nselect partition 2\nformat quick fs=ntfs");
  const tools = windowsTools(doubleMachine({ disks: [diskWithWindows()] }), allTools());
  const exitCodeOf = async (...command: string[]): Promise<number | null> =>
    (await tools.run({ command })).exitCode;
  const service = ["dism.exe", "/Image:D:\\", "/Add-Driver", `/Driver:${folder}`];
  assert.equal(await exitCodeOf(...service), 2);
  const apply = ["dism.exe", "/Apply-Image", `/ImageFile:${image}`, "/Index:1", "/ApplyDir:D:\\"];
  assert.equal(await exitCodeOf(...apply), 0);
  assert.equal(await exitCodeOf(...service), 0);
  assert.equal(await exitCodeOf("diskpart.exe", "/s", script), 0);
  assert.equal(await exitCodeOf(...service), 2);
});

test("dism appends to what it has captured, by the compression that this has", async () => {
  const machine = doubleMachine({ disks: [diskWithWindows()] });
  const tools = windowsTools(machine, allTools());
  const exitCodeOf = async (verb: string, drive: string, ...more: string[]): Promise<number | null> => {
    const words = [`/${verb}-Image`, "/ImageFile:a.wim", `/CaptureDir:${drive}:\\`, ...more];
    return (await tools.run({ command: ["dism.exe", ...words] })).exitCode;
  };
  assert.equal(await exitCodeOf("Capture", "C", "/Name:a", "/Compress:max"), 0);
  assert.equal(await exitCodeOf("Append", "D", "/Name:b", "/Compress:max"), 87);
  assert.equal(await exitCodeOf("Append", "D", "/Name:b", "/EA"), 87);
  assert.equal(await exitCodeOf("Append", "D"), 87);
  assert.equal(await exitCodeOf("Append", "Q", "/Name:b"), 3);
  assert.equal(await exitCodeOf("Append", "E", "/Name:b"), 1005);
  assert.equal(await exitCodeOf("Append", "D", "/Name:b", "/ConfigFile:none.ini"), 2);
  assert.equal(await exitCodeOf("Append", "D", "/Name:b", "/CheckIntegrity", "/Verify"), 0);
  assert.deepEqual([...imagesOf(machine)], [["a.wim", ["a", "b"]]]);
});

test("the other tools", async (t) => {
  const folder = testFolder(t);
  writeFileSync(join(folder, "file.xml"), "");
  for (const [name, tool, words, accepted, inPe = true] of rows) {
    const machine = doubleMachine({ inPe, disks: [diskWithWindows()] });
    const tools = windowsTools(machine, allTools([["known", () => 0]]));
    const given = words.map((word) =>
      word.replace("@file", join(folder, "file.xml")).replace("@folder", folder),
    );
    const result = await tools.run({ command: [tool, ...given] });
    assert.equal(result.exitCode === 0, accepted, `${name}: ${result.output}`);
  }
});
