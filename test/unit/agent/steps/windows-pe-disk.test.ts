/**
 * A sequence in Windows PE puts the image of a whole disk onto the disk: it is fitted by the addon and diskpart, and the steps that
 * follow find the Windows on it. Fitting itself, with the tables and volumes that come of it: test/e2e/windows-fit.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { listDisks } from "../../../../agent/platform/windows/disks.ts";
import type { WindowsDisk } from "../../../../agent/platform/windows/facts.ts";
import { fitDisk } from "../../../../agent/platform/windows/fit-disk.ts";
import { readSequences } from "../../../../agent/sequence/reading/read.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { rewriteDisk } from "../../../../native/index.ts";
import { runInWindowsPe } from "../../../fixtures/sequence-in-pe.ts";
import { sequenceText, step, variable } from "../../../fixtures/sequence-text.ts";
import { doubleDiskOf, windowsDiskOf, type ShownDisk } from "../../../fixtures/shown-disk.ts";
import { laptop } from "../../../fixtures/windows-facts.ts";
import { writeWindows } from "../../../fixtures/windows-image.ts";
import { giveAgent, makeRoom, type Room } from "../../../fixtures/windows-room.ts";

const mebibyte = 2 ** 20;
const data = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
const apply = variable("ImagePackageID", "VOL00001");

interface PeRoom extends Room {
  shown: ShownDisk;
  /** What was done up to the writing, in order. */
  order: string[];
}

function makeFile(path: string, megabytes: number): string {
  writeFileSync(path, "");
  truncateSync(path, megabytes * mebibyte);
  return path;
}

/** A disk of 96 MiB with something on it; the image has 64, of them 8 for a volume of data and 42 for Windows. */
function makePe(t: Test, content: "windows" | "nothing"): PeRoom {
  const room = makeRoom(t, "winpe");
  rmSync(join(room.folder, "C"), { recursive: true });
  for (const letter of ["C", "F"]) mkdirSync(join(room.folder, letter));
  const file = makeFile(join(room.folder, "disk-0"), 96);
  execFileSync("sfdisk", ["--quiet", file], { input: `label: gpt\nsize=8MiB, type=${data}\n` });
  const image = makeFile(join(room.folder, "image-of-a-disk"), 64);
  execFileSync("sfdisk", ["--quiet", image], {
    input: `label: gpt\nsize=8MiB, type=uefi\nsize=8MiB, type=${data}\nsize=42MiB, type=${data}\n`,
  });
  for (const [megabytes, start] of [
    [8, 9],
    [42, 17],
  ] as const) {
    const volume = makeFile(join(room.folder, "volume"), megabytes);
    execFileSync("mkntfs", ["-F", "-Q", "-q", volume], { stdio: "ignore" });
    const words = [`if=${volume}`, `of=${image}`, "bs=1M", `seek=${start}`, "conv=notrunc"];
    execFileSync("dd", words, { stdio: "ignore" });
  }
  const shown: ShownDisk = {
    path: file,
    file,
    sizeBytes: 96 * mebibyte,
    sectorBytes: 512,
    volumes: new Map(),
  };
  const pe: PeRoom = { ...room, shown, order: [] };
  room.machine.disks = [doubleDiskOf(shown)];
  const disks = (): WindowsDisk[] => {
    const disk = windowsDiskOf(shown);
    const letters = room.machine.disks[0]?.partitions.map(({ letter }) => letter) ?? [];
    const partitions = disk.partitions.map((one, index) => {
      const letter = letters[index] ?? null;
      return { ...one, mountPoints: letter === null ? [] : [`${letter}:\\`] };
    });
    return [{ ...disk, partitions }];
  };
  const facts = { ...laptop(true), disks };
  giveAgent(room);
  Object.assign(room.services, {
    disks: { list: () => Promise.resolve(listDisks(facts)) },
    imageApplier: {
      formatOf: () => Promise.resolve("disk"),
      diskDemand: () =>
        Promise.resolve({
          rule: { removable: false },
          image: { name: "lab", smallestDiskBytes: 64 * mebibyte, sectorBytes: 512, firmware: ["uefi"] },
          firmware: "uefi",
          contentBytes: mebibyte,
        }),
      writeTo({ device }: { device: string }) {
        pe.order.push(`write ${device}`);
        copyFileSync(image, file);
        truncateSync(file, shown.sizeBytes);
        room.machine.disks = [doubleDiskOf(shown)];
        // The double of diskpart gives the letter that is free.
        if (content === "windows") writeWindows(join(room.folder, "C"));
        return Promise.resolve("all of it by multicast");
      },
    },
    diskFitting: {
      fit: (path: string, wish: { partitionsBefore: readonly string[] }) =>
        fitDisk(path, wish, {
          facts,
          tools: room.platformTools(),
          rewrite: async (options) => void (await rewriteDisk(options).result),
        }),
      fitVolume: () => assert.fail("no volume is fitted"),
    },
    ownFiles: { close: async () => void pe.order.push("own files closed") },
    plans: { show: async (lines: string[]) => void pe.order.push(...lines) },
  });
  return pe;
}

