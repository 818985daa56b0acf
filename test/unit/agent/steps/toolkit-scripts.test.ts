/** Steps of the toolkit that are done without its scripts: variables, shares, opting in, preload, suspending. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findStepKind } from "../../../../agent/steps/catalogue.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { splitWords } from "../../../../agent/steps/command-words.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { processTools, testContext } from "../../../fixtures/step-context.ts";
import { drives, performScript } from "../../../fixtures/toolkit-step.ts";
import { fakeProgram } from "../../../fixtures/windows-image.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";
import { connectionsOf, registryOf } from "../../../fixtures/windows-tools/user-tools.ts";

test("Coalesce Variables: what the reference says of it", async () => {
  const example = {
    ComputerPackages100: "XXX00001:Program",
    ComputerPackages110: "XXX00002:Program",
    CollectionPackages150: "XXX00003:Program",
    Packages001: "XXX00004:Program",
  };
  const rows: [
    rule: string,
    given: Record<string, string>,
    script: string,
    wanted: Record<string, string>,
  ][] = [
    [
      "the reference's example, by CoalescePattern and CoalesceTarget",
      { ...example, CoalescePattern: "Packages", CoalesceTarget: "PACKAGES" },
      "",
      {
        PACKAGES001: "XXX00004:Program",
        PACKAGES002: "XXX00001:Program",
        PACKAGES003: "XXX00002:Program",
        PACKAGES004: "XXX00003:Program",
        ComputerPackages110: "XXX00002:Program",
      },
    ],
    ["PACKAGES where nothing is said", { XPackages7: "a" }, "", { PACKAGES001: "a" }],
    [
      "CoalesceDigits of 2 creates PACKAGE03",
      { Apps5: "a" },
      "/CoalesceDigits:2 /CoalescePattern:Apps",
      { PACKAGES01: "a" },
    ],
    [
      "no gap, and nothing left behind the list's end",
      { PACKAGES001: "a", PACKAGES003: "b", PACKAGES010: "c" },
      "",
      { PACKAGES001: "a", PACKAGES002: "b", PACKAGES003: "c", PACKAGES010: "" },
    ],
    [
      "a pattern, and a list of another name",
      { SiteApp1: "a", RoomApp1: "b", OtherApp1: "c", CoalescePattern: "^(Site|Room)App" },
      "/CoalesceTarget:APPS",
      { APPS001: "b", APPS002: "a", APPS003: "" },
    ],
    [
      "names without a number, and read-only ones, are no items",
      { PackageSelectionProfile: "All", _Packages001: "secret", Packages9: "a" },
      "",
      { PACKAGES001: "a", PACKAGES002: "", _Packages001: "secret", PackageSelectionProfile: "All" },
    ],
  ];
  for (const system of ["winpe", "linuxpe", "windows", "linux"] as const) {
    for (const [rule, variables, script, wanted] of rows) {
      const { context, outcome } = await performScript("ZTICoalesce", { system, variables, script });
      assert.equal(outcome.exitCode, 0, `${rule}: ${outcome.text}`);
      for (const [name, value] of Object.entries(wanted)) {
        assert.equal(context.variables.get(name), value, `${rule}: ${name}`);
      }
    }
  }
  const refused: [Record<string, string>, string][] = [
    [{ CoalescePattern: "(" }, ""],
    [{ Packages1: "a" }, "/CoalesceDigits:0"],
    [{ Packages1: "a" }, "/CoalesceDigits:three"],
  ];
  for (const [variables, script] of refused) {
    const { context, outcome } = await performScript("ZTICoalesce", { variables, script });
    assert.equal(outcome.exitCode, codes.invalidSetting, script);
    assert.equal(context.variables.get("PACKAGES001"), "");
  }
});

/** mount.cifs mounts `share` where it is told, with what it reads of the credentials. */
function cifs(share: string, seen: string[]): Tools {
  return {
    run(run) {
      const [program, source = "", folder = "", , option = ""] = run.command;
      if (program !== "mount.cifs") return processTools.run(run);
      const file = /^credentials=(.+)$/.exec(option)?.[1];
      seen.push(source, file === undefined ? option : readFileSync(file, "utf8"));
      if (!source.startsWith("//server/share")) {
        return Promise.resolve({ exitCode: 32, output: "mount error(2)", timedOut: false });
      }
      return processTools.run({ command: ["mount", "--bind", share, folder] });
    },
  };
}

