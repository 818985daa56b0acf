/** A Windows PE made of a boot.wim of stand-ins: what is in the image, in the files for the network, on disc and stick. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { withoutCredential } from "../../../../site/boot/winpe-credential.ts";
import { stickRefusal } from "../../../../site/boot/winpe-disks.ts";
import { buildWinpe, type WinpeOptions } from "../../../../site/boot/winpe.ts";
import { checkBootStore, readBootStore } from "../../../../windows/boot-store.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { readHive } from "../../../fixtures/hives.ts";
import { fakeProgram } from "../../../fixtures/windows-image.ts";
import { winpeOptions, writeBootWim, type WinpeShape } from "../../../fixtures/winpe-image.ts";

interface PartitionTable {
  label: string;
  partitions: { type: string; bootable?: boolean; start: number }[];
}
interface Work {
  folder: string;
  wim: string;
  output: string;
  build(options?: Partial<WinpeOptions>): ReturnType<typeof buildWinpe>;
  /** A file of the image that was made. */
  read(path: string): string;
  list(): string[];
}

function prepare(t: TestContext, shape: WinpeShape = {}): Work {
  const folder = testFolder(t);
  const [wim, output, agent] = [join(folder, "boot.wim"), join(folder, "media"), join(folder, "agent.exe")];
  writeBootWim(folder, wim, shape);
  writeFileSync(agent, fakeProgram());
  const made = join(output, "winpe/Boot/boot.wim");
  const run = (...words: string[]): string => execFileSync("wimlib-imagex", words, { encoding: "utf8" });
  return {
    folder,
    wim,
    output,
    build: async (options) => await buildWinpe(winpeOptions({ wim, output, agent, ...options })),
    read: (path) => run("extract", made, "1", path, "--to-stdout"),
    list: () => run("dir", made, "1").split("\n"),
  };
}

const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

test("agent, credential, drivers and start scripts go into a copy of the image that starts", async (t) => {
  const { build, folder, list, output, read, wim } = prepare(t);
  const drivers = join(folder, "drivers with spaces");
  mkdirSync(join(drivers, "net/x64"), { recursive: true });
  writeFileSync(join(drivers, "net/card.inf"), "[Version]\n");
  writeFileSync(join(drivers, "net/x64/card.sys"), "driver");
  const before = sha256(wim);
  const description = await build({ drivers });
  assert.equal(sha256(wim), before, "the user's own file is as it was");
  const made = join(output, "winpe");
  assert.equal(read("/Volley/credential"), "one-credential\r\n");
  assert.equal(read("/Volley/drivers/net/x64/card.sys"), "driver");
  assert.ok(list().includes("/Volley/volley-agent.exe"));
  assert.equal(
    read("/Windows/System32/winpeshl.ini"),
    "[LaunchApps]\r\n%SYSTEMROOT%\\System32\\cmd.exe, /c %SYSTEMROOT%\\System32\\startnet.cmd\r\n",
  );
  const start = read("/Windows/System32/startnet.cmd").split("\r\n");
  const order = [
    "call %SystemRoot%\\System32\\startnet-before-volley.cmd",
    'for /r "%SystemDrive%\\Volley\\drivers" %%D in (*.inf) do drvload "%%D"',
    "wpeutil InitializeNetwork",
  ].map((line) => start.indexOf(line));
  assert.deepEqual(order, [2, 3, 4]);
  const agent = start.find((line) => line.includes("volley-agent.exe"));
  assert.ok(agent);
  assert.ok(agent.includes(`--site https://10.20.0.1:8443 --fingerprint ${"ab".repeat(32)}`));
  assert.ok(!agent.includes("one-credential"), "it is in no list of processes");
  const back = start.find((line) => line.endsWith("goto back"));
  assert.match(back ?? "", /^if exist "%state%\\origin\.json" if not exist "%state%\\disk-touched\.json" /);
  for (const line of start) {
    const label = /goto (\w+)$/.exec(line)?.[1];
    if (label !== undefined) assert.ok(start.includes(`:${label}`), label);
  }
  assert.equal(read("/Windows/System32/startnet-before-volley.cmd"), "wpeinit\r\n");
  const header = execFileSync("wimlib-imagex", ["info", join(made, "Boot/boot.wim"), "--header"], {
    encoding: "utf8",
  });
  assert.match(header, /Image Count\s*=\s*1\n/);
  assert.match(header, /Boot Index\s*=\s*1\n/);
  assert.equal(description.files["Boot/boot.wim"]?.sha256, sha256(join(made, "Boot/boot.wim")));
  assert.deepEqual(readdirSync(output), ["winpe"], "nothing is left of the making");
});

