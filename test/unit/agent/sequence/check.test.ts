/** What the check says of a sequence: where each step runs, what is read and never set, what is needed, what never holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSequence, type SequenceCheck } from "../../../../agent/sequence/check.ts";
import { checksAsJson, checksAsText } from "../../../../agent/sequence/checking/show.ts";
import type { StepSupport } from "../../../../agent/sequence/checking/support.ts";
import { readSequences } from "../../../../agent/sequence/reading/read.ts";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import {
  commandStep,
  managerSequence,
  sequenceOf,
  stepOf,
  toolkitSequence,
  variable,
} from "./sequence-files.ts";

const real: StepSupport = { kind: "real" };
const supports: Record<string, Record<SystemName, StepSupport>> = {
  RunCommandLine: {
    winpe: real,
    linuxpe: { kind: "adapted", reason: "by another shell" },
    windows: real,
    linux: { kind: "unsupported", reason: "there is no cmd.exe" },
  },
  InstallSoftware: { winpe: real, linuxpe: real, windows: real, linux: real },
};

async function check(file: string): Promise<SequenceCheck> {
  const [found] = await readSequences(Buffer.from(file));
  assert.ok(found);
  return checkSequence(found, { supportOf: (type) => supports[type] });
}

test("support: the catalogue's words with their reasons, runIn's limits, and what is not known", async () => {
  const { steps } = await check(
    sequenceOf(
      [
        stepOf("RunCommandLineAction", ""),
        stepOf("InstallSoftwareAction", 'runIn="FullOS"'),
        stepOf("InstallSoftwareAction", 'runIn="WinPE"'),
        stepOf("RebootAction", ""),
        stepOf("FlyAction", ""),
      ].join("\n"),
    ),
  );
  assert.deepEqual(
    steps.map(({ support }) => Object.values(support).join(" ")),
    [
      "real adapted real unsupported",
      "unsupported unsupported real real",
      "real real unsupported unsupported",
      "unsupported unsupported unsupported unsupported",
      "unknown unknown unknown unknown",
    ],
  );
  assert.deepEqual(steps[0]?.reasons, { linuxpe: "by another shell", linux: "there is no cmd.exe" });
  assert.match(steps[1]?.reasons.winpe ?? "", /full operating system \(runIn is FullOS\)/);
  assert.match(steps[2]?.reasons.linux ?? "", /Windows PE or a Linux PE \(runIn is WinPE\)/);
  assert.equal(steps[3]?.reasons.windows, "this build has no such step");
  assert.match(steps[4]?.reasons.winpe ?? "", /not known/);
});

test("steps carry path, type, line, packages, and that a group around them is disabled", async () => {
  const { packages, steps } = await check(
    managerSequence.replace('name="Install"', 'name="Install" disable="true"'),
  );
  const [partition, child] = steps;
  assert.deepEqual(
    [partition?.path, partition?.name, partition?.type, partition?.kind, partition?.disabled],
    ["Install", "Partition Disk 0", "SMS_TaskSequence_PartitionDiskAction", "PartitionDisk", true],
  );
  assert.deepEqual([child?.type, child?.packages], ["SMS_TaskSequence_SubTasksequence", ["ABC00009"]]);
  assert.deepEqual(
    packages.map(({ id, program }) => `${id} ${program}`),
    ["ABC00001 ", "ABC00002 *", "ABC00009 "],
  );
  const untyped = (await check(toolkitSequence)).steps[1];
  assert.deepEqual([untyped?.type, untyped?.path], ["ZTINextPhase", "Initialization"]);
});

test("packages: of properties, of lists and of command lines, without the console's zeros", async () => {
  const file = sequenceOf(
    [
      stepOf("RunCommandLineAction", "", "", "smsswd.exe /run:ABC00007 x.cmd"),
      stepOf(
        "ApplyDriverPackageAction",
        "",
        variable("OSDApplyDriverDriverPackageID", "DriverPackageID", "00000000"),
      ),
      stepOf(
        "DownloadPackageContentAction",
        "",
        variable("OSDDownloadDownloadPackages", "DownloadPackages", "abc0000a,ABC0000B, %x%"),
      ),
      stepOf(
        "ApplyOperatingSystemAction",
        "",
        "",
        'OSDApplyOS.exe /image:ABC0000C,1 "/config:ABC0000D,u.xml"',
      ),
    ].join(""),
  );
  const { packages } = await check(file);
  assert.deepEqual(
    packages.map(({ id }) => id),
    ["ABC00007", "ABC0000A", "ABC0000B", "ABC0000C", "ABC0000D"],
  );
});

test("packages: the client of Configuration Manager is referenced, and not needed", async () => {
  const client = variable("_SMSClientPackageID", "ClientPackageID", "ABC00001");
  const file = sequenceOf(
    [
      '<referenceList><reference package="ABC00001"/><reference package="ABC00002"/></referenceList>',
      stepOf("SetupWindowsAndSMSAction", "", client),
      stepOf("InstallSoftwareAction", "", variable("PackageID", "PackageID", "ABC00002")),
    ].join(""),
  );
  const checked = await check(file);
  assert.deepEqual(
    checked.packages.map(({ id, needed }) => [id, needed]),
    [
      ["ABC00001", false],
      ["ABC00002", true],
    ],
  );
  assert.match([...checksAsText([checked])].join(""), /is needed: ABC00002\n[^]*not needed[^]*: ABC00001\n/);
});

test("JSON: the documented shape, with the words of support and their reasons beside", async () => {
  const text = [...checksAsJson([await check(managerSequence), await check(toolkitSequence)])].join("");
  const json = JSON.parse(text) as Record<string, unknown> & {
    steps: Record<string, unknown>[];
    children: { name: string }[];
  };
  assert.deepEqual([json["format"], json["version"]], ["configmgr", "3.10"]);
  assert.ok(Array.isArray(json["problems"]));
  const last = json.steps.at(-1);
  assert.deepEqual(
    [last?.["path"], last?.["name"], last?.["type"], typeof last?.["line"]],
    ["Install", "Say so", "SMS_TaskSequence_RunCommandLineAction", "number"],
  );
  assert.deepEqual(last?.["support"], {
    winpe: "real",
    linuxpe: "adapted",
    windows: "real",
    linux: "unsupported",
  });
  assert.deepEqual(last["reasons"], { linuxpe: "by another shell", linux: "there is no cmd.exe" });
  assert.deepEqual(
    json.children.map(({ name }) => name),
    ["Standard"],
  );
});

test("text: every step on a line of its own, reasons once, problems at the end, no control characters", async () => {
  const file = sequenceOf(
    `<group name="Outer">${commandStep("One&#10;two&#133;")}${commandStep("Three")}</group><oddity/>`,
  );
  const text = [...checksAsText([await check(file)])].join("");
  assert.match(text, /^Task sequence without a name \(Configuration Manager 3\.10\), 2 steps\n/);
  assert.match(text, /\n +2 {2}One two +RunCommandLine +real +adapted +real +unsupported\n/);
  assert.equal(text.split("by another shell").length, 2);
  assert.match(text, /adapted on linuxpe ×2: by another shell/);
  assert.match(text, /1 problem, 1 error\n {2}line \d+: error: The element <oddity>.*\n$/);
  // oxlint-disable-next-line no-control-regex -- that is what must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("scripts that use the client's own object for variables are said, each by its line", async () => {
  const script = "$ts = New-Object -ComObject Microsoft.SMS.TSEnvironment\n$ts.Value('A') = 'b'";
  const inBase64 = Buffer.from(`\ufeff${script}`, "utf16le").toString("base64");
  const source = (value: string): string => variable("S", "SourceScript", value);
  const { problems } = await check(
    sequenceOf(
      [
        stepOf("RunPowerShellScriptAction", "", `\n${source(inBase64)}`),
        stepOf("RunPowerShellScriptAction", "", source(script)),
        stepOf("RunPowerShellScriptAction", "", source("volley-agent env set A b")),
        commandStep(
          "By hand",
          'mshta vbscript:CreateObject("microsoft.sms.tsenvironment")(close)'.replaceAll('"', "&quot;"),
        ),
      ].join("\n"),
    ),
  );
  const said = problems.filter(({ text }) => text.includes("Microsoft.SMS.TSEnvironment"));
  assert.deepEqual(
    said.map(({ line, text }) => [line, text.slice(0, text.indexOf(","))]),
    [
      [3, 'The step "S" uses Microsoft.SMS.TSEnvironment'],
      [4, 'The step "S" uses Microsoft.SMS.TSEnvironment'],
      [10, 'The step "By hand" uses Microsoft.SMS.TSEnvironment'],
    ],
  );
  assert.match(said[0]?.text ?? "", /volley-agent env get NAME/);
});

test("conditions that nobody can judge are said, each by its line; others are not", async () => {
  const wmi = (query: string, namespace = "root\\cimv2"): string =>
    `<expression type="SMS_TaskSequence_WMIConditionExpression"><variable name="Namespace">${namespace}</variable><variable name="Query">${query}</variable></expression>`;
  const file = (more: string): string =>
    `<expression type="SMS_TaskSequence_FileConditionExpression"><variable name="Path">C:\\a.exe</variable>${more}</expression>`;
  const time = (value: string): string =>
    file(`<variable name="DateTime">${value}</variable><variable name="DateTimeOperator">less</variable>`);
  const version = (value: string): string =>
    file(`<variable name="Version">${value}</variable><variable name="VersionOperator">equals</variable>`);
  const registry = (key: string): string =>
    `<expression type="SMS_TaskSequence_RegistryConditionExpression"><variable name="KeyPath">${key}</variable><variable name="Operator">exists</variable></expression>`;
  const software = (code: string): string =>
    `<expression type="SMS_TaskSequence_SoftwareConditionExpression"><variable name="ProductCode">${code}</variable><variable name="Operator">AnyVersion</variable></expression>`;
  const rows: [string, RegExp | null][] = [
    [wmi("SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%Latitude%' AND Name = \"%Name%\""), null],
    [wmi("SELECT * FROM Win32_DiskDrive WHERE Size > %Least%"), null],
    [wmi("SELECT COUNT(*) FROM Win32_Processor"), /beyond the WQL/],
    [wmi("ASSOCIATORS OF {Win32_DiskDrive.DeviceID='x'}"), /beyond the WQL/],
    [wmi("SELECT * FROM Win32_Moon"), /The class "Win32_Moon"/],
    [wmi("SELECT * FROM Win32_BIOS WHERE Colour = 'red'"), /no property "Colour"/],
    [wmi("SELECT * FROM MSFT_Disk", "root\\Moon"), /The namespace "root\\Moon"/],
    [time("20240131235900.000000+***"), null],
    [time("yesterday"), /"yesterday" is no date/],
    [version("10.0.19041"), null],
    [version("%Least%"), null],
    [version("new"), /"new" is no version/],
    [registry("HKLM:\\SOFTWARE\\%Vendor%"), null],
    [registry("Computer\\HKEY_USERS\\.DEFAULT"), null],
    [registry("%Root%\\SOFTWARE"), null],
    [
      registry("FOO\\SOFTWARE\\%Vendor%"),
      /"FOO\\SOFTWARE\\%Vendor%" does not begin with a root of the registry/,
    ],
    [software("{23170F69-40C1-2702-1900-000001000000}"), null],
    [software("notaguid"), /"notaguid" is no code of Windows Installer/],
  ];
  for (const [expression, expected] of rows) {
    const step = stepOf("RunCommandLineAction", "", variable("CommandLine", "CommandLine", "x"));
    const { problems } = await check(
      sequenceOf(step.replace("<action>", `<condition>\n${expression}</condition><action>`)),
    );
    const said = problems.filter(({ text }) =>
      /cannot be judged, so that it fails|and fails elsewhere/.test(text),
    );
    assert.equal(said.length, expected === null ? 0 : 1, `${expression}\n${JSON.stringify(problems)}`);
    if (expected === null) continue;
    assert.match(said[0]?.text ?? "", expected);
    assert.equal(said[0]?.line, 3, expression);
  }
});
