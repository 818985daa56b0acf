/** Files of both products, as they are written and wrapped, into the tree. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import type { Sequence, SequenceNode } from "../../../../../agent/sequence/tree.ts";
import {
  commandStep,
  managerSequence,
  objectXml,
  sequenceOf,
  stepOf,
  toolkitSequence,
  utf16,
  variable as variableElement,
  zipOf,
} from "../sequence-files.ts";

async function read(file: string | Buffer): Promise<Sequence> {
  const [first] = await readSequences(typeof file === "string" ? Buffer.from(file) : file);
  assert.ok(first);
  return first.sequence;
}

function texts(sequence: Sequence): string[] {
  return sequence.problems.map(({ line, severity, text }) => `${line} ${severity}: ${text}`);
}

function only<Kind extends SequenceNode["kind"]>(sequence: Sequence, kind: Kind) {
  const [node] = sequence.nodes;
  assert.ok(node?.kind === kind);
  return node as Extract<SequenceNode, { kind: Kind }>;
}

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split("\n").length;

test("a Configuration Manager sequence: every construct arrives, and nothing is said", async () => {
  const sequence = await read(managerSequence);
  assert.deepEqual(texts(sequence), []);
  assert.equal(sequence.format, "configmgr");
  assert.equal(sequence.version, "3.10");
  assert.deepEqual(sequence.references, [
    { packageId: "ABC00001", program: "", line: 3 },
    { packageId: "ABC00002", program: "*", line: 4 },
  ]);
  assert.equal(sequence.globalVariables[0]?.value, "0");
  const group = only(sequence, "group");
  assert.equal(group.description, "All of it");
  assert.equal(group.continueOnError, true);
  assert.deepEqual(
    group.nodes.map(({ disabled, kind, line, name }) => ({ disabled, kind, line, name })),
    [
      {
        kind: "step",
        name: "Partition Disk 0",
        disabled: false,
        line: lineOf(managerSequence, '<step type="SMS_TaskSequence_Part'),
      },
      { kind: "group", name: "Empty", disabled: true, line: lineOf(managerSequence, '<group name="Empty"') },
      { kind: "child", name: "Drivers", disabled: false, line: lineOf(managerSequence, "<subtasksequence") },
      {
        kind: "step",
        name: "Say so",
        disabled: false,
        line: lineOf(managerSequence, '<step type="SMS_TaskSequence_RunC'),
      },
    ],
  );
  const [partition, , child, command] = group.nodes;
  assert.ok(partition?.kind === "step" && child?.kind === "child" && command?.kind === "step");
  assert.deepEqual(
    [partition.type, partition.runIn, partition.timeoutSeconds, partition.successCodes, partition.retryCount],
    ["PartitionDisk", "WinPE", 900, [0], 0],
  );
  assert.equal(partition.variables.find(({ name }) => name === "OSDPartitions")?.hidden, true);
  assert.deepEqual([child.sequenceName, child.sequencePackageId], ["Drivers", "ABC00009"]);
  assert.deepEqual([command.successCodes, command.continueOnError], [[0, 3010], true]);
  assert.equal(command.action, "smsswd.exe /run: cmd.exe /c echo %OSDisk% > x");
});

test("conditions: operators, every kind of expression, and groups of systems", async () => {
  const group = only(await read(managerSequence), "group");
  assert.ok(group.condition?.kind === "and");
  const [variable, not, or, system] = group.condition.conditions;
  assert.deepEqual(variable, {
    kind: "variable",
    variable: "_SMSTSInWinPE",
    operator: "equals",
    value: "true",
    line: 12,
  });
  assert.ok(not?.kind === "not" && or?.kind === "or" && system?.kind === "or");
  assert.deepEqual(not.conditions[0], {
    kind: "folder",
    path: "%_SMSTSMDataPath%\\Drivers",
    dateTime: { operator: "greater", value: "20240101000000.000000+***" },
    line: 18,
  });
  assert.deepEqual(
    or.conditions.map(({ kind }) => kind),
    ["file", "registry", "wmi", "software"],
  );
  const [file] = or.conditions;
  assert.ok(file?.kind === "file");
  assert.deepEqual([file.version, file.dateTime], [{ operator: "greaterEqual", value: "1.2.3.4" }, null]);
  const [windows] = system.conditions;
  assert.ok(windows?.kind === "and" && windows.conditions[0]?.kind === "wmi");
});

test("an MDT sequence: names, untyped steps by their script, empty conditions and actions", async () => {
  const sequence = await read(toolkitSequence);
  assert.deepEqual(texts(sequence), []);
  assert.deepEqual(
    [sequence.format, sequence.version, sequence.name, sequence.description],
    ["mdt", "3.00", "Standard", "A sequence"],
  );
  const group = only(sequence, "group");
  assert.equal(group.condition, null);
  const [gather, next] = group.nodes;
  assert.ok(gather?.kind === "step" && next?.kind === "step");
  assert.deepEqual([gather.writtenType, gather.type], ["BDD_Gather", "BDD_Gather"]);
  assert.deepEqual([next.writtenType, next.type, next.startIn], ["", "ZTINextPhase", "c:\\here"]);
});

const oneLine = sequenceOf(commandStep("A")).replaceAll("\n", "\r\n");
for (const [name, bytes] of [
  ["UTF-8", Buffer.from(oneLine)],
  ["UTF-8 with a mark", Buffer.from(`\ufeff${oneLine}`)],
  ["UTF-16 little endian", utf16(`<?xml version="1.0" encoding="utf-16"?>\r\n${oneLine}`)],
  ["UTF-16 big endian", utf16(`<?xml version="1.0" encoding="utf-16"?>\r\n${oneLine}`, "big")],
  ["UTF-16 little endian without a mark", utf16(oneLine, "little", false)],
  ["UTF-16 big endian without a mark", utf16(oneLine, "big", false)],
] as const) {
  test(`${name}, with CRLF`, async () => {
    const sequence = await read(bytes);
    assert.deepEqual(texts(sequence), []);
    const declared = bytes.length > 2 * oneLine.length + 4 ? 1 : 0;
    assert.equal(only(sequence, "step").line, 2 + declared);
  });
}

test("the declared encoding counts, and one that the bytes contradict is said", async () => {
  const named = (encoding: string): string =>
    `<?xml version="1.0" encoding="${encoding}"?>${sequenceOf(commandStep("Gerät"))}`;
  assert.equal(only(await read(Buffer.from(named("windows-1252"), "latin1")), "step").name, "Gerät");
  const contradicted = await read(Buffer.from(named("utf-16")));
  assert.equal(only(contradicted, "step").name, "Gerät");
  assert.match(texts(contradicted)[0] ?? "", /1 warning: .*utf-16.*UTF-8/);
});

for (const inCdata of [true, false]) {
  test(`object.xml with the sequence ${inCdata ? "in CDATA" : "escaped"}: lines are lines of the file`, async () => {
    const broken = managerSequence.replace('name="Say so"', 'name="Say so" colour="blue"');
    const file = objectXml(broken, { packageId: "ABC00010", name: "Lab" }, inCdata);
    const [found] = await readSequences(Buffer.from(file));
    assert.ok(found);
    assert.deepEqual(
      [found.packageId, found.sequence.name, found.sequence.format],
      ["ABC00010", "Lab", "configmgr"],
    );
    assert.equal(found.sequence.references.at(-1)?.packageId, "ABC00005");
    const line = lineOf(file, 'name="Say so"');
    assert.deepEqual(texts(found.sequence).slice(1), [
      `${line} warning: The attribute "colour" of <step> is not known (its value is "blue")`,
    ]);
    assert.match(texts(found.sequence)[0] ?? "", /^1 warning: The XML declaration says utf-16/);
  });
}

test("object.xml may have white space and a declaration before the sequence", async () => {
  const inner = `\n\n  <?xml version="1.0" encoding="utf-16"?>\n${sequenceOf(commandStep("A"))}`;
  const file = objectXml(inner, { packageId: "A", name: "B" });
  const [found] = await readSequences(Buffer.from(file));
  assert.equal(found?.sequence.nodes[0]?.line, lineOf(file, "<step"));
});

test("an archive of the console: the main sequence first, whatever its place", async () => {
  const child = objectXml(sequenceOf(commandStep("Child")), { packageId: "ABC00009", name: "Drivers" });
  const main = objectXml(managerSequence, { packageId: "ABC00010", name: "Lab" });
  const archive = zipOf([
    { name: "[Content_Types].xml", content: "<Types/>" },
    { name: "SMS_TaskSequencePackage/ABC00009/object.xml", content: child },
    { name: "SMS_TaskSequencePackage/ABC00010/object.xml", content: utf16(main) },
    { name: "Manifest.xml", content: "<Manifest/>", method: 0 },
  ]);
  const found = await readSequences(archive);
  assert.deepEqual(
    found.map(({ entry, packageId, sequence }) => [packageId, sequence.name, entry]),
    [
      ["ABC00010", "Lab", "SMS_TaskSequencePackage/ABC00010/object.xml"],
      ["ABC00009", "Drivers", "SMS_TaskSequencePackage/ABC00009/object.xml"],
    ],
  );
});

test("a sequence in another element is read, and that is said", async () => {
  const file = `<SmsTaskSequencePackage><BootImageID>X</BootImageID><SequenceData>\n${sequenceOf(commandStep("A"))}</SequenceData></SmsTaskSequencePackage>`;
  const sequence = await read(file);
  assert.equal(only(sequence, "step").type, "RunCommandLine");
  assert.match(texts(sequence).join(), /^2 warning: The sequence stands in <SequenceData>/);
});

/** What is not known, or not of its type, is said by line; `says` is all that is said. */
const remarks: { what: string; file: string; says: RegExp[] }[] = [
  {
    what: "an unknown element, once, with what is in it",
    file: sequenceOf(`<widget a="1">\n<step/><b/></widget>`),
    says: [/^2 error: The element <widget> is not known in <sequence>; it was left out with all in it$/],
  },
  {
    what: "an unknown step type",
    file: sequenceOf('\n<step type="SMS_TaskSequence_FlyAction" name="Fly"><action>fly.exe</action></step>'),
    says: [/^3 error: The step "Fly" is of the unknown type "SMS_TaskSequence_FlyAction"$/],
  },
  {
    what: "a step without type and action",
    file: sequenceOf('<step name="Nothing"/>'),
    says: [/^2 error: The step "Nothing" has no type and no action$/],
  },
  {
    what: "an unknown attribute",
    file: sequenceOf('<group name="A"\n\n colour="red"/>'),
    says: [/^2 warning: The attribute "colour" of <group> is not known \(its value is "red"\)$/],
  },
  {
    what: "an unknown variable of a known step",
    file: sequenceOf(
      '<step type="SMS_TaskSequence_RebootAction" name="R"><defaultVarList>\n<variable name="Colour" property="Colour">x</variable></defaultVarList></step>',
    ),
    says: [/^3 warning: The variable "Colour" is not one of the step type Restart Computer$/],
  },
  {
    what: "bad booleans, numbers, codes and places",
    file: sequenceOf(
      '<step type="SMS_TaskSequence_RebootAction" name="R" disable="maybe" timeout="-1" retryCount="9999999999" successCodeList="0 x" runIn="Moon"/>',
    ),
    says: [
      /disable .* true or false, not "maybe": read as false/,
      /timeout .* whole number from 0 to 2147483647, not "-1": read as nothing/,
      /runIn .* not "Moon": read as WinPEandFullOS/,
      /successCodeList .* not "0 x": read as without "x"/,
      /retryCount .* not "9999999999": read as nothing/,
    ],
  },
  {
    what: "an unknown condition",
    file: sequenceOf(
      `<group name="A"><condition>\n<expression type="SMS_TaskSequence_MoonConditionExpression"><variable name="Phase">full</variable></expression></condition></group>`,
    ),
    says: [/^3 error: The condition type "SMS_TaskSequence_MoonConditionExpression" is not known$/],
  },
  {
    what: "an unknown operator of a condition and of an expression",
    file: sequenceOf(`<group name="A"><condition><operator type="xor">
<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Variable">A</variable>
<variable name="Operator">resembles</variable></expression></operator></condition></group>`),
    says: [
      /^2 error: The operator "xor" of a condition is not known$/,
      /^4 error: .* has the unknown operator "resembles"$/,
    ],
  },
  {
    what: "an expression that lacks what it asks for, and has what it does not know",
    file: sequenceOf(`<group name="A"><condition><expression type="SMS_TaskSequence_FileConditionExpression">
<variable name="Colour">x</variable></expression></condition></group>`),
    says: [/^2 error: .* has no Path$/, /^3 warning: "Colour" is not known in a condition of type/],
  },
  {
    what: "text where none belongs",
    file: sequenceOf("<group name='A'>\n\n  stray</group>"),
    says: [/^4 error: Text stands in <group>, where none belongs: "stray"$/],
  },
  {
    what: "an unknown version",
    file: "<sequence version='9.9'/>",
    says: [/^1 warning: The sequence is of version "9.9"; 3.00 and 3.10 are known$/],
  },
  {
    what: "a processing instruction",
    file: `<?xml version="1.0"?>\n<?php echo ?>\n${sequenceOf("")}`,
    says: [/^2 warning: The processing instruction "php" is not known/],
  },
  {
    what: "variables of the sequence that cannot be set, which are left out",
    file: sequenceOf(
      [
        "<globalVarList>",
        '<variable name="OS Version" property="OS Version">11</variable>',
        `<variable name="Long" property="Long">${"x".repeat(4001)}</variable>`,
        '<variable name=" Fine " property="Fine">1</variable></globalVarList>',
      ].join("\n"),
    ),
    says: [
      /^3 error: A variable of the sequence is left out: "OS Version" is no variable's name/,
      /^4 error: A variable of the sequence is left out: The value of Long has 4001 of 4000 characters$/,
    ],
  },
  {
    what: "a child sequence that names none",
    file: sequenceOf('<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="C"/>'),
    says: [/^2 error: The child sequence "C" does not say which task sequence it runs$/],
  },
];
for (const { file, says, what } of remarks) {
  test(`said by line: ${what}`, async () => {
    const said = texts(await read(file));
    assert.equal(said.length, says.length, said.join("\n"));
    for (const [index, pattern] of says.entries()) assert.match(said[index] ?? "", pattern);
  });
}

