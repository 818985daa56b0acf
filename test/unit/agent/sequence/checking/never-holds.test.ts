/** Conditions that can never hold, alone and with the groups around them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSequence } from "../../../../../agent/sequence/check.ts";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import { operator, sequenceOf, stepOf, variable, when, wmi } from "../sequence-files.ts";

async function warnings(file: string): Promise<string[]> {
  const [found] = await readSequences(Buffer.from(file));
  assert.ok(found);
  const { problems } = checkSequence(found, { supportOf: () => undefined });
  return problems.map(({ line, text }) => `${line}: ${text}`);
}

/** Source: "Use the task sequence editor", Conditions. `why` is null for what can hold. */
const conditions: { what: string; condition: string; why: RegExp | null }[] = [
  {
    what: "two values at once",
    condition: operator("and", when("Make", "equals", "HP"), when("Make", "equals", "Dell")),
    why: /Make equals "HP", and at the same time Make equals "Dell"/,
  },
  {
    what: "the same value in another case",
    condition: operator("and", when("Make", "equals", "HP"), when("MAKE", "equals", "hp")),
    why: null,
  },
  {
    what: "one value or the other",
    condition: operator("or", when("Make", "equals", "HP"), when("Make", "equals", "Dell")),
    why: null,
  },
  {
    what: "a value and not it",
    condition: operator("and", when("Make", "equals", "HP"), when("Make", "notEquals", "hp")),
    why: /does not equal "hp"/,
  },
  {
    what: "exists and does not",
    condition: operator("and", when("Make", "exists"), when("Make", "notExists")),
    why: /exists/,
  },
  {
    what: "a value of what does not exist",
    condition: operator("and", when("Make", "notExists"), when("Make", "equals", "HP")),
    why: /equals "HP"/,
  },
  {
    what: "an empty range",
    condition: operator("and", when("Memory", "greater", "8"), when("Memory", "lessEqual", "8")),
    why: /at most 8/,
  },
  {
    what: "a range of one number",
    condition: operator("and", when("Memory", "greaterEqual", "8"), when("Memory", "lessEqual", "8")),
    why: null,
  },
  {
    what: "a number outside the range",
    condition: operator("and", when("Memory", "less", "4"), when("Memory", "equals", "4")),
    why: /less than 4/,
  },
  {
    what: "numbers by their value",
    condition: operator("and", when("Memory", "equals", "04"), when("Memory", "equals", "4")),
    why: null,
  },
  {
    what: "none of what is asked",
    condition: operator("and", when("Make", "equals", "HP"), operator("not", when("Make", "equals", "HP"))),
    why: /equals "HP"/,
  },
  {
    what: "not none",
    condition: operator(
      "and",
      when("Make", "equals", "HP"),
      operator("not", operator("not", when("Make", "equals", "HP"))),
    ),
    why: null,
  },
  {
    what: "all of it or nothing of it",
    condition: operator("not", operator("or", when("Make", "exists"), when("Make", "notExists"))),
    why: /Make/,
  },
  {
    what: "not all of it",
    condition: operator("not", operator("and", when("Make", "exists"), when("Make", "notExists"))),
    why: null,
  },
  {
    what: "each alternative excluded",
    condition: operator(
      "and",
      operator("or", when("Make", "equals", "A"), when("Make", "equals", "B")),
      when("Make", "equals", "C"),
    ),
    why: /"A" or "B"/,
  },
  {
    what: "one alternative left",
    condition: operator(
      "and",
      operator("or", when("Make", "equals", "A"), when("Model", "equals", "B")),
      when("Make", "equals", "C"),
    ),
    why: null,
  },
  {
    what: "a query and not the query",
    condition: operator(
      "and",
      wmi("SELECT * FROM Win32_TPM"),
      operator("not", wmi("SELECT * FROM Win32_TPM")),
    ),
    why: /Win32_TPM/,
  },
  {
    what: "values that are known only when it runs",
    condition: operator("and", when("Make", "equals", "%A%"), when("Make", "equals", "%B%")),
    why: null,
  },
  {
    what: "several in a row, which all have to hold",
    condition: when("Make", "equals", "HP") + when("Make", "equals", "Dell"),
    why: /Dell/,
  },
];
for (const { condition, what, why } of conditions) {
  test(`conditions that never hold: ${what}`, async () => {
    const said = await warnings(sequenceOf(`<group name="G">\n<condition>${condition}</condition></group>`));
    const never = said.filter((text) => text.includes("can never hold"));
    if (why === null) {
      assert.deepEqual(never, []);
    } else {
      assert.equal(never.length, 1);
      assert.match(never[0] ?? "", /^3: The condition of the group "G" can never hold: /);
      assert.match(never[0] ?? "", why);
    }
  });
}