test("Connect to Deployment Share on Linux: the share is there for every step after it", async (t) => {
  // Before the folder's own: what was asked for first is done first.
  t.after(() => {
    for (const name of readdirSync(join(folder, "work/shares"))) {
      execFileSync("umount", [join(folder, "work/shares", name)]);
    }
  });
  const folder = testFolder(t);
  const share = join(folder, "share");
  mkdirSync(join(share, "Logs"), { recursive: true });
  mkdirSync(join(folder, "logs"));
  writeFileSync(join(folder, "logs", "smsts.log"), "log");
  const seen: string[] = [];
  const context = testContext({
    variables: {
      UserDomain: "CORP",
      UserID: "deploy",
      UserPassword: "pa55",
      SLShare: "\\\\SERVER\\Share\\logs",
      _SMSTSLogPath: join(folder, "logs"),
      OSDComputerName: "PC1",
    },
    services: { folders: { work: join(folder, "work") } },
    tools: cifs(share, seen),
  });
  const run = (type: string, action = "") => {
    const kind = findStepKind(type);
    assert.ok(kind, type);
    return kind.perform({ ...context, step: { ...context.step, action } });
  };
  const connect = (path: string) => run("ZTIConnect", `cscript.exe "x\\ZTIConnect.wsf" /uncpath:${path}`);
  const early = await run("ZTICopyLogs");
  assert.equal(early.exitCode, codes.notFound, "a share that nothing connected is not a folder of the PE");
  assert.match(early.text, /is not connected/);
  assert.equal((await connect("\\\\server\\share")).exitCode, 0);
  assert.deepEqual(seen, ["//server/share", "username=deploy\npassword=pa55\ndomain=CORP\n"]);
  assert.equal((await run("ZTICopyLogs")).exitCode, 0);
  assert.equal(readFileSync(join(share, "Logs/PC1/smsts.log"), "utf8"), "log");
  assert.equal(
    (await connect('"\\\\server\\share\\Logs"')).exitCode,
    0,
    "a folder of it, which is connected",
  );
  assert.equal(seen.length, 2);
  assert.equal((await connect("\\\\server\\share\\None")).exitCode, codes.fileNotFound);
  assert.equal((await connect("\\\\other\\share")).exitCode, 32);
  for (const path of ["", "C:\\share", "\\\\server"]) {
    assert.equal((await connect(path)).exitCode, codes.invalidSetting, path);
  }
  context.variables.set("UserPassword", "");
  assert.equal((await connect("\\\\server\\second")).exitCode, codes.invalidSetting);
  const said = [...context.lines, ...context.runs.flatMap(({ command }) => command)].join("\n");
  assert.doesNotMatch(said, /pa55/);
});

test("Connect to Deployment Share on Windows: net use, with the password at its prompt", async () => {
  for (const system of ["winpe", "windows"] as const) {
    const machine = doubleMachine({ inPe: system === "winpe" });
    const variables = {
      UserDomain: "CORP",
      UserID: "deploy",
      UserPassword: "pa55",
      ScriptRoot: "C:\\Scripts",
    };
    const { context, outcome } = await performScript("ZTIConnect", {
      system,
      variables,
      script: "/UNCPath:\\\\server\\share",
      tools: windowsTools(machine, allTools()),
    });
    assert.equal(outcome.exitCode, 0, outcome.text);
    assert.deepEqual([...connectionsOf(machine)], ["\\\\server\\share"]);
    assert.deepEqual(machine.done, ["net use \\\\server\\share CORP\\deploy"]);
    assert.equal(machine.state.get("share password"), "pa55");
    assert.equal(context.runs.length, 1, "the toolkit's script is not run, although ScriptRoot names it");
  }
});