test("what machines get that have enrolled is the same image without the credential", async (t) => {
  const { build, folder, list, output } = prepare(t);
  const { withoutCredential: facts } = await build();
  const whole = readFileSync(join(output, "winpe/Boot/boot.wim"));
  const pieces: Buffer[] = [];
  const pieceBytes = 100;
  for (let offset = 0; offset < whole.length; offset += pieceBytes) {
    const piece = whole.subarray(offset, offset + pieceBytes);
    pieces.push(withoutCredential(facts, { offset, piece }));
  }
  const given = join(folder, "given.wim");
  writeFileSync(given, Buffer.concat(pieces));
  assert.deepEqual([statSync(given).size, sha256(given)], [facts.bytes, facts.sha256]);
  execFileSync("wimlib-imagex", ["verify", given], { stdio: "ignore" });
  const names = execFileSync("wimlib-imagex", ["dir", given, "1"], { encoding: "utf8" }).split("\n");
  assert.deepEqual(
    list().filter((name) => !names.includes(name)),
    ["/Volley/credential"],
  );
  // What is kept small enough is not compressed.
  assert.ok(whole.includes("one-credential"));
  assert.ok(!readFileSync(given).includes("one-credential"));
});

test("of one that was made here another is made, with one start script", async (t) => {
  const { build, folder, output, read } = prepare(t);
  await build();
  const [first, start] = [join(folder, "first.wim"), read("/Windows/System32/startnet.cmd")];
  writeFileSync(first, readFileSync(join(output, "winpe/Boot/boot.wim")));
  await build({ wim: first, credential: "another" });
  assert.equal(read("/Volley/credential"), "another\r\n");
  assert.match(start, /startnet-before-volley/);
  assert.doesNotMatch(read("/Windows/System32/startnet.cmd"), /drvload/);
});

test("the boot configurations name the image and boot.sdi, with TFTP's window, and are checked", async (t) => {
  const { build, output } = prepare(t);
  await build();
  for (const [name, firmware] of [
    ["BCD", "uefi"],
    ["BCD.bios", "bios"],
  ] as const) {
    const store = readBootStore(readHive(join(output, "winpe/Boot", name)));
    assert.deepEqual(checkBootStore(store, firmware), []);
    const options = store.get("{7619dcc8-fafe-11d9-b411-000476eba25f}")?.elements;
    assert.equal(options?.get("32000004")?.bytes.toString("utf16le"), "\\Boot\\boot.sdi\0");
    assert.equal(options?.get("35000007")?.bytes.readBigUInt64LE(), 1456n);
    assert.equal(options?.get("35000008")?.bytes.readBigUInt64LE(), 16n);
  }
});

test("of two boot managers the newer is taken, or the one that is asked for", async (t) => {
  const { build, output } = prepare(t);
  const manager = (): string => readFileSync(join(output, "winpe/bootmgfw.efi"), "utf8");
  assert.equal((await build()).bootManager, "2023");
  assert.equal(manager(), "boot manager of 2023");
  assert.equal((await build({ bootManager: "2011" })).bootManager, "2011");
  assert.equal(manager(), "boot manager of 2011");
});