const inWinPe = (value: string): string => when("_SMSTSInWinPE", "equals", value);
const restart = stepOf("RebootAction", "");
const conditioned = (condition: string): string =>
  restart.replace("<action>", `<condition>${condition}</condition><action>`);
const groupWhen = (condition: string, contents: string): string =>
  `<group name="G"><condition>${condition}</condition>${contents}</group>`;

test("a step's condition against those of the groups around it, and no further than the group", async () => {
  const inner = (value: string): string => conditioned(when("Make", "equals", value));
  const group = (contents: string): string => groupWhen(when("Make", "equals", "HP"), contents);
  const said = async (file: string): Promise<string[]> =>
    (await warnings(sequenceOf(file))).filter((text) => text.includes("never hold"));
  assert.match(
    (await said(group(inner("Dell")))).join(),
    /step "S" can never hold: Make equals "Dell", and a group around it asks that Make equals "HP"/,
  );
  assert.deepEqual(await said(group(inner("hp"))), []);
  assert.deepEqual(await said(group("") + inner("Dell")), []);
  // What is in a group that is never entered is told with the group.
  assert.equal((await said(group(group(inner("Dell")).replace("HP", "Acer")))).length, 1);
});

for (const [runIn, value, never] of [
  ["FullOS", "true", true],
  ["FullOS", "false", false],
  ["WinPE", "false", true],
  ["WinPE", "true", false],
  ["WinPEandFullOS", "true", false],
] as const) {
  test(`a step that runs in ${runIn} where _SMSTSInWinPE is ${value}`, async () => {
    const step = stepOf("RebootAction", `runIn="${runIn}"`);
    const said = (await warnings(sequenceOf(groupWhen(inWinPe(value), step)))).join();
    const expected = /The step "S" can never run: it runs in \w+ only, where _SMSTSInWinPE is/;
    assert.equal(expected.test(said), never, said);
    assert.ok(!said.includes("condition of the step"), said);
  });
}

const setX = stepOf("SetVariableAction", "", variable("VariableName", "VariableName", "X"));
const lastSucceeded = (value: string): string => when("_SMSTSLastActionSucceeded", "equals", value);
const x = (value: string): string => when("X", "equals", value);
const partition = stepOf("PartitionDiskAction", 'successCodeList="0"');
const script = stepOf("RunCommandLineAction", 'successCodeList="0"');
const child =
  '<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="C"><action>x</action></subtasksequence>';