test("Opt In to CEIP and WER: YES takes part, and everything else does not", async (t) => {
  const ceip = "hklm\\software\\microsoft\\sqmclient\\windows";
  const wer = "hklm\\software\\microsoft\\windows\\windows error reporting";
  const rows: [script: string, ceip: string, wer: string][] = [
    ["/CEIP:YES /WER:YES", "1", "0"],
    ["/ceip:yes /wer:no", "1", "1"],
    ["/WER:YES", "0", "0"],
    ["/CEIP:TRUE /WER:1", "0", "1"],
    ["", "0", "1"],
  ];
  for (const [script, enabled, disabled] of rows) {
    const folder = testFolder(t);
    mkdirSync(join(folder, "C/Windows/System32"), { recursive: true });
    writeFileSync(join(folder, "C/Windows/System32/ntoskrnl.exe"), fakeProgram());
    for (const system of ["windows", "winpe"] as const) {
      const machine = doubleMachine({ inPe: false });
      const tools = windowsTools(machine, allTools());
      const { outcome } = await performScript("ZTIOptIn", {
        system,
        script,
        tools,
        variables: { OSDTargetSystemDrive: "C:" },
        services: drives(folder),
      });
      assert.equal(outcome.exitCode, 0, outcome.text);
      if (system === "winpe") {
        assert.equal(registryOf(machine).size, 0, "the PE's own registry is no matter");
        const answers = readFileSync(join(folder, "C/Windows/Panther/Unattend/Unattend.xml"), "utf8");
        for (const [, line = ""] of answers.matchAll(/<Path>(.*?)<\/Path>/g)) {
          const ran = await tools.run({ command: splitWords(line.replaceAll("&quot;", '"')) });
          assert.equal(ran.exitCode, 0, ran.output);
        }
      }
      assert.equal(registryOf(machine).get(ceip)?.get("ceipenable"), `REG_DWORD ${enabled}`, script);
      assert.equal(registryOf(machine).get(wer)?.get("disabled"), `REG_DWORD ${disabled}`, script);
    }
  }
  const none = await performScript("ZTIOptIn", { system: "linuxpe", script: "/CEIP:YES" });
  assert.equal(none.outcome.exitCode, codes.notFound, "no Windows was applied");
});

test("Prepare OEM Preload: the share's content on the computer's disk", async (t) => {
  const folder = testFolder(t);
  mkdirSync(join(folder, "E/Deploy/Control"), { recursive: true });
  writeFileSync(join(folder, "E/Deploy/Control/CustomSettings.ini"), "[Settings]");
  writeFileSync(join(folder, "E/Deploy/Version.xml"), "1");
  mkdirSync(join(folder, "C"));
  const variables = { DeployRoot: "E:\\Deploy", OSDisk: "C:" };
  const machine = doubleMachine();
  const options = {
    system: "winpe",
    services: drives(folder),
    tools: windowsTools(machine, allTools()),
  } as const;
  const { context, outcome } = await performScript("LTIOEM", { ...options, variables });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.equal(readFileSync(join(folder, "C/Deploy/Control/CustomSettings.ini"), "utf8"), "[Settings]");
  assert.deepEqual(readdirSync(join(folder, "C/Deploy")).toSorted(), ["Control", "Version.xml"]);
  assert.equal(context.variables.get("_DoNotCleanLiteTouch"), "TRUE");
  const rows: [Record<string, string>, string, "winpe" | "linuxpe" | "windows", number][] = [
    [{ OSDisk: "C:" }, "", "winpe", codes.notFound],
    [{ DeployRoot: "E:\\Deploy" }, "", "winpe", codes.notFound],
    [{ ...variables, DeployRoot: "E:\\None" }, "", "winpe", codes.fileNotFound],
    [{ ...variables, DeployRoot: join(folder, "E/Deploy") }, "/BDE", "linuxpe", codes.notSupported],
    [variables, "/BITLOCKER", "windows", codes.notSupported],
  ];
  for (const [given, script, system, exitCode] of rows) {
    const ran = await performScript("LTIOEM", { ...options, system, variables: given, script });
    assert.equal(ran.outcome.exitCode, exitCode, ran.outcome.text);
    assert.equal(ran.context.variables.get("_DoNotCleanLiteTouch"), "");
  }
});