test("it is written, fitted, and set up by the steps that follow", async (t) => {
  const pe = makePe(t, "windows");
  const steps = [
    step("ApplyOperatingSystem", "Image", apply),
    step("ApplyWindowsSettings", "Settings", variable("ComputerName", "LAB-07")),
    step("SetupWindowsAndSMS", "Setup", ""),
  ];
  const [read] = await readSequences(Buffer.from(sequenceText(...steps)));
  assert.ok(read);
  const { end, environment, story } = await runInWindowsPe(read.sequence, {
    uefi: true,
    services: pe.services,
    tools: pe.tools(),
    packages: {},
    variables: {},
  });
  assert.equal(end.kind, "restart", story);
  const [plan = "", lost = "", ...rest] = pe.order;
  assert.match(plan, /^Everything on .*disk-0 .* is replaced by image VOL00001:$/);
  assert.match(lost, /lost: partition 1/);
  assert.deepEqual(rest, ["own files closed", `write ${pe.shown.path}`]);
  assert.match(story, /Windows was grown by .*, to the end of/);
  const { done } = pe.machine;
  assert.ok(done.includes("extend"), done.join("\n"));
  assert.equal(environment.get("OSDTargetSystemDrive"), "C:");
  assert.equal(environment.get("OSDTargetSystemRoot"), "C:\\Windows");
  const letters = pe.machine.disks[0]?.partitions.map(({ letter }) => letter);
  assert.deepEqual(
    letters,
    [null, null, "C"],
    "the largest volume is looked at first, and no other gets a letter",
  );
  const on = (path: string): string => readFileSync(join(pe.folder, "C", path), "utf8");
  assert.match(on("Windows/Panther/Unattend/Unattend.xml"), /<ComputerName>LAB-07</);
  assert.match(on("Windows/Setup/Scripts/SetupComplete.cmd"), /Volley\\Agent\\volley-agent\.exe resume/);
  assert.equal(on("Windows/Volley/Agent/volley-agent.exe"), "agent");
});

test("a disk without a Windows is said to have none, and no volume of it keeps a letter", async (t) => {
  const pe = makePe(t, "nothing");
  const { context, outcome } = await pe.perform("ApplyOperatingSystem", { ImagePackageID: "VOL00001" });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(context.lines.join("\n"), /No operating system was found on .*disk-0/);
  assert.deepEqual(
    pe.machine.disks[0]?.partitions.map(({ letter }) => letter),
    [null, null, null],
  );
  assert.equal(context.variables.get("OSDTargetSystemDrive"), "");
});

test("no step takes a disk that was not fitted for an applied Windows", async (t) => {
  const pe = makePe(t, "windows");
  const fails = new VolleyError("E_TOOL_FAILED", "diskpart does not extend partition 3");
  const fail = (): Promise<string[]> => Promise.reject(fails);
  pe.services.diskFitting = { fit: fail, fitVolume: fail };
  const { context, outcome } = await pe.perform("ApplyOperatingSystem", { ImagePackageID: "VOL00001" });
  assert.equal(outcome.exitCode, codes.failed);
  assert.match(
    outcome.text,
    /which did not become this computer's own: E_TOOL_FAILED: diskpart does not extend/,
  );
  assert.equal(context.variables.get("OSDTargetSystemDrive"), "");
});
