/** The disk of a Linux as an image of the site, and the adapters of one that was applied; on loop devices. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { captureOperatingSystemImage } from "../../../../agent/steps/capture-operating-system-image.ts";
import { showTable } from "../../../../agent/platform/linux/partition-tool.ts";
import { runTool } from "../../../../agent/platform/run-tool.ts";
import { applyNetworkSettings } from "../../../../agent/steps/apply-network-settings.ts";
import { findAppliedSystem } from "../../../../agent/steps/applied/system.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { StepServices } from "../../../../agent/steps/services.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk } from "../../../fixtures/loop-disk.ts";
import { testContext } from "../../../fixtures/step-context.ts";

const skip = process.getuid?.() === 0 ? false : "loop devices are root's to make";

/** A disk with a Linux on its last partition, and the context of a step in the PE. */
async function machineOf(t: TestContext, files: Record<string, string>, services: StepServices = {}) {
  const disk = loopDisk(t, { megabytes: 64 });
  const folder = testFolder(t);
  execFileSync("sfdisk", ["--quiet", disk.path], {
    input: "label: gpt\nsize=4MiB, type=uefi\nsize=54MiB, type=linux\n",
  });
  const tree = join(folder, "tree");
  for (const [path, text] of Object.entries({
    "etc/os-release": "ID=test\n",
    "usr/bin/true": "",
    ...files,
  })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const volume = join(folder, "volume");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-F", "-d", tree, volume, "54M"]);
  execFileSync("dd", [`if=${volume}`, `of=${disk.path}`, "bs=1M", "seek=5", "conv=notrunc"], {
    stdio: "ignore",
  });
  const partitions = [{ name: `${disk.path}p2`, sizeBytes: 54 * 2 ** 20, fileSystem: "ext4", label: "" }];
  const facts = { ...disk.facts, partitions };
  assert.ok(await showTable(disk.path, (command) => runTool(command, 10_000)));
  const context = (properties: Record<string, string> = {}, variables: Record<string, string> = {}) =>
    testContext({
      properties,
      variables,
      services: {
        disks: disksOf({ ...disk, facts }),
        folders: { work: join(folder, "work") },
        ...services,
      },
    });
  return { disk: { ...disk, facts }, context };
}

const identity = "var/lib/volley-agent/enrolment.json";

test(
  "a Linux goes to the site with its whole disk, and without who it was to the site",
  { skip },
  async (t) => {
    const uploads: {
      path: string;
      diskBytes: number | null;
      name: string;
      description: string;
      hash: string;
    }[] = [];
    const services: StepServices = {
      uploads: {
        image({ description, diskBytes, name, path }) {
          const hash = execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64);
          uploads.push({ path, diskBytes, name, description, hash });
          return Promise.resolve();
        },
      },
    };
    const { context, disk } = await machineOf(
      t,
      { [identity]: "key", "etc/hostname": "reference\n" },
      services,
    );
    const step = context({ ImageDescription: "Lab", ImageVersion: "3" }, { _SMSTSMachineName: "reference" });
    const outcome = await captureOperatingSystemImage.perform(step);
    assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
    const [upload] = uploads;
    assert.deepEqual(
      { ...upload, hash: "" },
      {
        path: disk.path,
        diskBytes: 64 * 2 ** 20,
        name: "reference image",
        description: "Lab, version 3",
        hash: "",
      },
    );
    const after = execFileSync("sha256sum", [disk.path], { encoding: "utf8" }).slice(0, 64);
    assert.equal(upload?.hash, after, "nothing was written to it any more when it was read");
    const looking = context();
    await findAppliedSystem(looking, disk.facts);
    const mounted = await hostPath(looking, `${looking.variables.get("OSDTargetSystemDrive")}\\`);
    assert.equal(readFileSync(join(mounted, "etc/hostname"), "utf8"), "reference\n");
    assert.ok(!existsSync(join(mounted, identity)));
  },
);

test("the disk of a Linux goes to no file, and not without a site", { skip }, async (t) => {
  const { context } = await machineOf(t, {});
  const toFile = context({ CaptureDestination: "D:\\image.wim" });
  assert.equal((await captureOperatingSystemImage.perform(toFile)).exitCode, codes.invalidSetting);
  assert.equal((await captureOperatingSystemImage.perform(context())).exitCode, codes.notReadyYet);
});

const adapters = {
  OSDAdapterCount: "2",
  OSDAdapter0MACAddress: "52:54:00:AA:BB:01",
  OSDAdapter0EnableDHCP: "false",
  OSDAdapter0IPAddressList: "192.0.2.7",
  OSDAdapter0SubnetMask: "255.255.255.0",
  OSDAdapter0Gateways: "192.0.2.1",
  OSDAdapter0DNSServerList: "192.0.2.2,192.0.2.3",
  OSDAdapter0DNSDomain: "lab.example",
  OSDAdapter1MACAddress: "52:54:00:AA:BB:02",
  OSDAdapter1EnableDHCP: "true",
};
const managers: [service: string, path: string, mode: number, lines: string[]][] = [
  [
    "systemd-networkd.service",
    "etc/systemd/network/05-volley-1.network",
    0o644,
    [
      "MACAddress=52:54:00:aa:bb:01",
      "Address=192.0.2.7/24",
      "DNS=192.0.2.2",
      "Gateway=192.0.2.1",
      "Domains=lab.example",
    ],
  ],
  [
    "NetworkManager.service",
    "etc/NetworkManager/system-connections/volley-1.nmconnection",
    0o600,
    [
      "mac-address=52:54:00:aa:bb:01",
      "address1=192.0.2.7/24",
      "dns=192.0.2.2;192.0.2.3;",
      "gateway=192.0.2.1",
    ],
  ],
];
for (const [service, path, mode, lines] of managers) {
  test(`an applied Linux with ${service} keeps the addresses that were captured`, { skip }, async (t) => {
    const { context, disk } = await machineOf(t, {});
    const step = context({}, adapters);
    await findAppliedSystem(step, disk.facts);
    const mounted = await hostPath(step, `${step.variables.get("OSDTargetSystemDrive")}\\`);
    const missing = await applyNetworkSettings.perform(step);
    assert.equal(missing.exitCode, codes.notSupported, "nothing there reads it");
    const wants = join(mounted, "etc/systemd/system/multi-user.target.wants");
    mkdirSync(wants, { recursive: true });
    symlinkSync(`/usr/lib/systemd/system/${service}`, join(wants, service));
    for (let round = 0; round < 2; round += 1) {
      const outcome = await applyNetworkSettings.perform(step);
      assert.equal(outcome.exitCode, 0, outcome.text);
    }
    const text = readFileSync(join(mounted, path), "utf8").split("\n");
    for (const line of lines) assert.ok(text.includes(line), line);
    assert.equal(statSync(join(mounted, path)).mode & 0o777, mode);
    assert.equal(readdirSync(dirname(join(mounted, path))).length, 1, "DHCP is the image's");
  });
}