test("success codes are 32 bits without sign, and those of the documentation when the file has none", async () => {
  const step = (type: string, codes: string): string =>
    sequenceOf(`<step type="SMS_TaskSequence_${type}Action" name="S" ${codes}><action>x</action></step>`);
  for (const [file, codes] of [
    [step("RunCommandLine", ""), [0, 3010]],
    [step("Reboot", ""), [0]],
    [step("Reboot", 'successCodeList="0 -1 0x80070002"'), [0, 4294967295, 2147942402]],
  ] as const) {
    assert.deepEqual(only(await read(file), "step").successCodes, codes);
  }
});

test("retries after restarts: the attribute, without it the property of the step", async () => {
  const retries = (value: string): string => variableElement("RetryCount", "RetryCount", value);
  const rows: [string, string, number][] = [
    ['retryCount="3"', retries("2"), 3],
    ["", retries("2"), 2],
    ["", retries("twice"), 0],
    ["", "", 0],
  ];
  for (const [attributes, variables, expected] of rows) {
    const sequence = await read(sequenceOf(stepOf("InstallUpdateAction", attributes, variables)));
    assert.equal(only(sequence, "step").retryCount, expected, `${attributes} ${variables}`);
  }
});

test("success codes: the attribute, without it the property of the step, without both the documented ones", async () => {
  const codes = (value: string): string => variableElement("SuccessCodes", "SuccessCodes", value);
  const rows: [string, string, number[]][] = [
    ['successCodeList="0 2"', codes("0 5"), [0, 2]],
    ["", codes("0 5 -1"), [0, 5, 0xffffffff]],
    ["", codes("0 five"), [0, 3010]],
    ["", "", [0, 3010]],
  ];
  for (const [attributes, variables, expected] of rows) {
    const sequence = await read(sequenceOf(stepOf("RunCommandLineAction", attributes, variables)));
    assert.deepEqual(only(sequence, "step").successCodes, expected, `${attributes} ${variables}`);
  }
});
