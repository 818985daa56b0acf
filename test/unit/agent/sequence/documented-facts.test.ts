/** Read-only variables that are documented: each is set where its page says so, or the check says why it is empty. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { siteContent } from "../../../../agent/deploying/site-content.ts";
import { linuxSequenceMachine } from "../../../../agent/platform/linux/sequence-machine.ts";
import {
  findInstalledVolume,
  noteInstalled,
  noteRollback,
} from "../../../../agent/running/found-at-start.ts";
import { performStep } from "../../../../agent/running/perform-step.ts";
import { isKnownVariable, whyEmpty } from "../../../../agent/sequence/checking/known-variables.ts";
import { whyNeverSet } from "../../../../agent/sequence/checking/never-set.ts";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import { flatten, type StepInstruction } from "../../../../agent/sequence/instructions.ts";
import type { DeploymentSite } from "../../../../agent/site/deployment-site.ts";
import { rollbackMarker } from "../../../../agent/steps/upgrade-operating-system.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { loopDisk } from "../../../fixtures/loop-disk.ts";
import { packageOfFile } from "../../../fixtures/package-facts.ts";
import { sequence, step } from "../../../fixtures/sequences.ts";
import { makeRoom, succeed } from "../../../fixtures/windows-room.ts";

/** The whole of "Task sequence variables" that begins with "_" and is no input; of _TS_CR… one stands for all. */
const documented =
  `_OSDDetectedWinDir _OSDDetectedWinDrive _SMSTSAdvertID _SMSTSAppInstallNeedsRetry _SMSTSAssetTag
  _SMSTSBootImageID _SMSTSBootUEFI _SMSTSClientCache _SMSTSClientGUID _SMSTSCurrentActionName
  _SMSTSDefaultGateways _SMSTSDownloadOnDemand _SMSTSInWinPE _SMSTSIPAddresses _SMSTSLastActionName
  _SMSTSLastActionRetCode _SMSTSLastActionSucceeded _SMSTSLastContentDownloadLocation _SMSTSLaunchMode
  _SMSTSLogPath _SMSTSMacAddresses _SMSTSMachineName _SMSTSMake _SMSTSMDataPath _SMSTSMediaType _SMSTSModel
  _SMSTSMP _SMSTSMPPort _SMSTSOrgName _SMSTSOSUpgradeActionReturnCode _SMSTSPackageID _SMSTSPackageName
  _SMSTSRunFromDP _SMSTSSerialNumber _SMSTSSetupRollback _SMSTSSiteCode _SMSTSTimezone _SMSTSType _SMSTSUseCRL
  _SMSTSUserStarted _SMSTSUseSSL _SMSTSUUID _SMSTSWTG _TS_CRMEMORY _TSAppInstallStatus _TSSecureBoot`
    .trim()
    .split(/\s+/);

test("every documented read-only variable is set, or has a reason of its own why it is not", () => {
  const empty = documented.filter((name) => !isKnownVariable(name));
  assert.deepEqual(empty, ["_SMSTSSiteCode"]);
  for (const name of empty) assert.equal(whyEmpty(name), whyNeverSet(name), name);
  assert.ok(whyNeverSet("_SMSTSSiteCode"));
});

test("_SMSTSLastContentDownloadLocation: the last place that content came from, or was to", async (t) => {
  const point = { host: "2001:db8::5", port: 8443 };
  const rows = [
    { from: "the site", byCast: false, fails: false, at: "https://192.0.2.9:8443/packages/ABC00001" },
    { from: "a point", byCast: true, fails: false, at: "https://[2001:db8::5]:8443/packages/ABC00001" },
    { from: "nobody", byCast: false, fails: true, at: "https://192.0.2.9:8443/packages/ABC00001" },
  ];
  for (const { at, byCast, fails, from } of rows) {
    const site = {
      packageFacts: async () => packageOfFile,
      packagePiece: async () => {
        if (fails) throw new VolleyError("E_NOT_FOUND", "gone");
        return Buffer.from("abc");
      },
    } as unknown as DeploymentSite;
    const say = (): void => {};
    const log = { info: say, warning: say, error: say, detail: say };
    const content = siteContent({
      site,
      siteAddress: { host: "192.0.2.9", port: 8443 },
      cast: async (_facts, path, askedAt) => {
        if (!byCast) return false;
        askedAt?.(point);
        mkdirSync(join(path, ".."), { recursive: true });
        writeFileSync(path, "abc");
        return true;
      },
      folder: testFolder(t),
      log,
      signal: new AbortController().signal,
    });
    const environment = new SequenceEnvironment({ processVariables: {}, onHidden: say });
    const own = [{ name: "P", property: "DownloadPackages", value: "ABC00001", hidden: true, line: 1 }];
    const node = step("fetch", { type: "DownloadPackageContent", variables: own });
    const [instruction] = flatten(sequence(node), () => null).instructions;
    const ran = await performStep(instruction as StepInstruction, environment.forStep(own), "mark", {
      system: "linux",
      environment: {},
      content,
      log,
      onStep: say,
      progress: say,
      signal: new AbortController().signal,
      endTree: async () => 0,
    } as unknown as Parameters<typeof performStep>[3]);
    assert.equal(ran.exitCode === 0, !fails, `${from}: ${ran.text}`);
    assert.equal(environment.get("_SMSTSLastContentDownloadLocation"), at, from);
  }
});

