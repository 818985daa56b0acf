/** Steps of the Microsoft Deployment Toolkit. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { findStepKind } from "../../../../agent/steps/catalogue.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { ReadinessFacts, StepServices } from "../../../../agent/steps/services.ts";
import type { StepKind, Tools } from "../../../../agent/steps/step.ts";
import { applyRules, parseRules } from "../../../../agent/steps/toolkit/rules.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { testContext, type TestContextOptions } from "../../../fixtures/step-context.ts";
import { fakeProgram } from "../../../fixtures/windows-image.ts";

function kindOf(type: string): StepKind {
  const kind = findStepKind(type);
  assert.ok(kind, type);
  return kind;
}

async function perform(type: string, options: TestContextOptions) {
  const context = testContext(options);
  return { outcome: await kindOf(type).perform(context), variables: context.variables, context };
}

/** Variables after rules; `given` stands before. */
function rules(
  text: string,
  given: Record<string, string> = {},
): { values: Record<string, string>; used: string[] } {
  const values = new Map(Object.entries(given));
  const get = (name: string): string =>
    [...values].find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1] ?? "";
  const used = applyRules(parseRules(text), {
    get,
    set: (name, value) => void values.set(name, value),
    expand: (written) => written.replaceAll(/%(\w+)%/g, (_whole, name: string) => get(name)),
  });
  return { values: Object.fromEntries(values), used };
}

test("rules of CustomSettings.ini", () => {
  const rows: [string, string, Record<string, string>, Record<string, string>][] = [
    [
      "sections in the order of Priority, and of several values the first",
      "[Settings]\nPriority=A, Default\n[Default]\nName=late\nOther=x\n[A]\nName=early\n",
      {},
      { Name: "early", Other: "x" },
    ],
    [
      "what is set already stays",
      "[Settings]\nPriority=Default\n[Default]\nName=new\n",
      { Name: "old" },
      { Name: "old" },
    ],
    [
      "a property names a section by its value",
      "[Settings]\nPriority=Model,Default\n[Latitude 5520]\nDrivers=Dell\n[Default]\nDrivers=All\n",
      { Model: "Latitude 5520" },
      { Drivers: "Dell" },
    ],
    [
      "each value of a list names a section",
      "[Settings]\nPriority=MACAddress\n[00:15:5D:00:00:02]\nName=second\n",
      { MACAddress001: "00:15:5D:00:00:01", MACAddress002: "00:15:5D:00:00:02" },
      { Name: "second" },
    ],
    [
      "DefaultGateway says which section a gateway stands for",
      "[Settings]\nPriority=DefaultGateway\n[DefaultGateway]\n192.0.2.1=Room1\n198.51.100.1=Room2\n[Room2]\nRoom=2\n",
      { DefaultGateway001: "198.51.100.1" },
      { Room: "2" },
    ],
    [
      "Subsection with a variable",
      "[Settings]\nPriority=ByVm\n[ByVm]\nSubsection=VM-%IsVM%\n[VM-True]\nDrivers=none\n",
      { IsVM: "True" },
      { Drivers: "none" },
    ],
    [
      "items of lists are added, each once",
      "[Settings]\nPriority=A,B\n[A]\nApplications001=one\nApplications002=two\n[B]\nApplications001=two\nApplications002=three\n",
      {},
      { Applications001: "one", Applications002: "two", Applications003: "three" },
    ],
    [
      "values with variables",
      "[Settings]\nPriority=Default\n[Default]\nOSDComputerName=PC-%SerialNumber%\n",
      { SerialNumber: "42" },
      { OSDComputerName: "PC-42" },
    ],
    [
      "comments and names in any case",
      "[SETTINGS]\npriority=default\n; no\n[Default]\nA=1;2\n",
      {},
      { A: "1;2" },
    ],
    [
      "a circle of Subsection",
      "[Settings]\nPriority=A\n[A]\nX=1\nSubsection=B\n[B]\nY=2\nSubsection=A\n",
      {},
      { X: "1", Y: "2" },
    ],
  ];
  for (const [name, text, given, wanted] of rows) {
    const { values } = rules(text, given);
    for (const [key, value] of Object.entries(wanted)) assert.equal(values[key], value, `${name}: ${key}`);
  }
});

