/** Variables by the rules of "How to use task sequence variables" (Configuration Manager); each row names its rule. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import { builtInVariables, type SequenceFacts } from "../../../../agent/sequence/facts.ts";
import { sequenceLimits } from "../../../../agent/sequence/limits.ts";
import type { StepVariable } from "../../../../agent/sequence/tree.ts";

function environment(
  processVariables: Record<string, string> = {},
  hidden: string[] = [],
): SequenceEnvironment {
  return new SequenceEnvironment({ processVariables, onHidden: (value) => hidden.push(value) });
}

function stepVariable(property: string, name: string, value: string, hidden = false): StepVariable {
  return { name, property, value, hidden, line: 1 };
}

const long = sequenceLimits.variableValueCharacters;
const names: { rule: string; name: string; value?: string; refused: boolean }[] = [
  { rule: "letters, digits, hyphen and underscore", name: "a-Z_9", refused: false },
  { rule: "at least one character", name: "", refused: true },
  { rule: "256 characters", name: "a".repeat(256), refused: false },
  { rule: "no more than 256 characters", name: "a".repeat(257), refused: true },
  { rule: "begins with a letter", name: "9a", refused: true },
  { rule: "does not begin with a hyphen", name: "-a", refused: true },
  {
    rule: "does not begin with an underscore, which is for read-only ones",
    name: "_SMSTSMake",
    refused: true,
  },
  { rule: "spaces around it are ignored", name: "  padded ", refused: false },
  { rule: "no spaces inside", name: "two words", refused: true },
  { rule: "no other characters", name: "naïve", refused: true },
  { rule: "a value of 4,000 characters", name: "a", value: "x".repeat(long), refused: false },
  { rule: "no value of 4,001 characters", name: "a", value: "x".repeat(long + 1), refused: true },
];
for (const { name, refused, rule, value = "value" } of names) {
  test(`a variable: ${rule}`, () => {
    const variables = environment();
    const set = (): void => variables.set(name, value);
    if (refused) assert.throws(set, { code: "E_VARIABLE" });
    else set();
    assert.equal(variables.get(name), refused ? "" : value);
  });
}

test("names mean the same in any case, and the first spelling stays", () => {
  const variables = environment();
  variables.set("OSDVar", "1");
  variables.set("osdvar", "2");
  assert.equal(variables.get("OsDvAr"), "2");
  assert.deepEqual(variables.names(), ["OSDVar"]);
});

test("an empty value deletes, also what a layer brought", () => {
  const variables = environment();
  variables.lay({ collection: [{ name: "A", value: "1", hidden: false }] });
  variables.set("a", "");
  assert.deepEqual(variables.names(), []);
});

test("collection before device before what the sequence sets", () => {
  const variables = environment();
  const layer = (...pairs: [string, string][]) =>
    pairs.map(([name, value]) => ({ name, value, hidden: false }));
  variables.lay({
    globals: [
      { name: "G", value: "sequence" },
      { name: "A", value: "sequence" },
    ],
    device: layer(["B", "device"], ["C", "device"]),
    collection: layer(["A", "collection"], ["B", "collection"], ["C", "collection"]),
  });
  variables.set("C", "set");
  assert.deepEqual(
    ["G", "A", "B", "C"].map((name) => variables.get(name)),
    ["sequence", "collection", "device", "set"],
  );
});

test("a device has 1,000 variables and no more", () => {
  const device = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `V${index}`, value: "1", hidden: false }));
  environment().lay({ device: device(1000) });
  assert.throws(() => environment().lay({ device: device(1001) }), { code: "E_VARIABLE" });
});

test("the environment holds 32 MB, and what is deleted makes room", () => {
  const variables = environment();
  const value = "x".repeat(long);
  let count = 0;
  assert.throws(
    () => {
      for (; ; count += 1) variables.set(`Variable${String(count).padStart(6, "0")}`, value);
    },
    { code: "E_VARIABLE", message: /32 MB/ },
  );
  assert.equal(count, Math.floor(sequenceLimits.environmentBytes / (long + 14)));
  variables.set("Variable000000", "");
  variables.set("VariableXXXXXX", value);
});

const expansions: { rule: string; text: string; becomes: string }[] = [
  { rule: "a name between percent signs", text: "cmd /c %A% > %B%", becomes: "cmd /c one > two" },
  { rule: "in any case", text: "%a%%b%", becomes: "onetwo" },
  { rule: "what nobody knows stays as it is written", text: "%Unknown%", becomes: "%Unknown%" },
  { rule: "its closing sign may open the next name", text: "%Unknown%A%", becomes: "%Unknownone" },
  { rule: "a percent sign alone is text", text: "50% of 100%", becomes: "50% of 100%" },
  { rule: "the process's environment comes after the variables", text: "%windir%", becomes: "C:\\Windows" },
  { rule: "names of the process's environment may hold parentheses", text: "%P(x86)%", becomes: "x86" },
  { rule: "what a value brings in is not looked at again", text: "%Nested%", becomes: "%A%" },
  {
    rule: "a loop's variable reaches the shell",
    text: "for %i in (1 2) do echo %i",
    becomes: "for %i in (1 2) do echo %i",
  },
];
for (const { becomes, rule, text } of expansions) {
  test(`%name%: ${rule}`, () => {
    const variables = environment({ WINDIR: "C:\\Windows", "P(x86)": "x86", A: "of the process" });
    variables.set("A", "one");
    variables.set("B", "two");
    variables.set("Nested", "%A%");
    assert.equal(variables.expand(text), becomes);
  });
}

test("an action variable is a default that is there while its step runs, unless the environment has the name", () => {
  const variables = environment();
  variables.set("Folder", "C:\\Work");
  const own = [stepVariable("WorkingDirectory", "WorkingDirectory", "%Folder%\\Sub")];
  const first = variables.forStep(own);
  assert.equal(first.get("workingdirectory"), "C:\\Work\\Sub");
  assert.equal(first.property("WorkingDirectory"), "C:\\Work\\Sub");
  assert.ok(first.names().includes("WorkingDirectory"));
  assert.equal(variables.get("WorkingDirectory"), "");
  // "If you override a default value, the new value stays in the environment."
  first.set("WorkingDirectory", "D:\\");
  assert.equal(variables.forStep(own).property("WorkingDirectory"), "D:\\");
});

test("an array's members are variables of their own, and one of them can be overridden", () => {
  const variables = environment();
  variables.lay({ device: [{ name: "OSDPartitions0Size", value: "50", hidden: false }] });
  const step = variables.forStep([
    stepVariable("Partitions0Size", "OSDPartitions0Size", "100"),
    stepVariable("Partitions1Size", "OSDPartitions1Size", "10"),
    stepVariable("Adapter0EnableDHCP", "OSDAdapter0EnableDHCP", "false"),
  ]);
  assert.deepEqual(
    ["OSDPartitions0Size", "osdpartitions1size", "OSDAdapter0EnableDHCP"].map((name) => step.get(name)),
    ["50", "10", "false"],
  );
});

test("a hidden variable of a step is its property alone and never in the environment", () => {
  const step = environment().forStep([stepVariable("CommandLine", "CommandLine", "cmd.exe", true)]);
  assert.equal(step.property("commandline"), "cmd.exe");
  assert.equal(step.get("CommandLine"), "");
  assert.deepEqual(step.names(), []);
});

test("hidden values are told before they are there, stay hidden, and hide what holds them", () => {
  const hidden: string[] = [];
  const variables = environment({}, hidden);
  variables.set("Token", "s3cret-value", { hidden: true });
  variables.set("Token", "another-one");
  variables.set("Line", "run --with another-one");
  variables.set("OSDJoinPassword", "by-its-name");
  variables.set("Plain", "nothing");
  // To hide this value would take every "false" out of the logs.
  variables.forStep([stepVariable("OSDRandomAdminPassword", "RandomAdminPassword", "false")]);
  variables.forStep([stepVariable("UserPassword", "X", "of-a-step", true)]);
  assert.deepEqual(hidden, [
    "s3cret-value",
    "another-one",
    "run --with another-one",
    "by-its-name",
    "of-a-step",
  ]);
  const isHidden = ["Token", "Line", "OSDJoinPassword", "Plain"].map((name) => variables.isHidden(name));
  assert.deepEqual(isHidden, [true, true, true, false]);
});

test("a step sets its outputs, and never what says how the last step went", () => {
  const variables = environment();
  const step = variables.forStep([]);
  assert.throws(() => step.set("_TS_CRMEMORY", "1"), { code: "E_VARIABLE" });
  step.set("_TS_CRMEMORY", "1", { readOnly: true });
  assert.equal(variables.get("_TS_CRMEMORY"), "1");
  for (const name of ["_SMSTSLastActionSucceeded", "_smstsinwinpe", "_SMSTSCurrentActionName"]) {
    assert.throws(() => step.set(name, "true", { readOnly: true }), { code: "E_VARIABLE" });
  }
});

test("a snapshot brings everything back", () => {
  const variables = environment();
  variables.set("A", "1");
  variables.set("B", "hidden value", { hidden: true });
  variables.set("_C", "3", { readOnly: true });
  const other = environment();
  other.set("Z", "gone");
  other.restore(variables.snapshot());
  assert.deepEqual(other.snapshot(), variables.snapshot());
});

test("the facts of the machine become the documented variables, and what is not known is not set", () => {
  const facts: SequenceFacts = {
    inPe: true,
    machineName: "MININT-1",
    make: "Maker",
    model: "Model 1",
    serialNumber: "S1",
    assetTag: "",
    smbiosUuid: "4c4c4544-0042-4a10-8030-b4c04f4b3132",
    macAddresses: ["02:00:00:00:00:01", "02:00:00:00:00:02"],
    ipAddresses: ["192.0.2.7"],
    defaultGateways: ["192.0.2.1"],
    uefi: false,
    secureBoot: "NA",
    launchMode: "PXE",
    mediaType: "PXE",
    logPath: "/logs",
    dataPath: "/data",
    clientCache: "",
    userStatePath: "",
    clientGuid: "",
    packageId: "ABC00001",
    packageName: "Deploy",
    bootImageId: "ABC00002",
    deploymentId: "",
    managementPoint: "",
    managementPointPort: null,
    userStarted: true,
    deploysSystem: true,
    timeZone: null,
    detectedWindows: { drive: "C:", folder: "C:\\Windows" },
  };
  const values = Object.fromEntries(builtInVariables(facts).map(({ name, value }) => [name, value]));
  assert.equal(values["_SMSTSInWinPE"], "true");
  assert.equal(values["_SMSTSMacAddresses"], "02:00:00:00:00:01,02:00:00:00:00:02");
  assert.equal(values["_SMSTSUUID"], "4C4C4544-0042-4A10-8030-B4C04F4B3132");
  assert.equal(values["_SMSTSType"], "2");
  assert.equal(values["_SMSTSBootImageID"], "ABC00002");
  assert.equal(values["_OSDDetectedWinDir"], "C:\\Windows");
  for (const name of [
    "_SMSTSBootUEFI",
    "_SMSTSAssetTag",
    "_SMSTSClientCache",
    "_SMSTSUserStarted",
    "_SMSTSMP",
    "_SMSTSTimezone",
  ]) {
    assert.equal(values[name], undefined, name);
  }
});
