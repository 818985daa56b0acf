/** The image of a whole disk with a Linux on it: applied to a larger loop device, made a computer of its own, handed over to. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { holdReserve } from "../../../../agent/staging/reserve-partition.ts";
import { appliedLinux } from "../../../../agent/steps/applied/system.ts";
import { applyDataImage } from "../../../../agent/steps/apply-data-image.ts";
import { applyOperatingSystemImage } from "../../../../agent/steps/apply-operating-system-image.ts";
import { applyWindowsSettings } from "../../../../agent/steps/apply-windows-settings.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { KeptState } from "../../../../agent/steps/services.ts";
import { setupWindows } from "../../../../agent/steps/setup-windows.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { diskImageApplier } from "../../../fixtures/disk-image-applier.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk, type LoopDisk } from "../../../fixtures/loop-disk.ts";
import { processTools, testContext, type TestContext } from "../../../fixtures/step-context.ts";

const megabyte = 2 ** 20;
const linuxFiles: Record<string, string> = {
  "etc/os-release": "ID=test\n",
  "etc/hostname": "golden\n",
  "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 golden\n192.0.2.1 server\n",
  "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
  "etc/fstab": "# /var is not here\nLABEL=root / ext4 defaults 0 1\n",
  "etc/shadow": "root:$y$secret:20000:0:99999:7:::\nbin:*:20000:0:99999:7:::\n",
  "etc/timezone": "Etc/UTC\n",
  "etc/ssh/ssh_host_rsa_key": "everybody's",
  "etc/ssh/ssh_host_rsa_key.pub": "everybody's",
  "etc/ssh/sshd_config": "",
  "usr/bin/ssh-keygen": "",
  "usr/lib/systemd/systemd": "",
  "usr/share/zoneinfo/Europe/Berlin": "zone",
  "var/lib/systemd/random-seed": "everybody's",
};

interface Room {
  disk: LoopDisk;
  variables: Record<string, string>;
  /** Words of what was run inside the applied Linux. */
  inside: string[][];
  handedTo: string[];
  context(properties?: Record<string, string>): TestContext;
  /** Where the applied root is mounted. */
  root(): Promise<string>;
}

/** `files`: of the Linux on its last partition. `asks`: bit 59 is set there. */
function makeRoom(
  t: Test,
  {
    asks = true,
    contentBytes = megabyte,
    files = linuxFiles,
    kept,
  }: {
    asks?: boolean;
    contentBytes?: number;
    files?: typeof linuxFiles;
    kept?(disk: LoopDisk): KeptState;
  },
): Room {
  const disk = loopDisk(t, { megabytes: 96 });
  const folder = testFolder(t);
  const image = join(folder, "image.raw");
  writeFileSync(image, "");
  truncateSync(image, 64 * megabyte);
  execFileSync("sfdisk", ["--quiet", image], {
    input: `label: gpt\nsize=8MiB, type=uefi\nsize=54MiB, type=linux${asks ? ', attrs="GUID:59"' : ""}\n`,
  });
  const tree = join(folder, "tree");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const volume = join(folder, "volume");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-F", "-d", tree, volume, "54M"]);
  execFileSync("dd", [`if=${volume}`, `of=${image}`, "bs=1M", "seek=9", "conv=notrunc"], { stdio: "ignore" });
  const imageApplier = diskImageApplier(image, contentBytes);
  const inside: string[][] = [];
  const tools: Tools = {
    run(run) {
      if (run.command[0] !== "chroot") return processTools.run(run);
      inside.push([...run.command.slice(2), run.input ?? ""]);
      return Promise.resolve({ exitCode: 0, output: "", timedOut: false });
    },
  };
  const room: Room = {
    disk,
    variables: {},
    inside,
    handedTo: [],
    context(properties = {}) {
      const handOver = { toLinux: async (root: string) => void room.handedTo.push(root) };
      const services = {
        disks: disksOf(disk),
        folders: { work: join(folder, "work") },
        imageApplier,
        handOver,
        ...(kept !== undefined && { keptState: kept(disk) }),
      };
      return testContext({ properties, variables: room.variables, services, tools });
    },
    root: async () => (await appliedLinux(room.context())) ?? "",
  };
  return room;
}

async function apply(room: Room): Promise<TestContext> {
  const context = room.context({ ImagePackageID: "VOL00001" });
  const outcome = await applyOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.match(outcome.text, /a Linux on C:: all of it by multicast/);
  for (const name of context.variables.names()) room.variables[name] = context.variables.get(name);
  return context;
}