test("rules that need Microsoft's servers or VBScript are refused, not skipped", () => {
  for (const line of [
    "SQLServer=db",
    "WebService=http://server",
    "UserExit=exit.vbs",
    'OSDComputerName=#Left("%SerialNumber%",5)#',
  ]) {
    assert.throws(
      () => rules(`[Settings]\nPriority=Default\n[Default]\n${line}\n`),
      { exitCode: codes.notSupported },
      line,
    );
  }
  assert.throws(() => rules("[Default]\nA=1\n"), { exitCode: codes.invalidData });
});

const facts: ReadinessFacts = {
  memoryMegabytes: 4096,
  processorMegahertz: 2000,
  freeDiskMegabytes: 60_000,
  operatingSystem: null,
  architecture: "64-bit",
  operatingSystemVersion: null,
  clientVersion: null,
  operatingSystemLanguage: null,
  onMainsPower: true,
  networkConnected: true,
  wiredNetworkConnected: true,
  uefi: true,
  tpm: null,
};
const services: StepServices = { readiness: { facts: () => Promise.resolve(facts) } };

test("Gather: facts of the machine, and rules from where the toolkit keeps them", async (t) => {
  const folder = testFolder(t);
  mkdirSync(join(folder, "Control"));
  writeFileSync(
    join(folder, "Control", "CustomSettings.ini"),
    Buffer.from(
      "\uFEFF[Settings]\r\nPriority=Default\r\n[Default]\r\nAdminPassword=pa55word\r\nTimeZoneName=UTC\r\n_SMSTSOrgName=Woodgrove Bank\r\n_SMSTSType=3\r\n",
      "utf16le",
    ),
  );
  const variables = {
    DeployRoot: folder,
    _SMSTSModel: "Virtual Machine",
    _SMSTSMacAddresses: "00:15:5D:00:00:01,00:15:5D:00:00:02",
    _SMSTSDefaultGateways: "192.0.2.1",
  };
  const local = await perform("BDD_Gather", { properties: { GatherLocalOnly: "true" }, variables, services });
  assert.equal(local.outcome.exitCode, 0);
  for (const [name, value] of [
    ["IsUEFI", "True"],
    ["IsVM", "True"],
    ["OSVersion", "WinPE"],
    ["MACAddress002", "00:15:5D:00:00:02"],
    ["DefaultGateway001", "192.0.2.1"],
    ["Memory", "4096"],
    ["Architecture", "X64"],
    ["Supports64Bit", "True"],
    ["TimeZoneName", ""],
  ] as const) {
    assert.equal(local.variables.get(name), value, name);
  }
  const ruled = await perform("BDD_Gather", {
    properties: { GatherLocalOnly: "false" },
    variables,
    services,
  });
  assert.equal(ruled.outcome.exitCode, 0, ruled.outcome.text);
  assert.equal(ruled.variables.get("TimeZoneName"), "UTC");
  assert.equal(ruled.variables.get("_SMSTSOrgName"), "Woodgrove Bank");
  assert.equal(ruled.variables.get("_SMSTSType"), "", "the engine's own");
  assert.ok(ruled.context.hidden.has("adminpassword"));
  assert.doesNotMatch(ruled.context.lines.join("\n"), /pa55word/);
  const missing = await perform("BDD_Gather", {
    properties: { GatherLocalOnly: "false", RulesFile: "none.ini" },
    variables,
    services,
  });
  assert.equal(missing.outcome.exitCode, codes.fileNotFound);
});

test("Validate", async () => {
  const rows: [Record<string, string>, number][] = [
    [{ ImageMemory: "2048", ImageProcessorSpeed: "800", ImageSize: "0" }, 0],
    [{ ImageMemory: "9999" }, codes.notReady],
    [{ ImageSize: "99999" }, codes.notReady],
    [{ VerifyOS: "Client" }, codes.notReady],
    [{}, 0],
  ];
  for (const [properties, exitCode] of rows) {
    const { outcome } = await perform("BDD_Validate", { properties, services });
    assert.equal(outcome.exitCode, exitCode, JSON.stringify(properties));
  }
});

