/**
 * A PE put on a machine's disk for one start, and taken back: with a real ext4 as /boot and GRUB's own programs, in a root
 * folder of its own. Needs root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BootImageFacts } from "../../../../contract/boot-image.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { Refresh } from "../../../../agent/deploying/refresh.ts";
import type { SiteClient } from "../../../../agent/site/site-client.ts";
import type { Call } from "../../../../agent/site/transport.ts";
import { openStateFolder, type StateFolder } from "../../../../agent/state-folder.ts";
import type { BootEntry } from "../../../../agent/staging/boot-entry.ts";
import { grubEntry } from "../../../../agent/staging/grub-entry.ts";
import { returnUnit } from "../../../../agent/staging/return-unit.ts";
import { Staging, wasStaged } from "../../../../agent/staging/staging.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { loopDisk } from "../../../fixtures/loop-disk.ts";

const skip = process.getuid?.() === 0 ? false : "file systems are root's to mount";
const deploymentId = "11111111-2222-4333-8444-555555555555";
const quiet = { info() {}, warning() {}, error() {}, detail() {} };
const signal = new AbortController().signal;

/** What grub-mkconfig writes, of which these lines matter. */
const grubConfiguration = `if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
   save_env next_entry
fi
if [ -f  \${config_directory}/custom.cfg ]; then
  source \${config_directory}/custom.cfg
fi
`;

interface Machine {
  root: string;
  state: StateFolder;
  files: Record<string, Buffer>;
  facts: BootImageFacts;
  /** What the site is asked comes here; each may be replaced. */
  site: { facts(): BootImageFacts; piece(name: string, offset: number): Buffer };
  staging(bootId?: string, kind?: string): Staging;
  /** The first of the places; the machine has only its /boot else. */
  before: string[];
  refresh(bootId?: string): Refresh;
  /** Every file of the machine but the agent's own, with mode and content. */
  look(): Record<string, string>;
  ended(): number;
}

/** Another way than GRUB's, which changes nothing. */
const otherEntry: BootEntry = {
  kind: "other",
  copies: 1,
  obstacle: () => Promise.resolve(null),
  arm: () => Promise.resolve(),
  disarm: () => Promise.resolve(),
};

