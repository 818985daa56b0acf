/** Conditions as the task sequence editor offers them (Configuration Manager, "Conditions"); each row names its rule. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionHolds, type ConditionWorld } from "../../../../agent/sequence/conditions/evaluate.ts";
import { parseTime } from "../../../../agent/sequence/conditions/compare.ts";
import type { RegistryValue } from "../../../../agent/sequence/conditions/registry.ts";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import type { Condition } from "../../../../agent/sequence/tree.ts";

const keys: Record<string, Record<string, RegistryValue>> = {
  "hkey_local_machine\\software\\volley": {
    "": { type: "REG_SZ", data: "default" },
    text: { type: "REG_SZ", data: "Hello" },
    number: { type: "REG_DWORD", data: "255" },
    bytes: { type: "REG_BINARY", data: "0AFF" },
    several: { type: "REG_MULTI_SZ", data: "a\nb" },
  },
  "hkey_local_machine\\software\\empty": {},
  "hkey_local_machine\\software\\microsoft\\windows\\currentversion\\uninstall\\{11111111-2222-3333-4444-555555555555}":
    { displayversion: { type: "REG_SZ", data: "1.2.3" } },
  "hkey_local_machine\\software\\classes\\installer\\upgradecodes\\fdcbafdebadcfe10fecdba0987654321": {
    x: { type: "REG_SZ", data: "" },
  },
};

function world(variables: Record<string, string> = {}): ConditionWorld {
  const environment = new SequenceEnvironment({ processVariables: { PATH: "/bin" }, onHidden: () => {} });
  for (const [name, value] of Object.entries(variables)) environment.set(name, value, { readOnly: true });
  const modifiedMs = Date.UTC(2024, 0, 31, 12, 0, 0);
  return {
    variables: environment,
    files: {
      look: async (path) =>
        path === "C:\\there.exe"
          ? { kind: "file", modifiedMs: modifiedMs + 437, version: async () => "10.0.19041.1" }
          : path === "C:\\Folder"
            ? { kind: "folder", modifiedMs, version: async () => null }
            : path === "C:\\plain.txt"
              ? { kind: "file", modifiedMs, version: async () => null }
              : null,
    },
    registry: {
      values: async (key) => {
        const values = keys[key.toLowerCase()];
        return values === undefined ? null : new Map(Object.entries(values));
      },
    },
    wmi: { rows: async () => [{ Model: "Box 9" }] },
  };
}

function variable(operator: string, value: string, name = "V"): Condition {
  return { line: 1, kind: "variable", variable: name, operator, value };
}

interface Row {
  rule: string;
  condition: Condition | null;
  variables?: Record<string, string>;
  holds: boolean;
}

const holds = { line: 1, kind: "and" as const, conditions: [] };
const fails = { line: 1, kind: "or" as const, conditions: [] };
const group = (kind: "and" | "or" | "not", ...conditions: Condition[]): Condition => ({
  line: 1,
  kind,
  conditions,
});
const version = (operator: string, value: string): Condition => ({
  line: 1,
  kind: "file",
  path: "C:\\there.exe",
  version: { operator, value },
  dateTime: null,
});
const file = (path: string): Condition => ({ line: 1, kind: "file", path, version: null, dateTime: null });
const time = (operator: string, value: string): Condition => ({
  line: 1,
  kind: "folder",
  path: "C:\\Folder",
  dateTime: { operator, value },
});
const registry = (
  value: string,
  operator: string,
  data = "",
  type = "",
  keyPath = "HKLM:\\SOFTWARE\\Volley",
): Condition => ({
  line: 1,
  kind: "registry",
  keyPath,
  value,
  type,
  operator,
  data,
});
const software = (operator: string, wanted: string, upgradeCode = ""): Condition => ({
  line: 1,
  kind: "software",
  productCode: "{11111111-2222-3333-4444-555555555555}",
  productName: "Product",
  upgradeCode,
  version: wanted,
  operator,
});

const rows: Row[] = [
  { rule: "no condition holds", condition: null, holds: true },
  { rule: "and without conditions holds", condition: holds, holds: true },
  { rule: "or without conditions does not", condition: fails, holds: false },
  { rule: "not without conditions holds", condition: group("not"), holds: true },
  { rule: "all: one that fails", condition: group("and", holds, fails), holds: false },
  { rule: "any: one that holds", condition: group("or", fails, holds), holds: true },
  { rule: "none: one that holds", condition: group("not", fails, holds), holds: false },
  { rule: "none: two that fail", condition: group("not", fails, fails), holds: true },
  { rule: "nested", condition: group("and", group("or", fails, group("not", fails)), holds), holds: true },
  {
    rule: "what was decided before the last one is not asked",
    condition: group("or", holds, variable("odd", "")),
    holds: true,
  },

  { rule: "exists", condition: variable("exists", ""), variables: { V: "1" }, holds: true },
  { rule: "exists: not there", condition: variable("exists", ""), holds: false },
  { rule: "notExists", condition: variable("notExists", ""), holds: true },
  {
    rule: "equals in any case",
    condition: variable("equals", "TRUE"),
    variables: { V: "true" },
    holds: true,
  },
  { rule: "equals as numbers", condition: variable("equals", "10"), variables: { V: "10.0" }, holds: true },
  {
    rule: "equals beyond 2^53",
    condition: variable("equals", "9007199254740993"),
    variables: { V: "9007199254740992" },
    holds: false,
  },
  { rule: "notEquals of one that is not there", condition: variable("notEquals", "TRUE"), holds: true },
  { rule: "less as numbers", condition: variable("less", "10"), variables: { V: "9" }, holds: true },
  { rule: "less as text", condition: variable("less", "10x"), variables: { V: "9x" }, holds: false },
  { rule: "lessEqual", condition: variable("lessEqual", "9"), variables: { V: "9" }, holds: true },
  { rule: "greater, negative", condition: variable("greater", "-5"), variables: { V: "-4" }, holds: true },
  { rule: "greaterEqual", condition: variable("greaterEqual", "5"), variables: { V: "4" }, holds: false },
  { rule: "like with *", condition: variable("like", "*box?"), variables: { V: "a BOX9" }, holds: true },
  {
    rule: "like with %",
    condition: variable("like", "%PATH%"),
    variables: { V: "my path here" },
    holds: true,
  },
  {
    rule: "like needs the whole",
    condition: variable("like", "box"),
    variables: { V: "boxes" },
    holds: false,
  },
  {
    rule: "the value may name a variable",
    condition: variable("equals", "%W%"),
    variables: { V: "x", W: "X" },
    holds: true,
  },
  {
    rule: "built-in variables can be asked for",
    condition: variable("equals", "true", "_smstsinwinpe"),
    variables: { _SMSTSInWinPE: "true" },
    holds: true,
  },

  { rule: "a file by its path alone", condition: file("C:\\there.exe"), holds: true },
  { rule: "a file that is not there", condition: file("C:\\nowhere"), holds: false },
  { rule: "a folder is no file", condition: file("C:\\Folder"), holds: false },
  {
    rule: "a path with variables",
    condition: file("%Drive%\\there.exe"),
    variables: { Drive: "C:" },
    holds: true,
  },
  { rule: "version, part by part as numbers", condition: version("greater", "10.0.9999.0"), holds: true },
  { rule: "version, missing parts are 0", condition: version("less", "10.0.19041"), holds: false },
  { rule: "version equals", condition: version("equals", "10.0.19041.1"), holds: true },
  {
    rule: "time in UTC as CIM writes it",
    condition: time("equals", "20240131120000.000000+000"),
    holds: true,
  },
  { rule: "time as the console shows it", condition: time("less", "1/31/2024 12:00:01 PM"), holds: true },
  { rule: "time greaterEqual", condition: time("greaterEqual", "2024-01-31T12:00:01Z"), holds: false },

  { rule: "a key exists", condition: registry("", "exists"), holds: true },
  {
    rule: "a key does not exist",
    condition: registry("", "notExists", "", "", "HKLM\\SOFTWARE\\None"),
    holds: true,
  },
  { rule: "a value exists", condition: registry("TEXT", "exists"), holds: true },
  {
    rule: "a value exists in that type alone",
    condition: registry("Text", "exists", "", "REG_DWORD"),
    holds: false,
  },
  {
    rule: "the default value by its type",
    condition: registry("", "exists", "", "REG_SZ", "HKLM\\SOFTWARE\\Empty"),
    holds: false,
  },
  { rule: "text in any case", condition: registry("Text", "equals", "hello", "REG_SZ"), holds: true },
  { rule: "numbers as numbers", condition: registry("Number", "greater", "9", "REG_DWORD"), holds: true },
  {
    rule: "numbers in hexadecimal",
    condition: registry("Number", "equals", "0xFF", "REG_DWORD"),
    holds: true,
  },
  { rule: "bytes", condition: registry("Bytes", "equals", "0a ff", "REG_BINARY"), holds: true },
  {
    rule: "notEquals of a value that is not there",
    condition: registry("Absent", "notEquals", "x"),
    holds: true,
  },
  { rule: "equals of a value that is not there", condition: registry("Absent", "equals", ""), holds: false },

  { rule: "this version of a product", condition: software("ThisVersion", "1.2.3"), holds: true },
  { rule: "another version of it", condition: software("ThisVersion", "1.2.4"), holds: false },
  {
    rule: "any version by the upgrade code",
    condition: software("AnyVersion", "9", "{01EFCDAB-EDFA-BCDF-EFDC-AB9078563412}"),
    holds: true,
  },

  {
    rule: "a query that finds one",
    condition: {
      line: 1,
      kind: "wmi",
      namespace: "root\\cimv2",
      query: "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE 'Box%'",
    },
    holds: true,
  },
  {
    rule: "a pattern is no environment variable",
    condition: {
      line: 1,
      kind: "wmi",
      namespace: "root\\cimv2",
      query: "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%PATH%'",
    },
    holds: false,
  },
];
for (const { condition, holds: expected, rule, variables } of rows) {
  test(`condition: ${rule}`, async () => {
    assert.equal(await conditionHolds(condition, world(variables)), expected);
  });
}

const errors: { what: string; condition: Condition; says: RegExp }[] = [
  { what: "an operator nobody knows", condition: variable("resembles", "x"), says: /resembles/ },
  { what: "an expression nobody knows", condition: { line: 1, kind: "unknown", type: "X_Y" }, says: /X_Y/ },
  { what: "a version that is none", condition: version("less", "ten"), says: /ten/ },
  { what: "a time that is none", condition: time("less", "yesterday"), says: /yesterday/ },
  { what: "a root that is none", condition: registry("x", "exists", "", "", "HKXX\\x"), says: /HKXX/ },
  { what: "an operator for software", condition: software("less", "1"), says: /less/ },
  {
    what: "a namespace that is not there",
    condition: { line: 1, kind: "wmi", namespace: "root\\wmi", query: "SELECT * FROM X" },
    says: /root\\wmi/,
  },
];
for (const { condition, says, what } of errors) {
  test(`condition: ${what} is an error, not a no`, async () => {
    await assert.rejects(conditionHolds(condition, world()), { code: "E_CONDITION", message: says });
  });
}

test("conditions nested a hundred thousand deep are judged", async () => {
  let condition: Condition = variable("exists", "");
  for (let depth = 0; depth < 100_000; depth += 1) condition = group("not", condition);
  assert.equal(await conditionHolds(condition, world({ V: "1" })), true);
});

test("times with an offset, and midnight and noon of the console", () => {
  assert.equal(parseTime("20240131120000.500000+060"), Date.UTC(2024, 0, 31, 11, 0, 0, 500));
  assert.equal(parseTime("1/2/2024 12:00 AM"), Date.UTC(2024, 0, 2));
  assert.equal(parseTime("1/2/2024 12:00 PM"), Date.UTC(2024, 0, 2, 12));
});
