/** What is captured in a Linux PE and comes back, and the hand-over to Windows. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
import { test } from "node:test";
import { captureOperatingSystemImage } from "../../../../agent/steps/capture-operating-system-image.ts";
import { captureUserState } from "../../../../agent/steps/capture-user-state.ts";
import { captureWindowsSettings } from "../../../../agent/steps/capture-windows-settings.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { restoreUserState } from "../../../../agent/steps/restore-user-state.ts";
import { setupWindows } from "../../../../agent/steps/setup-windows.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { decryptFile, encryptFile } from "../../../../agent/steps/user-state/archive.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { writeHive } from "../../../fixtures/hives.ts";
import { processTools, testContext } from "../../../fixtures/step-context.ts";
import { windowsVolume } from "../../../fixtures/windows-volume.ts";

const key = "0123456789abcdef".repeat(4);

test("Capture Windows Settings from the registry of a Windows on the disk", async (t) => {
  const volume = await windowsVolume(t);
  const root = await hostPath(volume.context(), "C:\\");
  const config = join(root, "Windows/System32/config");
  writeHive(
    join(config, "SYSTEM"),
    [
      '[HKEY_LOCAL_MACHINE\\TEST\\Select]\n"Current"=dword:00000002\n',
      '[HKEY_LOCAL_MACHINE\\TEST\\ControlSet001\\Control\\ComputerName\\ComputerName]\n"ComputerName"="WRONG"\n',
      '[HKEY_LOCAL_MACHINE\\TEST\\ControlSet002\\Control\\ComputerName\\ComputerName]\n"ComputerName"="OLD-PC"\n',
      '[HKEY_LOCAL_MACHINE\\TEST\\ControlSet002\\Control\\TimeZoneInformation]\n"TimeZoneKeyName"="W. Europe Standard Time"\n',
    ].join("\n"),
  );
  writeHive(
    join(config, "SOFTWARE"),
    '[HKEY_LOCAL_MACHINE\\TEST\\Microsoft\\Windows NT\\CurrentVersion]\n"RegisteredOwner"="Ada"\n"RegisteredOrganization"="Example"\n',
  );
  const context = volume.context({ properties: { MigrateTimeZone: "false" } });
  const outcome = await captureWindowsSettings.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  const rows: [string, string][] = [
    ["OSDComputerName", "OLD-PC"],
    ["OSDRegisteredUserName", "Ada"],
    ["OSDRegisteredOrgName", "Example"],
    ["OSDTimeZone", ""],
  ];
  for (const [name, value] of rows) assert.equal(context.variables.get(name), value, name);
});

test("a Windows without a letter is found on the disks, and one that is not there is said so", async (t) => {
  const volume = await windowsVolume(t);
  const first = volume.context();
  const root = await hostPath(first, "C:\\");
  writeHive(
    join(root, "Windows/System32/config/SYSTEM"),
    '[HKEY_LOCAL_MACHINE\\TEST\\ControlSet001\\Control\\ComputerName\\ComputerName]\n"ComputerName"="FOUND"\n',
  );
  execFileSync("umount", [root]);
  const services = first.services ?? {};
  const context = testContext({ services });
  const outcome = await captureWindowsSettings.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.equal(context.variables.get("OSDComputerName"), "FOUND");
  const none = testContext({ services: { ...services, disks: { list: () => Promise.resolve([]) } } });
  assert.equal((await captureWindowsSettings.perform(none)).exitCode, codes.notFound);
});

test("an archive is read back with its key alone, and whole alone", async (t) => {
  const folder = testFolder(t);
  const at = (name: string): string => join(folder, name);
  for (const bytes of [0, 1, 70_000]) {
    writeFileSync(at("plain"), Buffer.alloc(bytes, 7));
    await encryptFile(at("plain"), at("sealed"), key);
    assert.equal(statSync(at("sealed")).mode & 0o777, 0o600);
    await decryptFile(at("sealed"), at("back"), key);
    assert.ok(readFileSync(at("back")).equals(readFileSync(at("plain"))));
    assert.ok(bytes < 100 || !readFileSync(at("sealed")).includes(Buffer.alloc(100, 7)));
  }
  const sealed = readFileSync(at("sealed"));
  const changes: [string, () => void, string][] = [
    ["another key", () => {}, key.replace("0", "1")],
    [
      "a changed byte",
      () =>
        writeFileSync(
          at("sealed"),
          Buffer.from(sealed.map((byte, index) => (index === 500 ? byte ^ 1 : byte))),
        ),
      key,
    ],
    [
      "a changed nonce",
      () =>
        writeFileSync(
          at("sealed"),
          Buffer.from(sealed.map((byte, index) => (index === 9 ? byte ^ 1 : byte))),
        ),
      key,
    ],
    ["cut short", () => truncateSync(at("sealed"), sealed.length - 20), key],
    ["nearly nothing", () => truncateSync(at("sealed"), 30), key],
    ["no key", () => writeFileSync(at("sealed"), sealed), ""],
  ];
  for (const [name, change, wrong] of changes) {
    writeFileSync(at("sealed"), sealed);
    change();
    await assert.rejects(
      decryptFile(at("sealed"), at("never"), wrong),
      { exitCode: codes.invalidData },
      name,
    );
    assert.ok(!existsSync(at("never")), name);
  }
});

test("user state goes from a Linux PE to the store and back into another Windows", async (t) => {
  const volume = await windowsVolume(t);
  const store = join(volume.folder, "store");
  const root = await hostPath(volume.context(), "C:\\");
  const put = (path: string, content: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  put("Windows/System32/config/SYSTEM", "");
  put("Users/Ada/Documents/Thesis ä.txt", "words");
  put("Users/Ada/AppData/Roaming/Microsoft/Windows/Start Menu/a.lnk", "link");
  put("Users/Ada/AppData/Local/cache.bin", "no");
  put("Users/Default/Documents/no.txt", "no");
  const variables = { OSDStateStorePath: store, _VolleyStateStoreKey: key };
  const context = volume.context({ variables });
  const outcome = await captureUserState.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.deepEqual(readdirSync(store), ["volley-user-state"]);
  assert.ok(!readFileSync(join(store, "volley-user-state")).includes("words"));
  assert.deepEqual(
    readdirSync(join(volume.folder, "work")).filter((name) => name.startsWith("state-")),
    [],
  );
  const target = join(volume.folder, "new");
  mkdirSync(target);
  const tools: Tools = {
    run: (run) => processTools.run({ ...run, command: ["tar", ...run.command.slice(1)] }),
  };
  const windows = (more: Record<string, string> = {}) =>
    testContext({
      system: "windows",
      variables: { ...variables, ...more },
      tools,
      services: { folders: { work: join(volume.folder, "work2"), driveRoot: () => target } },
    });
  const wrong = await restoreUserState.perform(windows({ _VolleyStateStoreKey: key.replace("0", "1") }));
  assert.equal(wrong.exitCode, codes.invalidData);
  const restored = await restoreUserState.perform(windows());
  assert.equal(restored.exitCode, 0, `${restored.text}\n${restored.output}`);
  assert.equal(readFileSync(join(target, "Users/Ada/Documents/Thesis ä.txt"), "utf8"), "words");
  assert.ok(existsSync(join(target, "Users/Ada/AppData/Roaming/Microsoft/Windows/Start Menu/a.lnk")));
  assert.ok(!existsSync(join(target, "Users/Ada/AppData/Local")));
  assert.ok(!existsSync(join(target, "Users/Default/Documents")));
  assert.equal(
    (await captureUserState.perform(volume.context({ variables: { OSDStateStorePath: "" } }))).exitCode,
    codes.notFound,
  );
});

test("a Windows is captured as a WIM without what is its computer's own, and goes to the site", async (t) => {
  const volume = await windowsVolume(t);
  const root = await hostPath(volume.context(), "C:\\");
  writeFileSync(join(root, "Windows/System32/config/SYSTEM"), "");
  writeFileSync(join(root, "pagefile.sys"), "no");
  mkdirSync(join(root, "_SMSTaskSequence"));
  writeFileSync(join(root, "_SMSTaskSequence/secret"), "no");
  const kept = join(volume.folder, "uploaded.wim");
  let named = "";
  const context = volume.context({
    properties: { ImageDescription: "Reference", ImageVersion: "7" },
    variables: { OSDComputerName: "REF" },
    services: {
      uploads: {
        image({ description, name, path, progress }) {
          writeFileSync(kept, readFileSync(path));
          named = `${name}: ${description}`;
          progress(1);
          return Promise.resolve();
        },
      },
    },
  });
  const outcome = await captureOperatingSystemImage.perform(context);
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.equal(named, "REF image: Reference, version 7");
  const listing = execFileSync("wimlib-imagex", ["dir", kept, "1"], { encoding: "utf8" });
  assert.match(listing, /^\/Users\/Public\/marker\.txt$/m);
  assert.doesNotMatch(listing, /pagefile|_SMSTaskSequence/);
  assert.deepEqual(
    readdirSync(join(volume.folder, "work")).filter((name) => name.startsWith("capture")),
    [],
  );
  const toDrive = volume.context({ properties: { CaptureDestination: "C:\\images\\own.wim" } });
  const second = await captureOperatingSystemImage.perform({
    ...toDrive,
    services: { ...toDrive.services, folders: { work: join(volume.folder, "work") } },
  });
  assert.notEqual(second.exitCode, 0, "the volume that is captured cannot take the image");
});

test("a Windows is captured onto a share, which is let go of afterwards", async (t) => {
  const volume = await windowsVolume(t);
  const root = await hostPath(volume.context(), "C:\\");
  writeFileSync(join(root, "Windows/System32/config/SYSTEM"), "");
  const share = join(volume.folder, "share");
  mkdirSync(share);
  const seen: string[] = [];
  // Another computer's share is a folder of this one; all else is real.
  const tools: Tools = {
    run(run) {
      if (run.command[0] !== "mount.cifs") return processTools.run(run);
      const file = /credentials=(.*)/.exec(run.command.at(-1) ?? "")?.[1] ?? "";
      seen.push(run.command[1] ?? "", readFileSync(file, "utf8"));
      return processTools.run({ command: ["mount", "--bind", share, run.command[2] ?? ""] });
    },
  };
  const properties = {
    CaptureDestination: "\\\\server\\images\\lab\\ref.wim",
    CaptureUsername: "CORP\\capture",
    CapturePassword: "pa55",
  };
  const outcome = await captureOperatingSystemImage.perform(volume.context({ properties, tools }));
  assert.equal(outcome.exitCode, 0, `${outcome.text}\n${outcome.output}`);
  assert.deepEqual(seen, ["//server/images", "username=capture\npassword=pa55\ndomain=CORP\n"]);
  const listing = execFileSync("wimlib-imagex", ["dir", join(share, "lab/ref.wim"), "1"], {
    encoding: "utf8",
  });
  assert.match(listing, /^\/Users\/Public\/marker\.txt$/m);
  assert.deepEqual(readdirSync(join(volume.folder, "work", "shares")), []);
  assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), new RegExp(`${volume.folder}/work/shares`));
});

test("Setup Windows: variables in the answer file, the agent, SetupComplete.cmd", async (t) => {
  const volume = await windowsVolume(t);
  const agent = join(volume.folder, "agent");
  mkdirSync(agent);
  writeFileSync(join(agent, "volley-agent.exe"), "agent");
  const services = {
    agentFiles: {
      windows: () =>
        Promise.resolve({ folder: agent, place: "Volley\\Agent", command: "volley-agent.exe resume" }),
    },
  };
  const root = await hostPath(volume.context(), "C:\\");
  const answerFile = join(root, "Windows/Panther/Unattend/Unattend.xml");
  mkdirSync(join(answerFile, ".."), { recursive: true });
  const component =
    'name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS"';
  writeFileSync(
    answerFile,
    `<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize"><component ${component}><ComputerName>%OSDComputerName%</ComputerName><RegisteredOwner>%SystemRoot% &amp; %Owner%</RegisteredOwner></component></settings></unattend>`,
  );
  mkdirSync(join(root, "Windows/Setup/Scripts"), { recursive: true });
  writeFileSync(join(root, "Windows/Setup/Scripts/SetupComplete.cmd"), "rem of the image");
  const variables = { OSDComputerName: "PC<1>", Owner: "A & B", _VolleyDisableAdministrator: "true" };
  for (let round = 0; round < 2; round += 1) {
    const context = volume.context({ variables, services });
    const outcome = await setupWindows.perform(context);
    assert.equal(outcome.exitCode, 0, outcome.text);
    assert.equal(context.variables.get("SMSTSRebootRequested"), "HD");
  }
  const text = readFileSync(answerFile, "utf8");
  assert.match(text, /<ComputerName>PC&lt;1&gt;</);
  assert.match(text, /<RegisteredOwner>%SystemRoot% &amp; A &amp; B</);
  const script = readFileSync(join(root, "Windows/Setup/Scripts/SetupComplete.cmd"), "utf8");
  assert.match(script, /call "%~dp0SetupComplete\.image\.cmd"/);
  assert.match(script, /Disable-LocalUser/);
  assert.match(script, /\r\ncall %SystemRoot%\\Volley\\Agent\\volley-agent\.exe resume\r\n/);
  assert.equal(
    readFileSync(join(root, "Windows/Setup/Scripts/SetupComplete.image.cmd"), "utf8"),
    "rem of the image",
  );
  assert.ok(existsSync(join(root, "Windows/Volley/Agent/volley-agent.exe")));
  assert.equal((await setupWindows.perform(volume.context({ variables }))).exitCode, codes.notReadyYet);
});