/** What a script of Setup's does: of batch files what is asked for here, and nothing else. */
function runBatch(script: string): void {
  const [first, ...lines] = script.split("\r\n").filter((line) => line !== "");
  assert.equal(first, "@echo off");
  for (const line of lines) {
    const [, path = "", text = ""] = /^>"([^"]+)" echo (.+)$/.exec(line) ?? assert.fail(line);
    writeFileSync(path.replaceAll("%%", "%"), `${text}\r\n`);
  }
}

test("_SMSTSSetupRollback: false when Windows Setup has begun, true when it took its upgrade back", async (t) => {
  const room = makeRoom(t, "windows");
  const work = room.services.folders?.work ?? "";
  const upgrade = async (properties: Record<string, string> = {}) => {
    const run = await room.perform("UpgradeOperatingSystem", { InstallPackageID: "UPGRADE", ...properties });
    succeed(run);
    return run.context.variables;
  };
  const scanned = await upgrade({ ScanOnly: "true" });
  assert.equal(scanned.get("_SMSTSSetupRollback"), "");
  assert.equal(room.machine.state.get("setup rollback"), undefined, "a scan takes nothing back");
  noteRollback(scanned, work);
  assert.equal(scanned.get("_SMSTSSetupRollback"), "");

  const variables = await upgrade();
  noteRollback(variables, work);
  assert.equal(variables.get("_SMSTSSetupRollback"), "false");
  assert.match(room.machine.done.join("\n"), /postrollbackcontext=system/);
  runBatch(String(room.machine.state.get("setup rollback")));
  noteRollback(variables, work);
  assert.equal(variables.get("_SMSTSSetupRollback"), "true");

  const again = await upgrade();
  assert.ok(!existsSync(rollbackMarker(work)), "what an earlier upgrade left");
  noteRollback(again, work);
  assert.equal(again.get("_SMSTSSetupRollback"), "false");
});

/** A disk whose partitions are formatted as they are named; `windows`: the number of the one with a Windows. */
function madeDisk(t: TestContext, fileSystems: readonly ("ntfs" | "vfat")[], windows: number | null) {
  const disk = loopDisk(t, { megabytes: 40 });
  const table = [
    "label: gpt",
    ...fileSystems.map(() => "size=12MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"),
  ];
  execFileSync("sfdisk", ["--quiet", disk.path], {
    input: `${table.join("\n")}\n`,
    stdio: ["pipe", "ignore", "ignore"],
  });
  execFileSync("partx", ["--update", disk.path]);
  for (const [index, fileSystem] of fileSystems.entries()) {
    const device = `${disk.path}p${index + 1}`;
    const make = fileSystem === "ntfs" ? ["mkntfs", "-F", "-Q", "-q", device] : ["mkfs.vfat", device];
    execFileSync(make[0] ?? "", make.slice(1), { stdio: "ignore" });
    disk.facts.partitions.push({ name: device, sizeBytes: 12 * 1024 ** 2, fileSystem, label: "" });
    if (index + 1 !== windows) continue;
    const folder = join(testFolder(t), "made");
    mkdirSync(folder);
    execFileSync("ntfs-3g", [device, folder]);
    mkdirSync(join(folder, "WINDOWS", "system32", "Config"), { recursive: true });
    writeFileSync(join(folder, "WINDOWS", "system32", "Config", "SYSTEM"), "regf");
    execFileSync("umount", [folder]);
  }
  return disk.facts;
}

test("_OSDDetectedWinDrive and _OSDDetectedWinDir in a Linux PE: the first Windows on a hard drive, with a letter", async (t) => {
  const [empty, old] = [madeDisk(t, ["ntfs"], null), madeDisk(t, ["vfat", "ntfs"], 2)];
  const work = testFolder(t);
  const find = (disks: Parameters<typeof findInstalledVolume>[0]) =>
    findInstalledVolume(disks, linuxSequenceMachine, work);
  const place = await find([empty, old]);
  assert.equal(place, `2 ${old.identity}`);
  assert.equal(await find([empty]), null);
  assert.equal(await find([{ ...old, removable: true }]), null, "no hard drive");
  assert.equal(await find([{ ...old, systemUses: ["holds the root file system"] }]), null);
  const mounts = execFileSync("cat", ["/proc/self/mounts"], { encoding: "utf8" });
  assert.ok(!mounts.includes(work), "nothing stays mounted");
  const rows: [Record<string, string>, string][] = [
    [{}, "C"],
    [{ _VolleyVolumeC: `1 ${empty.identity}` }, "D"],
    [{ _VolleyVolumeC: `1 ${empty.identity}`, _VolleyVolumeE: place }, "E"],
  ];
  for (const [given, letter] of rows) {
    const environment = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
    for (const [name, value] of Object.entries(given)) environment.set(name, value, { readOnly: true });
    noteInstalled(environment, place);
    assert.equal(environment.get("_OSDDetectedWinDrive"), `${letter}:`);
    assert.equal(environment.get("_OSDDetectedWinDir"), `${letter}:\\Windows`);
    assert.equal(environment.get(`_VolleyVolume${letter}`), place);
  }
});