test("Lite Touch Suspend: waits for who starts its shortcut, also after a restart in between", async (t) => {
  const folder = testFolder(t);
  const shortcut = join(folder, "C/Users/Public/Desktop/Resume Task Sequence.cmd");
  /** What the shortcut makes, as Windows' command shell would. */
  const start = (): void => {
    const line = /^type nul > "C:\\(.+)"\r$/m.exec(readFileSync(shortcut, "utf8"))?.[1];
    assert.ok(line);
    writeFileSync(join(folder, "C", ...line.split("\\")), "");
  };
  const kind = findStepKind("LTISuspend");
  assert.ok(kind);
  const ending = new AbortController();
  const first = testContext({ system: "windows", services: drives(folder) });
  let ended = false;
  const cut = kind.perform({ ...first, signal: ending.signal, progress: () => ending.abort() });
  await assert.rejects(
    cut.finally(() => (ended = true)),
    { code: "E_CANCELLED" },
  );
  assert.ok(ended && existsSync(shortcut));
  start();
  const resumed = testContext({ system: "windows", services: drives(folder) });
  assert.equal((await kind.perform(resumed)).exitCode, 0);
  assert.ok(!existsSync(shortcut), "nobody can resume what goes on");
  assert.deepEqual(readdirSync(join(folder, "C/ProgramData/Volley Resume")), []);
  const waiting = testContext({ system: "windows", services: drives(folder) });
  const said: string[] = [];
  const outcome = await kind.perform({
    ...waiting,
    progress(_fraction, doing) {
      said.push(doing);
      if (said.length === 1) start();
    },
  });
  assert.equal(outcome.exitCode, 0);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^Suspended until somebody starts ".*Resume Task Sequence\.cmd"$/);
  const work = join(folder, "own folder's");
  const linux = testContext({ system: "linux", services: { folders: { work } } });
  const program = join(work, "resume-task-sequence");
  const onLinux = await kind.perform({ ...linux, progress: () => void execFileSync(program) });
  assert.equal(onLinux.exitCode, 0);
  assert.ok(linux.lines.join("\n").includes(program));
  assert.equal(statSync(work).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(work), []);
});

test("what no documentation says stays the toolkit's script, and says so", () => {
  const reasonOf = (type: string, system: "winpe" | "linuxpe" | "windows" | "linux"): string => {
    const support = findStepKind(type)?.support[system];
    assert.ok(support !== undefined && support.kind !== "real", type);
    return `${support.kind}: ${support.reason}`;
  };
  assert.match(reasonOf("BDD_ExecuteRunbook", "linuxpe"), /^unsupported: .*System Center Orchestrator/);
  assert.match(
    reasonOf("BDD_ExecuteRunbook", "windows"),
    /^adapted: .*own script.*System Center Orchestrator/,
  );
  assert.match(reasonOf("ZTIModifyVars", "linux"), /^unsupported: .*documented nowhere/);
  for (const type of ["BDD_ConfigureADDS", "BDD_ConfigureDNS", "BDD_ConfigureDHCP", "BDD_AuthorizeDHCP"]) {
    assert.match(reasonOf(type, "linux"), /^unsupported: .*Windows Server/);
  }
});
