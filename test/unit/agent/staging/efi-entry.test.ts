/**
 * A PE that UEFI's firmware starts once: its entries behind a double of efibootmgr, a folder as its system partition, a real
 * ext4 with the PE's files. Each command fails in turn, and the machine is as it was. Needs root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BootImageFacts } from "../../../../contract/boot-image.ts";
import { efiEntry } from "../../../../agent/staging/efi-entry.ts";
import { Staging } from "../../../../agent/staging/staging.ts";
import { openStateFolder } from "../../../../agent/state-folder.ts";
import { EfiFirmware } from "../../../fixtures/efi-firmware.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { loopDisk } from "../../../fixtures/loop-disk.ts";

const skip = process.getuid?.() === 0 ? false : "file systems are root's to mount";
const deploymentId = "11111111-2222-4333-8444-555555555555";
const quiet = { info() {}, warning() {}, error() {}, detail() {} };
const transfer = { signal: new AbortController().signal, progress() {} };

class Machine {
  readonly root: string;
  readonly volume: string;
  readonly esp: string;
  readonly uuid: string;
  firmware: EfiFirmware;
  readonly files = {
    vmlinuz: randomBytes(7000),
    "initrd.zst": randomBytes(90_001),
    "shimx64.efi": randomBytes(1000),
    "grubx64.efi": randomBytes(3000),
  };
  units = 0;

  constructor(t: TestContext) {
    const { path: device } = loopDisk(t, { megabytes: 64 });
    execFileSync("mke2fs", ["-q", "-t", "ext4", device]);
    this.root = testFolder(t);
    this.volume = join(this.root, "boot");
    mkdirSync(this.volume);
    execFileSync("mount", [device, this.volume]);
    this.uuid = execFileSync("blkid", ["-o", "value", "-s", "UUID", device], { encoding: "utf8" }).trim();
    this.esp = join(this.root, "esp");
    mkdirSync(join(this.esp, "EFI/debian"), { recursive: true });
    writeFileSync(join(this.esp, "EFI/debian/shimx64.efi"), "the system's own");
    this.firmware = new EfiFirmware(this.esp);
    openStateFolder(join(this.root, "state"), () => {}).write("enrolment.json", { machineKey: "key" });
    mkdirSync(join(this.root, "state/deployments", deploymentId), { recursive: true });
  }

  staging(bootId = "first"): Staging {
    return new Staging({
      state: openStateFolder(join(this.root, "state"), () => {}),
      places: [join(this.volume, "volley-pe")],
      entries: [efiEntry(this.firmware)],
      returnUnit: {
        install: async () => void (this.units = 1),
        remove: async () => void (this.units = 0),
      },
      bootId,
      log: quiet,
    });
  }

  async prepare(staging = this.staging()): Promise<Staging> {
    const describe = (bytes: Buffer) => ({
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
    const files = Object.fromEntries(
      Object.entries(this.files).map(([name, bytes]) => [name, describe(bytes)]),
    );
    const facts = { kernel: "6.1.0", agent: "1", commandLine: "quiet loglevel=0", files };
    const source = {
      facts: async () => facts as unknown as BootImageFacts,
      piece: async (name: string, offset: number) =>
        this.files[name as keyof Machine["files"]].subarray(offset, offset + 50_000),
    };
    await staging.prepare(deploymentId, source, transfer);
    return staging;
  }

  /** The firmware, the units, and every file but the agent's own. */
  look(): unknown {
    const found: Record<string, string> = {};
    for (const entry of readdirSync(this.root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (path.startsWith(join(this.root, "state"))) continue;
      found[path] = entry.isFile() ? readFileSync(path, "latin1") : "folder";
    }
    return { found, units: this.units, firmware: this.firmware.look() };
  }
}