/** What a group asks when it is entered, what runs in it, and what a step after that asks. */
const changed: { what: string; around: string; between: string; asked: string; never: boolean }[] = [
  { what: "a variable that was set", around: x("a"), between: setX, asked: x("b"), never: false },
  {
    what: "a variable that a step in an inner group set",
    around: x("a"),
    between: groupWhen(when("Make", "exists"), setX),
    asked: x("b"),
    never: false,
  },
  {
    what: "a variable that a disabled step would set",
    around: x("a"),
    between: setX.replace("<step", '<step disable="true"'),
    asked: x("b"),
    never: true,
  },
  {
    what: "a variable that a step of a disabled group would set",
    around: x("a"),
    between: `<group name="D" disable="true">${setX}</group>`,
    asked: x("b"),
    never: true,
  },
  {
    what: "a variable beside the one that was set",
    around: when("Make", "equals", "HP"),
    between: setX + partition,
    asked: when("Make", "equals", "Dell"),
    never: true,
  },
  {
    what: "a variable whose name is known when it runs",
    around: x("a"),
    between: setX.replace(">X<", ">%Name%<"),
    asked: x("b"),
    never: false,
  },
  {
    what: "a variable that a rule sets",
    around: x("a"),
    between: stepOf(
      "SetDynamicVariablesAction",
      "",
      variable("R", "Rules", '&lt;Rules&gt;&lt;Variable Name="X"/&gt;&lt;/Rules&gt;'),
    ),
    asked: x("b"),
    never: false,
  },
  {
    what: "one of a list of variables",
    around: when("P02", "notExists"),
    between: stepOf("DownloadPackageContentAction", "", variable("D", "DestinationVariable", "P")),
    asked: when("P02", "exists"),
    never: false,
  },
  { what: "any variable after a script", around: x("a"), between: script, asked: x("b"), never: false },
  { what: "any variable after a child", around: x("a"), between: child, asked: x("b"), never: false },
  {
    what: "a disk that was partitioned",
    around: wmi("SELECT * FROM Win32_LogicalDisk"),
    between: partition,
    asked: operator("not", wmi("SELECT * FROM Win32_LogicalDisk")),
    never: false,
  },
  {
    what: "the system after a restart",
    around: inWinPe("false"),
    between: restart,
    asked: inWinPe("true"),
    never: false,
  },
  {
    what: "the system after Windows' setup",
    around: inWinPe("true"),
    between: stepOf("SetupWindowsAndSMSAction", ""),
    asked: inWinPe("false"),
    never: false,
  },
  {
    what: "the system after a restart by code",
    around: inWinPe("true"),
    between: stepOf("CaptureNetworkSettingsAction", 'successCodeList="0 3010"'),
    asked: inWinPe("false"),
    never: false,
  },
  {
    what: "a step's output, after a step",
    around: when("OSDTargetSystemDrive", "notExists"),
    between: partition,
    asked: when("OSDTargetSystemDrive", "exists"),
    never: false,
  },
  {
    what: "the system without a restart",
    around: inWinPe("true"),
    between: partition,
    asked: inWinPe("false"),
    never: true,
  },
  {
    what: "the last action, after another",
    around: lastSucceeded("false"),
    between: setX,
    asked: lastSucceeded("true"),
    never: false,
  },
  {
    what: "the last action, with none between",
    around: lastSucceeded("false"),
    between: "",
    asked: lastSucceeded("true"),
    never: true,
  },
];
for (const { around, asked, between, never, what } of changed) {
  test(`what a group asked on the way in: ${what}`, async () => {
    const said = await warnings(sequenceOf(groupWhen(around, between + conditioned(asked))));
    const found = said.filter((text) => text.includes("can never"));
    assert.equal(found.length, never ? 1 : 0, said.join("\n"));
  });
}

test("a step that runs in Windows PE only, after a restart from the full system", async () => {
  const file = sequenceOf(groupWhen(inWinPe("false"), restart + stepOf("RebootAction", 'runIn="WinPE"')));
  assert.deepEqual(
    (await warnings(file)).filter((text) => text.includes("can never")),
    [],
  );
});

test("what a later condition asks counts from there on", async () => {
  const group = groupWhen(x("b"), conditioned(x("a")));
  const said = (await warnings(sequenceOf(groupWhen(x("a"), setX + group)))).join("\n");
  assert.match(said, /step "S" can never hold: X equals "a", and a group around it asks that X equals "b"/);
});
