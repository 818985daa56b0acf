/** Variables that a sequence reads and nothing sets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSequence } from "../../../../../agent/sequence/check.ts";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import { commandStep, managerSequence, sequenceOf, stepOf, variable, when, wmi } from "../sequence-files.ts";

async function warnings(file: string): Promise<string[]> {
  const [found] = await readSequences(Buffer.from(file));
  assert.ok(found);
  const { problems } = checkSequence(found, { supportOf: () => undefined });
  return problems.map(({ line, text }) => `${line}: ${text}`);
}

/** Source: "Using task sequence variables": what sets a variable, and where one is replaced. */
const uses: { what: string; file: string; missing: string[] }[] = [
  { what: "%NAME% in an action", file: commandStep("A", "%Mine%\\x.cmd %Mine%"), missing: ["Mine"] },
  {
    what: "a condition",
    file: `<group name="A"><condition>${when("Mine", "exists")}</condition></group>`,
    missing: ["Mine"],
  },
  { what: "in any case", file: setting("mine") + commandStep("A", "%MINE%"), missing: [] },
  { what: "Set Task Sequence Variable", file: setting("Mine") + commandStep("A", "%Mine%"), missing: [] },
  {
    what: "only a disabled step sets it",
    file: setting("Mine", 'disable="true"') + commandStep("A", "%Mine%"),
    missing: ["Mine"],
  },
  { what: "only a disabled step reads it", file: commandStep("A", "%Mine%", 'disable="true"'), missing: [] },
  {
    what: "a step in a disabled group reads it",
    file: `<group name="A" disable="true"><group name="B">${commandStep("A", "%Mine%")}</group></group>`,
    missing: [],
  },
  {
    what: "Set Dynamic Variables",
    file:
      stepOf(
        "SetDynamicVariablesAction",
        "",
        variable(
          "OSDSetDynamicVariablesRules",
          "Rules",
          '&lt;Rules&gt;&lt;Rule&gt;&lt;condition&gt;&lt;expression&gt;&lt;variable name="Variable"&gt;Other&lt;/variable&gt;&lt;/expression&gt;&lt;/condition&gt;&lt;Variables&gt;&lt;Variable Name="Mine" IsSecret="false"&gt;x&lt;/Variable&gt;&lt;/Variables&gt;&lt;/Rule&gt;&lt;/Rules&gt;',
        ),
      ) + commandStep("A", "%Mine%"),
    missing: ["Other"],
  },
  {
    what: "the output of a command, and the letter of a partition",
    file:
      stepOf(
        "RunCommandLineAction",
        "",
        variable("SMSTSRunCommandLineOutputVariableName", "OutputVariableName", "Mine"),
      ) +
      managerSequence.slice(
        managerSequence.indexOf("<step "),
        managerSequence.indexOf('<group name="Empty'),
      ) +
      commandStep("A", "%Mine% %OSDisk%"),
    missing: [],
  },
  {
    what: "a script of the step",
    file:
      stepOf(
        "RunPowerShellScriptAction",
        "",
        variable(
          "OSDRunPowerShellScriptSourceScript",
          "SourceScript",
          Buffer.from('\ufeff$e.Value("Mine") = "1"; $e.Value("Other") -eq 2', "utf16le").toString("base64"),
        ),
      ) + commandStep("A", "%Mine%"),
    missing: ["Other"],
  },
  {
    what: "built-in and documented ones",
    file: commandStep("A", "%_SMSTSLogPath% %OSDComputerName% %SystemRoot% %OSDAdapter3Name%"),
    missing: [],
  },
  {
    what: "the step's own action variables",
    file: stepOf("RunCommandLineAction", "", variable("Mine", "Mine", "1"), "%Mine%"),
    missing: [],
  },
  {
    what: "the parts of a LIKE are none",
    file: `<group name="A"><condition>${wmi("SELECT * FROM Win32_BIOS WHERE Name LIKE '%Mine%'")}</condition></group>`,
    missing: [],
  },
  {
    what: "but what a query else has is",
    file: `<group name="A"><condition>${wmi("SELECT * FROM Win32_BIOS WHERE Name = '%Mine%'")}</condition></group>`,
    missing: ["Mine"],
  },
  {
    what: "where a deployment share is, of a command",
    file: commandStep("A", "%SCRIPTROOT%\\own.cmd"),
    missing: ["SCRIPTROOT"],
  },
  {
    what: "where a deployment share is, of the toolkit's own step",
    file: '<step name="Check BIOS"><action>cscript.exe "%SCRIPTROOT%\\ZTIBIOSCheck.wsf"</action></step>',
    missing: [],
  },
  {
    what: "where the toolkit's package is, which is used",
    file: `<step type="BDD_UsePackage" name="T"><action>x</action></step>${commandStep("A", "%SCRIPTROOT%\\own.cmd")}`,
    missing: [],
  },
  {
    what: "the list of a base variable",
    file: stepOf("InstallApplicationAction", "", variable("BaseVariableName", "BaseVariableName", "APPS")),
    missing: ["APPS01"],
  },
  {
    what: "a list that is set",
    file:
      setting("APPS01") +
      stepOf("InstallApplicationAction", "", variable("BaseVariableName", "BaseVariableName", "APPS")),
    missing: [],
  },
];
test("a variable of the engine that it never sets is said to be empty; what it sets is not", async () => {
  const read =
    "_SMSTSSiteCode _SMSTSLaunchMode _SMSTSLastActionName _TS_CRMemory _TSSecureBoot _OSDDetectedWinDir";
  const said = await warnings(sequenceOf(commandStep("A", read.replaceAll(/\w+/g, "%$&%"))));
  assert.deepEqual(
    said.filter((text) => text.includes("is read")).map((text) => text.slice(text.indexOf("The"))),
    [
      "The variable _SMSTSSiteCode is read (2 times), but it is empty here: a site has a name and an address, and no code",
    ],
  );
});

for (const { file, missing, what } of uses) {
  test(`variables read but never set: ${what}`, async () => {
    const said = (await warnings(sequenceOf(file))).flatMap(
      (text) => /The variable (\S+) is read/.exec(text)?.[1] ?? [],
    );
    assert.deepEqual(said, missing);
  });
}

function setting(name: string, attributes = ""): string {
  return stepOf("SetVariableAction", attributes, variable("VariableName", "VariableName", name));
}