const systemSize = ({ disk }: Room): number =>
  Number(
    /Block count: +(\d+)/.exec(
      execFileSync("dumpe2fs", ["-h", `${disk.path}p2`], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    )?.[1],
  ) * 1024;

test("onto a larger disk: the second table is at its end, and a volume that asks for it fills it", async (t) => {
  const room = makeRoom(t, {});
  const context = await apply(room);
  assert.match(String(context.plans), /Everything on .* is replaced by image VOL00001/);
  assert.equal(context.variables.get("OSDTargetSystemDrive"), "C:");
  assert.equal(context.variables.get("OSDTargetSystemRoot"), "");
  const verified = execFileSync("sfdisk", ["--verify", room.disk.path], { encoding: "utf8" });
  assert.match(verified, /No errors detected/);
  assert.ok(existsSync(join(await room.root(), "etc/os-release")));
  // mke2fs takes blocks of 1 KiB on a volume so small.
  assert.ok(systemSize(room) > 80 * megabyte, `${systemSize(room)} bytes`);
});

/** What is kept of 3 MiB: on the disk from `offset` on, or at the site. */
const keptOf =
  (offset: number | null, left: boolean) =>
  ({ facts, path }: LoopDisk): KeptState => ({
    folder: "",
    key: () => Promise.reject(new Error("nothing is captured")),
    keep: () => Promise.reject(new Error("nothing is captured")),
    note: () => Promise.reject(new Error("nothing is captured")),
    fetch: () => Promise.reject(new Error("nothing comes back")),
    forget: () => Promise.reject(new Error("nothing comes back")),
    find: () => Promise.resolve(left ? { place: "there", restored: false, ownSystem: false } : null),
    facts: () => ({
      bytes: 3 * megabyte,
      reserve: offset === null ? null : { identity: facts.identity, offset },
    }),
    async hold() {
      if (offset !== null) await holdReserve(path, { offset, bytes: 3 * megabyte });
    },
  });

test("state at the site does not keep the new system small", async (t) => {
  const room = makeRoom(t, { kept: keptOf(null, false) });
  room.variables["_VolleyKeptState"] = "there";
  await apply(room);
  assert.ok(systemSize(room) > 80 * megabyte, `${systemSize(room)} bytes`);
});

for (const [who, isKnown] of [
  ["this run", true],
  ["a run before", false],
] as const) {
  test(`what ${who} keeps on the disk has an entry of its own, and the new system ends before it`, async (t) => {
    const offset = 90 * megabyte;
    const room = makeRoom(t, { kept: keptOf(offset, !isKnown) });
    if (isKnown) room.variables["_VolleyKeptState"] = "there";
    const state = Buffer.alloc(3 * megabyte, 7);
    const file = openSync(room.disk.path, "r+");
    writeSync(file, state, 0, state.length, offset);
    closeSync(file);
    await apply(room);
    const size = systemSize(room);
    assert.ok(size > 75 * megabyte && size <= 81 * megabyte, `${size} bytes`);
    const table = execFileSync("sfdisk", ["--dump", room.disk.path], { encoding: "utf8" });
    assert.match(table, /start= +184320, size= +6144, .*name="Volley user state"/);
    execFileSync("blockdev", ["--flushbufs", room.disk.path]);
    const found = Buffer.alloc(state.length);
    const again = openSync(room.disk.path, "r");
    readSync(again, found, 0, found.length, offset);
    closeSync(again);
    assert.ok(found.equals(state));
  });
}

test("nothing is written where users' files would be lost or find no room", async (t) => {
  const rows: [offset: number | null, contentBytes: number, expected: RegExp][] = [
    [60 * megabyte, megabyte, /takes .* and users' files are kept from/],
    [null, 91 * megabyte, /take .* at least/],
    [80 * megabyte, 75 * megabyte, /take .* at least/],
  ];
  for (const [offset, contentBytes, expected] of rows) {
    const room = makeRoom(t, { contentBytes, kept: keptOf(offset, true) });
    const context = room.context({ ImagePackageID: "VOL00001" });
    const outcome = await applyOperatingSystemImage.perform(context);
    assert.equal(outcome.exitCode, codes.diskFull, outcome.text);
    assert.match(outcome.text, expected);
    assert.deepEqual(context.plans, []);
  }
});

test("a volume that does not ask for it keeps its size", async (t) => {
  const room = makeRoom(t, { asks: false });
  await apply(room);
  assert.equal(systemSize(room), 54 * megabyte);
});

test("the applied Linux gets its name, and keeps nothing that is to be each computer's own", async (t) => {
  const room = makeRoom(t, {});
  await apply(room);
  const settings = { ComputerName: "lab-7", TimeZone: "Europe/Berlin", AdminPassword: "hunter2-and-more" };
  const context = room.context(settings);
  const outcome = await applyWindowsSettings.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  const root = await room.root();
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  assert.equal(read("etc/hostname"), "lab-7\n");
  assert.equal(read("etc/hosts"), "127.0.0.1 localhost\n127.0.1.1\tlab-7\n192.0.2.1 server\n");
  assert.equal(read("etc/machine-id"), "");
  assert.equal(readlinkSync(join(root, "etc/localtime")), "/usr/share/zoneinfo/Europe/Berlin");
  assert.equal(read("etc/timezone"), "Europe/Berlin\n");
  for (const path of [
    "etc/ssh/ssh_host_rsa_key",
    "etc/ssh/ssh_host_rsa_key.pub",
    "var/lib/systemd/random-seed",
  ]) {
    assert.ok(!existsSync(join(root, path)), path);
  }
  assert.deepEqual(room.inside, [
    ["/usr/bin/ssh-keygen", "-A", ""],
    ["/usr/sbin/chpasswd", "root:hunter2-and-more\n"],
  ]);
  assert.ok(!`${context.lines.join()}${outcome.text}`.includes("hunter2"));
});

test("without a password root's stays, a random one locks it, and a name that is none is refused", async (t) => {
  const room = makeRoom(t, {});
  await apply(room);
  const root = await room.root();
  const shadow = (): string => readFileSync(join(root, "etc/shadow"), "utf8");
  assert.equal((await applyWindowsSettings.perform(room.context({ ComputerName: "a" }))).exitCode, 0);
  assert.equal(shadow(), linuxFiles["etc/shadow"]);
  const locked = room.context({ ComputerName: "a.example", RandomAdminPassword: "true" });
  assert.equal((await applyWindowsSettings.perform(locked)).exitCode, 0);
  assert.match(shadow(), /^root:!\*:20000:.*\nbin:\*:/);
  assert.match(readFileSync(join(root, "etc/hosts"), "utf8"), /^127\.0\.1\.1\ta\.example a$/m);
  for (const ComputerName of ["no name", "-a", "a".repeat(65), "a;b"]) {
    const refused = await applyWindowsSettings.perform(room.context({ ComputerName }));
    assert.equal(refused.exitCode, codes.invalidSetting, ComputerName);
  }
});

test("it is handed over to: the agent is put there and tried, and the restart goes to the disk", async (t) => {
  const room = makeRoom(t, {});
  await apply(room);
  const context = room.context();
  const outcome = await setupWindows.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.deepEqual(room.handedTo, [await room.root()]);
  assert.deepEqual(room.inside, [["/usr/local/sbin/volley-agent", "--version", ""]]);
  assert.equal(context.variables.get("SMSTSRebootRequested"), "HD");
  assert.equal(context.variables.get("_VolleyHandOver"), await room.root());
});

test("no systemd, or a /var of its own: it is not handed over to, and that is said", async (t) => {
  const { "usr/lib/systemd/systemd": _, ...others } = linuxFiles;
  const without = makeRoom(t, { files: { ...others, "usr/sbin/init": "" } });
  await apply(without);
  const first = await setupWindows.perform(without.context());
  assert.equal(first.exitCode, codes.notSupported);
  assert.match(first.text, /no systemd/);
  const split = makeRoom(t, { files: { ...linuxFiles, "etc/fstab": "LABEL=v\t/var\text4 defaults 0 2\n" } });
  await apply(split);
  const second = await setupWindows.perform(split.context());
  assert.equal(second.exitCode, codes.notSupported);
  assert.match(second.text, /\/var on a volume of its own/);
});

test("a disk that does not fit is left alone, and the image of a disk goes onto no volume", async (t) => {
  const room = makeRoom(t, {});
  room.disk.facts.sizeBytes = 32 * megabyte;
  const small = await applyOperatingSystemImage.perform(room.context({ ImagePackageID: "VOL00001" }));
  assert.equal(small.exitCode, codes.diskFull);
  assert.match(small.text, /needs 67108864 bytes/);
  room.disk.facts.sizeBytes = 96 * megabyte;
  await apply(room);
  const data = room.context({ ImagePackageID: "VOL00001", DestinationDisk: "0", DestinationPartition: "1" });
  const outcome = await applyDataImage.perform(data);
  assert.equal(outcome.exitCode, codes.invalidSetting);
  assert.match(outcome.text, /goes onto no volume/);
});