test("phases follow each other; the step is not run twice", async () => {
  const rows: [string, string, number][] = [
    ["", "VALIDATION", 0],
    ["VALIDATION", "STATECAPTURE", 0],
    ["postinstall", "STATERESTORE", 0],
    ["STATERESTORE", "STATERESTORE", 0],
    ["MOON", "MOON", codes.invalidSetting],
  ];
  for (const [present, next, exitCode] of rows) {
    const { outcome, variables } = await perform("ZTINextPhase", { variables: { PHASE: present } });
    assert.equal(outcome.exitCode, exitCode);
    assert.equal(variables.get("PHASE"), next);
  }
  assert.equal(kindOf("ZTINextPhase").repeatable, false);
});

test("the toolkit's package, its scripts copied, logs to the share", async (t) => {
  const folder = testFolder(t);
  mkdirSync(join(folder, "toolkit", "Scripts"), { recursive: true });
  writeFileSync(join(folder, "toolkit", "Scripts", "ZTIUtility.vbs"), "library");
  mkdirSync(join(folder, "logs"));
  writeFileSync(join(folder, "logs", "smsts.log"), "log");
  mkdirSync(join(folder, "empty"));
  const packages = { MDT00001: join(folder, "toolkit"), MDT00002: join(folder, "empty") };
  const used = await perform("BDD_UsePackage", { properties: { PackageID: "MDT00001" }, packages });
  assert.equal(used.outcome.exitCode, 0);
  assert.equal(used.variables.get("ScriptRoot"), join(folder, "toolkit", "Scripts"));
  const wrong = await perform("BDD_UsePackage", { properties: { PackageID: "MDT00002" }, packages });
  assert.equal(wrong.outcome.exitCode, codes.invalidData);
  const copied = await perform("LTICopyScripts", {
    system: "winpe",
    variables: { ScriptRoot: join(folder, "toolkit", "Scripts"), OSDisk: "C:" },
    services: { folders: { work: folder, driveRoot: () => join(folder, "c") } },
  });
  assert.equal(copied.outcome.exitCode, 0, copied.outcome.text);
  assert.ok(existsSync(join(folder, "c/MININT/Scripts/ZTIUtility.vbs")));
  const variables = {
    SLShare: join(folder, "share"),
    _SMSTSLogPath: join(folder, "logs"),
    OSDComputerName: "PC/1",
  };
  const logs = await perform("ZTICopyLogs", { variables });
  assert.equal(logs.outcome.exitCode, 0);
  assert.equal(readFileSync(join(folder, "share/PC_1/smsts.log"), "utf8"), "log");
});

/** Windows PE with an applied Windows on C:. */
function applied(t: Test): { folder: string; options: TestContextOptions } {
  const folder = testFolder(t);
  mkdirSync(join(folder, "Windows/System32"), { recursive: true });
  writeFileSync(join(folder, "Windows/System32/ntoskrnl.exe"), fakeProgram());
  return {
    folder,
    options: {
      system: "winpe",
      services: { folders: { work: join(folder, "work"), driveRoot: () => folder } },
    },
  };
}

test("Configure writes what the toolkit's properties say into the answer file", async (t) => {
  const { folder, options } = applied(t);
  const variables = {
    OSDTargetSystemDrive: "C:",
    OSDComputerName: "PC1",
    FullName: "Ada",
    AdminPassword: "pa55",
    JoinDomain: "corp.example",
    DomainAdmin: "joiner",
    DomainAdminDomain: "CORP",
    DomainAdminPassword: "s3cret",
  };
  const { context, outcome } = await perform("ZTIConfigure", { ...options, variables });
  assert.equal(outcome.exitCode, 0, outcome.text);
  const text = readFileSync(join(folder, "Windows/Panther/Unattend/Unattend.xml"), "utf8");
  for (const part of [
    "<ComputerName>PC1<",
    "<RegisteredOwner>Ada<",
    "<JoinDomain>corp.example<",
    "<Username>joiner<",
  ]) {
    assert.ok(text.includes(part), part);
  }
  assert.doesNotMatch(context.lines.join("\n"), /pa55|s3cret/);
});