test(
  "the firmware starts shim, GRUB and the PE once, and its order is never changed",
  { skip },
  async (t) => {
    const machine = new Machine(t);
    const { esp, files, firmware, uuid } = machine;
    const before = machine.look();
    const { order } = firmware;
    const staging = await machine.prepare();
    assert.deepEqual(firmware.look(), (before as { firmware: unknown }).firmware, "nothing starts it yet");
    await staging.arm();
    assert.ok(readFileSync(join(esp, "EFI/Volley/shimx64.efi")).equals(files["shimx64.efi"]));
    assert.ok(readFileSync(join(esp, "EFI/Volley/grubx64.efi")).equals(files["grubx64.efi"]));
    const lines = readFileSync(join(esp, "grub/grub.cfg"), "utf8").split("\n").slice(1);
    assert.deepEqual(lines, [
      'set superusers=""',
      `search --no-floppy --fs-uuid --set=root ${uuid}`,
      "if linux /volley-pe/vmlinuz quiet loglevel=0; then",
      "  if initrd /volley-pe/state.cpio /volley-pe/initrd.zst; then boot; fi",
      "fi",
      "reboot",
      "",
    ]);
    execFileSync("grub-script-check", [join(esp, "grub/grub.cfg")]);
    assert.match(
      firmware.entries.get("0002") ?? "",
      /^Volley PE\tHD\(1,.*\/File\(\\EFI\\Volley\\shimx64\.efi\)$/,
    );
    assert.deepEqual([firmware.next, firmware.order], ["0002", order]);
    assert.equal(firmware.start(), "Volley PE");
    assert.equal(firmware.start(), "UEFI: PXE IPv4", "the second start is the machine's own");
    await staging.withdraw();
    assert.deepEqual(machine.look(), before);
  },
);

test(
  "the PE makes the firmware forget it, and takes its files from the system partition",
  { skip },
  async (t) => {
    const machine = new Machine(t);
    const { esp, firmware } = machine;
    const before = firmware.look();
    await (await machine.prepare()).arm();
    firmware.start();
    // On another disk.
    firmware.found.unshift({ device: "/dev/vdb1", disk: "/dev/vdb", number: 1 });
    await efiEntry(firmware).disarm();
    assert.deepEqual(firmware.look(), before);
    assert.deepEqual(readdirSync(esp, { recursive: true, encoding: "utf8" }).sort(), [
      "EFI",
      "EFI/debian",
      "EFI/debian/shimx64.efi",
    ]);
  },
);

for (const kind of ["before", "after"] as const) {
  test(
    `each command fails in turn, ${kind} it did something: the machine is as it was`,
    { skip },
    async (t) => {
      const good = new Machine(t);
      await (await good.prepare()).arm();
      const { calls } = good.firmware;
      assert.ok(calls.length >= 6, calls.join("\n"));
      for (const [index, command] of calls.entries()) {
        const machine = new Machine(t);
        const before = machine.look();
        machine.firmware.fault = (call) => (call === index ? kind : null);
        const staging = machine.staging();
        await assert.rejects(
          async () => {
            await machine.prepare(staging);
            await staging.arm();
          },
          Error,
          command,
        );
        await staging.withdraw();
        assert.deepEqual(machine.look(), before, command);
        assert.equal(staging.record, null, command);
      }
    },
  );
}

test("what a power cut leaves half written is taken back by the next start", { skip }, async (t) => {
  const machine = new Machine(t);
  const before = machine.look();
  await (await machine.prepare()).arm();
  for (const broken of [
    () => rmSync(join(machine.esp, "grub"), { recursive: true }),
    () => writeFileSync(join(machine.esp, "grub/grub.cfg"), "### vol"),
    () => rmSync(join(machine.esp, "EFI/Volley/grubx64.efi")),
    () => (machine.firmware.next = null),
    () => machine.firmware.entries.delete("0002"),
  ]) {
    broken();
    const again = await machine.prepare(machine.staging("second"));
    await again.arm();
    broken();
    await machine.staging("third").tidy(null);
    assert.deepEqual(machine.look(), before);
    await (await machine.prepare()).arm();
  }
});

const obstacles: [what: string, message: RegExp, change: (machine: Machine) => void][] = [
  ["there is no UEFI", /no UEFI/, ({ firmware }) => (firmware.uefi = false)],
  ["efibootmgr is not there", /package efibootmgr/, ({ firmware }) => (firmware.fault = () => "before")],
  ["there is no system partition", /no EFI system partition/, ({ firmware }) => (firmware.found = [])],
  ["it starts nothing", /starts nothing/, ({ esp }) => rmSync(join(esp, "EFI"), { recursive: true })],
  ["it is full", /100000 bytes free/, ({ firmware }) => (firmware.free = 100_000)],
  ["it cannot be mounted", /cannot be mounted/, ({ esp }) => rmSync(esp, { recursive: true })],
  [
    "it has another GRUB's folder",
    /folder "grub" of its own/,
    ({ esp }) => {
      mkdirSync(join(esp, "grub"));
      writeFileSync(join(esp, "grub/grub.cfg"), "menuentry x {\n}\n");
    },
  ],
];
for (const [what, message, change] of obstacles) {
  test(`the machine is as it was when ${what}`, { skip }, async (t) => {
    const machine = new Machine(t);
    change(machine);
    const before = machine.look();
    await assert.rejects(machine.prepare(), { code: "E_STAGING", message });
    assert.deepEqual(machine.look(), before);
    assert.ok(!existsSync(join(machine.volume, "volley-pe")));
  });
}
