/** Set Variable, Set Dynamic Variables, Restart Computer, Check Readiness. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { checkReadiness } from "../../../../agent/steps/check-readiness.ts";
import { restartComputer } from "../../../../agent/steps/restart-computer.ts";
import type { ReadinessFacts } from "../../../../agent/steps/services.ts";
import { setDynamicVariables } from "../../../../agent/steps/set-dynamic-variables.ts";
import { setVariable } from "../../../../agent/steps/set-variable.ts";
import { compareValues, compareVersions } from "../../../../agent/steps/values.ts";
import { testContext } from "../../../fixtures/step-context.ts";

test("Set Variable: names as documented, hidden values", async () => {
  const rows: [string, number][] = [
    ["Name", 0],
    ["a-b_9", 0],
    ["_SMSTSMake", codes.invalidSetting],
    ["a b", codes.invalidSetting],
    ["", codes.invalidSetting],
    ["a".repeat(257), codes.invalidSetting],
    ["1st", codes.invalidSetting],
  ];
  for (const [name, exitCode] of rows) {
    const properties = { VariableName: name, VariableValue: "v", DoNotShowVariableValue: "true" };
    const context = testContext({ properties });
    const outcome = await setVariable.perform(context);
    assert.equal(outcome.exitCode, exitCode, name);
    assert.equal(context.variables.get(name), exitCode === 0 ? "v" : "");
    if (exitCode === 0) {
      assert.ok(context.hidden.has(name.toLowerCase()));
      assert.doesNotMatch(outcome.text, /\bv\b/);
    }
    assert.equal(setVariable.check(context.step).length, exitCode === 0 ? 0 : 1);
  }
  for (const [value, problems] of [
    ["v".repeat(4000), 0],
    ["v".repeat(4001), 1],
    [`%V%${"v".repeat(4000)}`, 0],
  ] as const) {
    const { step } = testContext({ properties: { VariableName: "V", VariableValue: value } });
    assert.equal(setVariable.check(step).length, problems);
  }
});

const rule = (condition: string, name: string, value = "yes", secret = "false"): string =>
  `<Rule>${condition}<Variables><Variable Name="${name}" IsSecret="${secret}">${value}</Variable></Variables></Rule>`;
const expression = (type: string, fields: Record<string, string>): string =>
  `<expression type="SMS_TaskSequence_${type}ConditionExpression">${Object.entries(fields)
    .map(([name, value]) => `<variable name="${name}">${value}</variable>`)
    .join("")}</expression>`;
const condition = (inner: string): string => `<condition>${inner}</condition>`;

test("Set Dynamic Variables: each kind of rule", async () => {
  const machine = {
    _SMSTSMake: "VMware, Inc.",
    _SMSTSModel: "VMware7,1",
    _SMSTSSerialNumber: "SN-42",
    _SMSTSMacAddresses: "00:15:5D:00:00:01,00:15:5D:00:00:02",
    _SMSTSDefaultGateways: "192.0.2.1;198.51.100.1",
    Site: "10",
  };
  const rows: [string, string, boolean][] = [
    ["no condition", "", true],
    ["wildcard *", condition(expression("MakeModel", { Make: "*vmware*", Model: "*" })), true],
    ["wildcard ?", condition(expression("MakeModel", { Make: "*", Model: "VMware?,1" })), true],
    ["the whole value", condition(expression("MakeModel", { Make: "VMware", Model: "*" })), false],
    [
      "one of the MAC addresses",
      condition(expression("Computer", { MacAddress: "00:15:5d:00:00:02" })),
      true,
    ],
    ["all fields given", condition(expression("Computer", { SerialNumber: "SN-42", UUID: "x" })), false],
    ["one of the gateways", condition(expression("Location", { DefaultGateway: "198.51.100.*" })), true],
    [
      "a variable, as a number",
      condition(expression("Variable", { Variable: "Site", Operator: "greater", Value: "9" })),
      true,
    ],
    [
      "or",
      condition(
        `<operator type="or">${expression("MakeModel", { Make: "Dell*" })}${expression("MakeModel", { Make: "VM*" })}</operator>`,
      ),
      true,
    ],
    ["not", condition(`<operator type="not">${expression("MakeModel", { Make: "VM*" })}</operator>`), false],
  ];
  for (const [name, written, holds] of rows) {
    const Rules = `<Rules>${rule(written, "Result")}</Rules>`;
    const context = testContext({ properties: { Rules }, variables: machine });
    assert.equal((await setDynamicVariables.perform(context)).exitCode, 0, name);
    assert.equal(context.variables.get("Result"), holds ? "yes" : "", name);
  }
});

test("Set Dynamic Variables: in order, later rules see earlier values, secrets are hidden", async () => {
  const Rules = `<Rules>${rule("", "A", "1")}${rule("", "B", "%A%2")}${rule("", "Key", "pa55", "true")}</Rules>`;
  const context = testContext({ properties: { Rules } });
  await setDynamicVariables.perform(context);
  assert.equal(context.variables.get("B"), "12");
  assert.ok(context.hidden.has("key"));
  assert.deepEqual(
    context.lines.filter((line) => line.includes("pa55")),
    [],
  );
});

test("Set Dynamic Variables refuses what it does not know, before anything is set", async () => {
  const strange = condition(expression("Moon", { Phase: "full" }));
  for (const Rules of [
    "<Rules><Rule>",
    "<Other/>",
    `<Rules>${rule("", "A")}${rule(strange, "B")}</Rules>`,
    '<!DOCTYPE x [<!ENTITY a "b">]><Rules/>',
  ]) {
    const context = testContext({ properties: { Rules } });
    assert.equal((await setDynamicVariables.perform(context)).exitCode, codes.invalidData, Rules);
    assert.equal(context.variables.get("A"), "");
    assert.equal(setDynamicVariables.check(context.step).length, 1);
  }
});

test("Restart Computer asks for a restart", async () => {
  const rows: [Record<string, string>, string, number, string, string][] = [
    [{ Target: "HD", MessageTimeout: "60" }, "", 0, "HD", "60"],
    [{ Target: "WinPE" }, "", 0, "WinPE", "0"],
    [{}, "smsboot.exe /target:WinPE", 0, "WinPE", "0"],
    [{ Target: "Moon" }, "", codes.invalidSetting, "", ""],
    [{ MessageTimeout: "soon" }, "", codes.invalidSetting, "", ""],
  ];
  for (const [properties, action, exitCode, target, delay] of rows) {
    const context = testContext({
      properties: { ...properties, Message: "m".repeat(600) },
      step: { action },
    });
    assert.equal((await restartComputer.perform(context)).exitCode, exitCode);
    assert.equal(context.variables.get("SMSTSRebootRequested"), target);
    assert.equal(context.variables.get("SMSTSRebootDelay"), delay);
    if (exitCode === 0) assert.equal(context.variables.get("SMSTSRebootMessage").length, 512);
  }
});

test("Restart Computer does not pretend that Windows starts a boot image", async () => {
  const context = testContext({ system: "windows", properties: { Target: "WinPE" } });
  assert.equal((await restartComputer.perform(context)).exitCode, codes.notSupported);
  assert.equal(context.variables.get("SMSTSRebootRequested"), "");
});

test("Restart Computer stages the boot image from a full system, and asks for nothing when that fails", async () => {
  for (const system of ["windows", "linux", "winpe", "linuxpe"] as const) {
    let prepared = 0;
    const staged = { prepare: () => Promise.resolve(void (prepared += 1)) };
    const properties = { Target: "WinPE" };
    const context = testContext({ system, properties, services: { bootStaging: staged } });
    assert.equal((await restartComputer.perform(context)).exitCode, 0, system);
    assert.equal(prepared, system === "windows" || system === "linux" ? 1 : 0, system);
    const refusing = {
      prepare: () => Promise.reject(new VolleyError("E_STAGING", "The site has no Windows PE")),
    };
    if (prepared === 0) continue;
    const refused = testContext({ system, properties, services: { bootStaging: refusing } });
    const { exitCode, text } = await restartComputer.perform(refused);
    assert.notEqual(exitCode, 0);
    assert.match(text ?? "", /no Windows PE/);
    assert.equal(refused.variables.get("SMSTSRebootRequested"), "");
  }
});

const readyMachine: ReadinessFacts = {
  memoryMegabytes: 4096,
  processorMegahertz: 2000,
  freeDiskMegabytes: 60_000,
  operatingSystem: "client",
  architecture: "64-bit",
  operatingSystemVersion: "10.0.19045",
  clientVersion: "5.0.9096",
  operatingSystemLanguage: 1033,
  onMainsPower: true,
  networkConnected: true,
  wiredNetworkConnected: false,
  uefi: true,
  tpm: { version: "2.0", enabled: true, activated: false },
};

test("Check Readiness: each check, its output, 4316", async () => {
  const rows: [string, string, Record<string, string>, string, boolean][] = [
    ["memory", "CheckMemory", { Memory: "4096" }, "_TS_CRMEMORY", true],
    ["less memory", "CheckMemory", { Memory: "4097" }, "_TS_CRMEMORY", false],
    ["speed", "CheckProcessorSpeed", { ProcessorSpeed: "1000" }, "_TS_CRSPEED", true],
    ["disk", "CheckFreeDiskSpace", { FreeDiskSpace: "60001" }, "_TS_CRDISK", false],
    ["type", "CheckOSType", { OSType: "CLIENT" }, "_TS_CROSTYPE", true],
    ["server", "CheckOSType", { OSType: "SERVER" }, "_TS_CROSTYPE", false],
    ["architecture", "CheckOSArchitecture", { OSArchitecture: "64" }, "_TS_CRARCH", true],
    ["32-bit", "CheckOSArchitecture", { OSArchitecture: "32" }, "_TS_CRARCH", false],
    ["least version", "CheckMinOSVersion", { MinOSVersion: "10.0.22000" }, "_TS_CRMINOSVER", false],
    ["no least version", "CheckMinOSVersion", { MinOSVersion: ". ." }, "_TS_CRMINOSVER", true],
    ["greatest version", "CheckMaxOSVersion", { MaxOSVersion: "10.0.22000" }, "_TS_CRMAXOSVER", true],
    ["client", "CheckCMClientMinVersion", { CMClientMinVersion: "5.0.9000" }, "_TS_CRCLIENTMINVER", true],
    ["language", "CheckOSLanguageID", { OSLanguageID: "1031" }, "_TS_CROSLANGUAGE", false],
    ["power", "CheckPowerState", {}, "_TS_CRACPOWER", true],
    ["network", "CheckNetworkConnected", {}, "_TS_CRNETWORK", true],
    ["wired", "CheckNetworkWired", {}, "_TS_CRWIRED", false],
    ["UEFI", "CheckDeviceUEFI", {}, "_TS_CRUEFI", true],
    ["TPM enabled", "CheckTPMEnabled", {}, "_TS_CRTPMENABLED", true],
    ["TPM activated", "CheckTPMActivated", {}, "_TS_CRTPMACTIVATED", false],
  ];
  for (const [name, property, values, output, holds] of rows) {
    const context = testContext({
      properties: { [property]: "true", ...values },
      services: { readiness: { facts: () => Promise.resolve(readyMachine) } },
    });
    const outcome = await checkReadiness.perform(context);
    assert.equal(outcome.exitCode, holds ? 0 : codes.notReady, name);
    assert.equal(context.variables.get(output), holds ? "1" : "0", name);
  }
});

test("Check Readiness makes every check before it fails, and fails what the machine does not say", async () => {
  const properties = {
    CheckMemory: "true",
    Memory: "9999",
    CheckPowerState: "true",
    CheckDeviceUEFI: "true",
  };
  const facts = { ...readyMachine, onMainsPower: null };
  const context = testContext({
    properties,
    services: { readiness: { facts: () => Promise.resolve(facts) } },
  });
  const outcome = await checkReadiness.perform(context);
  assert.match(outcome.text, /memory.*mains power/);
  assert.equal(context.variables.get("_TS_CRUEFI"), "1");
  const without = await checkReadiness.perform(testContext({ properties }));
  assert.equal(without.exitCode, codes.notReadyYet);
});

test("values are compared as numbers when both are, else as text without regard to case", () => {
  const rows: [string, string, string, boolean][] = [
    ["", "exists", "", false],
    ["x", "exists", "", true],
    ["", "notExists", "", true],
    ["TRUE", "equals", "true", true],
    ["010", "equals", "10", true],
    ["9", "less", "10", true],
    ["9", "less", "1x", false],
    ["b", "greaterEqual", "A", true],
    ["Latitude 5520", "like", "Latitude%", true],
    ["Latitude 5520", "like", "latitude ????", true],
  ];
  for (const [value, operator, wanted, holds] of rows) {
    assert.equal(compareValues(value, operator, wanted), holds, `${value} ${operator} ${wanted}`);
  }
  assert.throws(() => compareValues("a", "resembles", "b"));
  assert.equal(compareVersions("10.0.9", "10.0.19045"), -1);
});