/** `bootMegabytes`: of the volume at /boot. */
function machineOf(t: TestContext, bootMegabytes = 128): Machine {
  const { path: device } = loopDisk(t, { megabytes: bootMegabytes });
  execFileSync("mke2fs", ["-q", "-t", "ext4", device]);
  const root = testFolder(t);
  const grub = join(root, "boot/grub");
  mkdirSync(join(root, "boot"));
  execFileSync("mount", [device, join(root, "boot")]);
  mkdirSync(grub);
  mkdirSync(join(root, "run/systemd/system"), { recursive: true });
  mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
  writeFileSync(join(grub, "grub.cfg"), grubConfiguration);
  execFileSync("grub-editenv", [join(grub, "grubenv"), "create"]);
  execFileSync("grub-editenv", [join(grub, "grubenv"), "set", "saved_entry=0"]);
  const state = openStateFolder(join(root, "var/agent"), () => {});
  state.write("enrolment.json", { machineKey: "key" });
  mkdirSync(join(state.path, "deployments", deploymentId), { recursive: true });
  state.write(`deployments/${deploymentId}/sequence-checkpoint.json`, { serial: 7 });
  const files = { vmlinuz: randomBytes(70_000), "initrd.zst": randomBytes(1_300_001) };
  const describe = (bytes: Buffer) => ({
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
  const facts = {
    built: "2026-01-02T03:04:05.000Z",
    kernel: "6.1.0",
    agent: "1",
    commandLine: "console=ttyS0,115200 quiet",
    files: { vmlinuz: describe(files.vmlinuz), "initrd.zst": describe(files["initrd.zst"]) },
  } as BootImageFacts;
  const site = {
    facts: () => facts,
    piece: (name: string, offset: number) =>
      files[name as keyof typeof files].subarray(offset, offset + 400_000),
  };
  const before: string[] = [];
  const staging = (bootId = "first", kind = "grub"): Staging =>
    new Staging({
      state,
      places: [...before, join(root, "boot/volley-pe")],
      entries: [...(kind === "other" ? [otherEntry] : []), grubEntry(join(root, "boot"))],
      returnUnit: returnUnit({
        root,
        command: ["/usr/bin/volley-agent", "deploy", "50%"],
        hasService: false,
      }),
      bootId,
      log: quiet,
    });
  const client = {
    ask: () => attempt(() => site.facts()),
    fetch: ({ path }: Call) =>
      attempt(() => {
        const [, , name = "", offset] = path.split("/");
        return site.piece(name, Number(offset));
      }),
  } as unknown as SiteClient;
  let endings = 0;
  return {
    root,
    state,
    files,
    facts,
    site,
    before,
    staging,
    refresh: (bootId) =>
      new Refresh({
        deploymentId,
        staging: staging(bootId),
        site: client,
        log: quiet,
        endRun: () => Promise.resolve(void (endings += 1)),
        signal,
      }),
    look: () => everything(root),
    ended: () => endings,
  };
}

async function attempt<Value>(work: () => Value): Promise<Value> {
  return work();
}

function everything(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (path.startsWith(join(root, "var/agent")) || !entry.isFile()) continue;
    found[path.slice(root.length)] = `${statSync(path).mode} ${readFileSync(path, "latin1")}`;
  }
  return found;
}

const prepare = (refresh: Refresh) => refresh.bootStaging.prepare({ signal, progress: () => {} });
const environmentOf = (root: string): string =>
  execFileSync("grub-editenv", [join(root, "boot/grub/grubenv"), "list"], { encoding: "utf8" });

test(
  "it is fetched, checked, and started once by GRUB, with the agent's state in front",
  { skip },
  async (t) => {
    const machine = machineOf(t);
    const { files, root, state } = machine;
    const before = machine.look();
    const refresh = machine.refresh();
    await prepare(refresh);
    const folder = join(root, "boot/volley-pe");
    assert.ok(readFileSync(join(folder, "vmlinuz")).equals(files["vmlinuz"] ?? Buffer.alloc(0)));
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(environmentOf(root), "saved_entry=0\n", "nothing starts it yet");
    await refresh.arm();
    assert.equal(environmentOf(root), "saved_entry=0\nnext_entry=volley-pe\n");
    const entry = readFileSync(join(root, "boot/grub/custom.cfg"), "utf8");
    assert.match(entry, /--id volley-pe --unrestricted/);
    assert.match(entry, /search --no-floppy --fs-uuid --set=root [0-9a-f-]{36}\n/);
    assert.match(
      entry,
      /linux \/volley-pe\/vmlinuz console=ttyS0,115200 quiet\n {2}initrd \/volley-pe\/state\.cpio \/volley-pe\/initrd\.zst\n/,
    );
    const unit = readFileSync(join(root, "etc/systemd/system/volley-agent-return.service"), "utf8");
    assert.match(unit, /^ExecStart="\/usr\/bin\/volley-agent" "deploy" "50%%"$/m);
    assert.ok(readFileSync(join(folder, "initrd.zst")).equals(files["initrd.zst"] ?? Buffer.alloc(0)));
    const packed = readFileSync(join(folder, "state.cpio"));
    assert.equal(packed.length % 4, 0);
    const unpacked = testFolder(t);
    execFileSync("cpio", ["--quiet", "-id"], { cwd: unpacked, input: packed });
    const carried = join(unpacked, "var/lib/volley-agent");
    assert.deepEqual(readdirSync(carried).sort(), ["deployments", "enrolment.json", "origin.json"]);
    assert.equal(statSync(join(carried, "enrolment.json")).mode & 0o777, 0o600);
    assert.ok(existsSync(join(carried, "deployments", deploymentId, "sequence-checkpoint.json")));
    assert.equal(readFileSync(join(unpacked, "etc/volley/staged"), "utf8"), `${deploymentId}\n`);
    assert.ok(
      wasStaged(
        openStateFolder(carried, () => {}),
        deploymentId,
      ),
    );
    assert.ok(!wasStaged(state, deploymentId), "the system that staged it is no PE");
    await refresh.abandon();
    assert.deepEqual(machine.look(), before);
    assert.deepEqual(readdirSync(state.path).sort(), ["deployments", "enrolment.json"]);
    await refresh.abandon();
  },
);

test(
  "what stood in custom.cfg and the environment stays there, byte for byte, also after several restarts",
  { skip },
  async (t) => {
    const machine = machineOf(t);
    const custom = join(machine.root, "boot/grub/custom.cfg");
    writeFileSync(custom, 'menuentry "other" {\n}\n# no newline at the end');
    chmodSync(custom, 0o644);
    const before = machine.look();
    const refresh = machine.refresh();
    await prepare(refresh);
    await refresh.arm();
    await refresh.arm();
    assert.equal(readFileSync(custom, "utf8").match(/--id volley-pe/g)?.length, 1);
    // As grub.cfg does when it starts it: "set next_entry=", then save_env.
    execFileSync("grub-editenv", [join(machine.root, "boot/grub/grubenv"), "set", "next_entry="]);
    await refresh.abandon();
    assert.deepEqual(machine.look(), before);
  },
);

const corrupt = (machine: Machine): void => {
  machine.site.piece = (name, offset) => {
    const piece = Buffer.from((machine.files[name] ?? Buffer.alloc(0)).subarray(offset));
    if (name === "initrd.zst") piece[0] = (piece[0] ?? 0) ^ 1;
    return piece;
  };
};
const refuse = (): never => {
  throw new VolleyError("E_NOT_FOUND", "The site has no boot media");
};
const failures: [what: string, code: string, change: (machine: Machine) => void][] = [
  ["the site has no boot image", "E_NOT_FOUND", (machine) => (machine.site.facts = refuse)],
  ["a file is not what the site says", "E_CONTENT_CORRUPT", corrupt],
  [
    "a file ends early",
    "E_CONTENT_CORRUPT",
    (machine) =>
      (machine.site.piece = (name, offset) => (machine.files[name] ?? Buffer.alloc(0)).subarray(offset, 900)),
  ],
  [
    "the site goes away for good after the first piece",
    "E_NOT_FOUND",
    (machine) => {
      const { piece } = machine.site;
      machine.site.piece = (name, offset) =>
        name === "initrd.zst" && offset > 0 ? refuse() : piece(name, offset);
    },
  ],
  [
    "GRUB's configuration is somebody's own",
    "E_STAGING",
    ({ root }) => writeFileSync(join(root, "boot/grub/grub.cfg"), "menuentry x {\n}\n"),
  ],
  ["there is no GRUB", "E_STAGING", ({ root }) => rmSync(join(root, "boot/grub/grub.cfg"))],
  [
    "GRUB's environment is damaged",
    "E_STAGING",
    ({ root }) => writeFileSync(join(root, "boot/grub/grubenv"), "not GRUB's"),
  ],
];
for (const [what, code, change] of failures) {
  test(`the machine is as it was when ${what}`, { skip }, async (t) => {
    const machine = machineOf(t);
    change(machine);
    const before = machine.look();
    await assert.rejects(prepare(machine.refresh()), { code });
    assert.deepEqual(machine.look(), before);
    assert.equal(machine.staging().record, null);
  });
}

test("the machine is as it was when its volume is too small", { skip }, async (t) => {
  const machine = machineOf(t, 24);
  const before = machine.look();
  await assert.rejects(prepare(machine.refresh()), { code: "E_STAGING", message: /bytes free/ });
  assert.deepEqual(machine.look(), before);
});

test(
  "when the boot loader does not take the entry, the machine is as it was and the run has ended",
  { skip },
  async (t) => {
    const machine = machineOf(t);
    const before = machine.look();
    const refresh = machine.refresh();
    await prepare(refresh);
    const environment = join(machine.root, "boot/grub/grubenv");
    const good = readFileSync(environment);
    writeFileSync(environment, "damaged since");
    await assert.rejects(refresh.arm(), { code: "E_STAGING" });
    writeFileSync(environment, good);
    assert.deepEqual(machine.look(), before);
    assert.equal(machine.ended(), 1);
  },
);

test(
  "a system that comes back goes into the PE again, and the second time is as it was",
  { skip },
  async (t) => {
    const machine = machineOf(t);
    const before = machine.look();
    assert.equal(await machine.refresh().isToLeave(), false);
    const first = machine.refresh();
    await prepare(first);
    assert.equal(await first.isToLeave(), false, "it is not armed yet");
    await first.arm();
    assert.equal(await machine.refresh().isToLeave(), true, "the same start: the restart is still to come");
    const second = machine.refresh("second");
    assert.equal(await second.isToLeave(), true);
    await second.arm();
    const third = machine.refresh("third");
    await assert.rejects(third.isToLeave(), { code: "E_STAGING", message: /came back from the PE 2 times/ });
    assert.deepEqual(machine.look(), before);
    assert.equal(machine.ended(), 1);
  },
);

test(
  "a script that asks for the PE without the step gets it; what the site does not want any more is taken back",
  { skip },
  async (t) => {
    const machine = machineOf(t);
    const before = machine.look();
    await machine.refresh().arm();
    assert.match(environmentOf(machine.root), /next_entry=volley-pe/);
    await machine.staging("second").tidy(deploymentId);
    assert.match(environmentOf(machine.root), /next_entry=volley-pe/);
    await machine.staging("second").tidy(null);
    assert.deepEqual(machine.look(), before);
    const checkpoint = `deployments/${deploymentId}/sequence-checkpoint.json`;
    assert.ok(!existsSync(join(machine.state.path, checkpoint)));
  },
);

for (const kind of ["grub", "other"]) {
  test(`what is prepared anew, by ${kind}, starts nothing any more`, { skip }, async (t) => {
    const machine = machineOf(t);
    const before = machine.look();
    const first = machine.staging();
    const source = {
      facts: () => Promise.resolve(machine.facts),
      piece: (name: string, offset: number) => Promise.resolve(machine.site.piece(name, offset)),
    };
    const transfer = { signal, progress: () => {} };
    await first.prepare(deploymentId, source, transfer);
    await first.arm();
    assert.match(environmentOf(machine.root), /next_entry=volley-pe/);
    source.piece = () => Promise.reject(new Error("it is there already"));
    const second = machine.staging("second", kind);
    await second.prepare(deploymentId, source, transfer);
    assert.equal(environmentOf(machine.root), "saved_entry=0\n");
    assert.ok(!existsSync(join(machine.root, "boot/grub/custom.cfg")));
    assert.deepEqual([second.record?.entry, second.record?.starts], [kind, 1]);
    await second.withdraw();
    assert.deepEqual(machine.look(), before);
  });
}

test("a place whose file system keeps nothing private is passed over", { skip }, async (t) => {
  const machine = machineOf(t);
  const { path: device } = loopDisk(t, { megabytes: 64 });
  execFileSync("mkntfs", ["-q", "-F", "-Q", device], { stdio: "ignore" });
  const open = testFolder(t);
  // As a FAT is mounted, of which this kernel may have none.
  execFileSync("ntfs-3g", ["-o", "umask=022", device, open]);
  machine.before.push(join(open, "volley-pe"));
  await prepare(machine.refresh());
  assert.equal(machine.staging().record?.folder, join(machine.root, "boot/volley-pe"));
  assert.deepEqual(
    readdirSync(open).filter((name) => name.includes("volley")),
    [],
  );
});