test("Install Operating System, applications, capture: each by its step", async (t) => {
  const { options } = applied(t);
  const none = await perform("BDD_InstallOS", {
    ...options,
    properties: { OSGUID: "{1}", DestinationOSDriveLetter: "C:" },
  });
  assert.equal(none.outcome.exitCode, codes.fileNotFound, "the operating system is not at the site");
  const calls: string[] = [];
  const tools: Tools = {
    run({ environment }) {
      calls.push(environment?.["VOLLEY_COMMAND_LINE"] ?? "");
      return Promise.resolve({ exitCode: 0, output: "", timedOut: false });
    },
  };
  const programs: StepServices = {
    programs: {
      ofPackage: () => Promise.reject(new Error("not asked for")),
      application: (name) =>
        Promise.resolve({
          packageId: "",
          commandLine: `install ${name}`,
          successCodes: [0],
          workingFolder: "",
        }),
    },
  };
  const full = { system: "linux", tools, services: programs } as const;
  const single = await perform("BDD_InstallApplication", { ...full, properties: { ApplicationGUID: "{a}" } });
  assert.equal(single.outcome.exitCode, 0, single.outcome.text);
  const variables = { MandatoryApplications001: "{m}", Applications001: "{n}", Applications002: "{m}" };
  await perform("BDD_InstallApplication", { ...full, variables });
  assert.deepEqual(calls, ["install {a}", "install {m}", "install {n}"]);
  assert.equal(
    (await perform("ZTIBackup", { ...options, variables: { DoCapture: "NO" } })).outcome.exitCode,
    0,
  );
  assert.notEqual(
    (await perform("ZTIBackup", { ...options, variables: { DoCapture: "YES" } })).outcome.exitCode,
    0,
  );
});

test("a script of the toolkit sees the variables in VARIABLES.DAT, and what it sets there counts", async (t) => {
  const { folder, options } = applied(t);
  const path = join(folder, "MININT/SMSOSD/OSDLOGS/VARIABLES.DAT");
  let command: readonly string[] = [];
  const tools: Tools = {
    run(run) {
      command = run.command;
      const text = readFileSync(path, "utf8");
      assert.match(text, /<var name="WORD">a &lt; b<\/var>/);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      writeFileSync(
        path,
        text.replace(
          "</MediaVarList>",
          '<var name="ANSWER"><![CDATA[42]]></var><var name="_X">no</var></MediaVarList>',
        ),
      );
      return Promise.resolve({ exitCode: 0, output: "", timedOut: false });
    },
  };
  const action = 'cscript.exe "%SCRIPTROOT%\\ZTIModifyVars.wsf" /level:2';
  const variables = { ScriptRoot: "C:\\Scripts", Word: "a < b" };
  const { outcome, variables: after } = await perform("ZTIModifyVars", {
    ...options,
    tools,
    variables,
    step: { action },
  });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.deepEqual(command, ["cscript.exe", '//nologo "C:\\Scripts\\ZTIModifyVars.wsf" /level:2']);
  assert.equal(after.get("ANSWER"), "42");
  assert.equal(after.get("_X"), "");
  assert.ok(!existsSync(path));
  const without = await perform("ZTIModifyVars", { ...options, tools, step: { action } });
  assert.equal(without.outcome.exitCode, codes.notFound);
  const other = await perform("ZTIModifyVars", {
    ...options,
    tools,
    variables,
    step: { action: "format.com C:" },
  });
  assert.equal(other.outcome.exitCode, codes.invalidSetting);
  const linux = await perform("ZTIModifyVars", { system: "linuxpe", tools, variables, step: { action } });
  assert.equal(linux.outcome.exitCode, codes.notSupported);
});