test("the ISO starts by BIOS and UEFI, the stick has the files and a loader", async (t) => {
  const { build, output } = prepare(t);
  const wimboot = join(output, "..", "wimboot");
  writeFileSync(wimboot, "wimboot");
  const description = await build({ wimboot, forms: ["iso", "usb"] });
  assert.deepEqual(description.left, []);
  assert.equal(readFileSync(join(output, "winpe/wimboot"), "utf8"), "wimboot");
  const iso = join(output, "winpe/volley-winpe.iso");
  const report = execFileSync("xorriso", ["-indev", iso, "-report_el_torito", "plain"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  assert.match(report, /BIOS\s+y\s+none/);
  assert.match(report, /UEFI\s+y\s+none/);
  assert.match(report, /\/Boot\/etfsboot\.com/i);
  assert.match(report, /\/Boot\/efisys\.bin/i);
  const stick = join(output, "winpe/volley-winpe-usb.img");
  const table = execFileSync("sfdisk", ["--json", stick], { encoding: "utf8" });
  const { label, partitions } = (JSON.parse(table) as { partitiontable: PartitionTable }).partitiontable;
  assert.deepEqual(
    [label, partitions.length, partitions[0]?.type, partitions[0]?.bootable, partitions[0]?.start],
    ["dos", 1, "c", true, 2048],
  );
  const listed = execFileSync("mdir", ["-/", "-b", "-i", `${stick}@@1048576`, "::"], { encoding: "utf8" });
  for (const path of [
    "EFI/Boot/bootx64.efi",
    "EFI/Microsoft/Boot/BCD",
    "Boot/BCD",
    "Boot/boot.sdi",
    "sources/boot.wim",
    "bootmgr",
  ]) {
    assert.match(listed, new RegExp(`^::/${path}$`, "im"));
  }
  // GRUB's first sector, and the mark of a table of partitions behind it.
  const sector = readFileSync(stick).subarray(0, 512);
  assert.notEqual(sector[0], 0);
  assert.equal(sector.readUInt16LE(510), 0xaa55);
});

test("what is missing is named, and nothing is left half made", async (t) => {
  const missing = async (
    changes: Record<string, null>,
    options: Partial<WinpeOptions> = {},
  ): Promise<string> => {
    const { build, output } = prepare(t, { changes });
    const failure = await build(options).then(
      () => null,
      (error: { code: string; detail: string }) => error,
    );
    assert.equal(failure?.code, "E_WINPE_PART");
    assert.deepEqual(readdirSync(output), []);
    return failure.detail;
  };
  const noNewer = { "Windows/Boot/EFI_EX/bootmgfw_EX.efi": null };
  assert.match(
    await missing({ ...noNewer, "Windows/Boot/EFI/bootmgfw.efi": null }),
    /Boot\\EFI\\bootmgfw.efi/,
  );
  assert.match(await missing(noNewer, { bootManager: "2023" }), /EFI_EX\\bootmgfw_EX.efi/);
  assert.match(await missing({ "Windows/Boot/DVD/EFI/boot.sdi": null }), /boot.sdi/);
  assert.match(await missing({ "Windows/System32/wpeinit.exe": null }), /wpeinit.exe: it is no Windows PE/);
  const noDisc = {
    "Windows/Boot/DVD/PCAT/etfsboot.com": null,
    "Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin": null,
  };
  assert.match(await missing(noDisc, { forms: ["iso"] }), /etfsboot.com nor .*efisys.bin/);
});

test("the ADK's folder gives what the image lacks, and what cannot be made is said", async (t) => {
  const changes = {
    "Windows/Boot/DVD/EFI/boot.sdi": null,
    "Windows/Boot/DVD/PCAT/etfsboot.com": null,
    "Windows/Boot/DVD_EX/EFI/en-US/efisys_EX.bin": null,
    "Windows/Boot/PXE/pxeboot.n12": null,
  };
  const { build, folder, output } = prepare(t, { changes });
  for (const machine of ["arm64", "amd64"]) {
    mkdirSync(join(folder, "adk", machine, "Media/Boot"), { recursive: true });
    writeFileSync(join(folder, "adk", machine, "Media/Boot/boot.sdi"), machine);
  }
  const description = await build({ adk: join(folder, "adk"), forms: null });
  assert.equal(readFileSync(join(output, "winpe/Boot/boot.sdi"), "utf8"), "amd64");
  assert.equal(existsSync(join(output, "winpe/volley-winpe.iso")), false);
  assert.equal(description.left.length, 2);
  assert.match(description.left.join("\n"), /pxeboot.n12[^]*No ISO/);
});

test("an image that no file of a stick can be is told before one is made", (t) => {
  const wim = join(testFolder(t), "boot.wim");
  writeFileSync(wim, "");
  truncateSync(wim, 2 ** 32 - 1);
  assert.equal(stickRefusal(wim), null);
  truncateSync(wim, 2 ** 32);
  assert.match(stickRefusal(wim) ?? "", /boot\.wim has 4294967296 bytes.* 4 GiB/);
});

test("a file that starts none of its images is asked about", async (t) => {
  const { build, wim } = prepare(t);
  execFileSync("wimlib-imagex", ["info", wim, "0", "--boot"], { stdio: "ignore" });
  await assert.rejects(build(), { code: "E_IMAGE_CHOICE" });
  await assert.rejects(build({ index: 3 }), { code: "E_IMAGE_CHOICE" });
  assert.equal((await build({ index: 2 })).kind, "volley-winpe");
});
