/** The subset of WQL, by rule; what is beyond it is an error that says so. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkQuery, queryHolds, queryRows, type WmiRow } from "../../../../agent/sequence/conditions/wql.ts";
import { wqlDocument, wqlForms } from "../../../../scripts/wql-document.ts";

const tables: Record<string, WmiRow[]> = {
  Win32_ComputerSystem: [
    {
      Manufacturer: "Hewlett-Packard",
      Model: "EliteBook 8560w",
      TotalPhysicalMemory: 8589934592,
      HypervisorPresent: false,
    },
  ],
  Win32_SystemEnclosure: [{ ChassisTypes: [10, 31], SerialNumber: "a\\b'c\"d" }],
  Win32_DiskDrive: [
    { Index: 0, InterfaceType: "SCSI", Size: 500_000_000_000, Model: "50% [new]_x" },
    { Index: 1, InterfaceType: "USB", Size: 16_000_000_000, Model: "Stick" },
    { Index: 2, InterfaceType: null, Size: null, Model: null },
  ],
  Win32_Battery: [],
  Win32_Tpm: [{ SpecVersion: "2.0, 0, 1.16", IsEnabled_InitialValue: true }],
};
const source = { rows: async (name: string) => tables[name] ?? [] };
const count = async (query: string, namespace = "root\\cimv2"): Promise<number> =>
  (await queryRows(source, namespace, query)).length;

const rows: [rule: string, query: string, found: number][] = [
  ["all instances", "SELECT * FROM Win32_DiskDrive", 3],
  ["none of them", "SELECT * FROM Win32_Battery", 0],
  ["in any case", "select MODEL from win32_computersystem where MODEL = 'elitebook 8560W'", 1],
  ["several properties", "SELECT Model, Size FROM Win32_DiskDrive WHERE Index=1", 1],
  ["double quotation marks", 'SELECT * FROM Win32_ComputerSystem WHERE Manufacturer = "Hewlett-Packard"', 1],
  ["escapes", String.raw`SELECT * FROM Win32_SystemEnclosure WHERE SerialNumber = 'a\\b\'c\"d'`, 1],
  ["LIKE with %", "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%EliteBook 8560w%'", 1],
  ["LIKE with _", "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE 'EliteBook 85_0w'", 1],
  ["LIKE with a range", "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '[a-f]%8[0-9]60w'", 1],
  ["LIKE with what a set excludes", "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '[^a-f]%'", 0],
  ["LIKE with a wildcard in a set", "SELECT * FROM Win32_DiskDrive WHERE Model LIKE '50[%] [[]new]%'", 1],
  ["NOT LIKE, where nothing is neither", "SELECT * FROM Win32_DiskDrive WHERE NOT Model LIKE 'S%'", 1],
  ["<>", "SELECT * FROM Win32_DiskDrive WHERE InterfaceType <> 'USB'", 1],
  ["!=", "SELECT * FROM Win32_DiskDrive WHERE InterfaceType != 'USB'", 1],
  ["numbers", "SELECT * FROM Win32_DiskDrive WHERE Size > 16000000000", 1],
  [
    "numbers with >= and <=",
    "SELECT * FROM Win32_DiskDrive WHERE Size >= 16000000000 AND Size <= 16000000000",
    1,
  ],
  [
    "numbers in quotation marks",
    "SELECT * FROM Win32_ComputerSystem WHERE TotalPhysicalMemory >= '8589934592'",
    1,
  ],
  ["the value first", "SELECT * FROM Win32_DiskDrive WHERE 1 = Index", 1],
  ["IS NULL", "SELECT * FROM Win32_DiskDrive WHERE InterfaceType IS NULL", 1],
  ["IS NOT NULL", "SELECT * FROM Win32_DiskDrive WHERE InterfaceType IS NOT NULL", 2],
  ["= NULL", "SELECT * FROM Win32_DiskDrive WHERE Size = NULL", 1],
  [
    "AND before OR",
    "SELECT * FROM Win32_DiskDrive WHERE Index = 2 OR Index = 1 AND InterfaceType = 'SCSI'",
    1,
  ],
  [
    "parentheses",
    "SELECT * FROM Win32_DiskDrive WHERE (Index = 2 OR Index = 1) AND InterfaceType = 'USB'",
    1,
  ],
  ["NOT before AND", "SELECT * FROM Win32_DiskDrive WHERE NOT Index = 0 AND NOT Index = 1", 1],
  ["TRUE and FALSE", "SELECT * FROM Win32_ComputerSystem WHERE HypervisorPresent = FALSE", 1],
  [
    "a property of several values is any of them",
    "SELECT * FROM Win32_SystemEnclosure WHERE ChassisTypes = 10",
    1,
  ],
  ["and is unlike all of them", "SELECT * FROM Win32_SystemEnclosure WHERE ChassisTypes <> 31", 0],
];
for (const [rule, query, found] of rows) {
  test(`WQL: ${rule}`, async () => {
    assert.equal(await count(query), found);
  });
}

test("WQL: namespaces in any spelling, and the TPM in its own", async () => {
  const all = "SELECT * FROM Win32_DiskDrive";
  for (const namespace of ["root\\cimv2", "ROOT/CIMV2", "\\\\.\\root\\cimv2", ""]) {
    assert.equal(await count(all, namespace), 3);
  }
  const tpm = "SELECT * FROM Win32_Tpm WHERE IsEnabled_InitialValue = TRUE";
  assert.equal(await count(tpm, "root\\cimv2\\Security\\MicrosoftTpm"), 1);
  await assert.rejects(count(all, "root\\cimv2\\Security\\MicrosoftTpm"), { code: "E_CONDITION" });
});

const errors: [what: string, query: string, says: RegExp][] = [
  ["a class that is not among the facts", "SELECT * FROM Win32_Printer", /Win32_Printer/],
  ["a property the class has not", "SELECT * FROM Win32_Battery WHERE Colour = 'red'", /Colour/],
  ["a property the class has not, selected", "SELECT Colour FROM Win32_Battery", /Colour/],
  ["no WHERE", "SELECT * FROM Win32_Battery HAVING 1", /HAVING/],
  ["an association", "ASSOCIATORS OF {Win32_DiskDrive}", /ASSOCIATORS/],
  ["a quotation mark that is not closed", "SELECT * FROM Win32_Battery WHERE Name = 'x", /'x/],
  ["an operator without a value", "SELECT * FROM Win32_Battery WHERE Name =", /end/],
  ["two values", "SELECT * FROM Win32_Battery WHERE 1 = 1", /property/],
  ["nothing", "", /SELECT/],
  ["too long", `SELECT * FROM Win32_Battery WHERE Name = '${"x".repeat(17_000)}'`, /characters/],
  [
    "too deep",
    `SELECT * FROM Win32_Battery WHERE ${"(".repeat(200)}Name = 'x'${")".repeat(200)}`,
    /parentheses/,
  ],
];
for (const [what, query, says] of errors) {
  test(`WQL: ${what} is an error`, async () => {
    await assert.rejects(count(query), { code: "E_CONDITION", message: says });
  });
}

test("WQL: what hangs on a property or a class that is not looked for is no false", async () => {
  const computer = "SELECT * FROM Win32_ComputerSystem WHERE";
  for (const where of [
    "PartOfDomain = TRUE",
    "NOT PartOfDomain = TRUE",
    "Domain IS NULL",
    "PartOfDomain = TRUE AND HypervisorPresent = FALSE",
    "HypervisorPresent = TRUE OR PartOfDomain = TRUE",
  ]) {
    await assert.rejects(
      count(`${computer} ${where}`),
      {
        code: "E_CONDITION",
        message: /The property (PartOfDomain|Domain) of Win32_ComputerSystem is not among/,
      },
      where,
    );
  }
  // The rest decides.
  assert.equal(await count(`${computer} PartOfDomain = TRUE AND HypervisorPresent = TRUE`), 0);
  assert.equal(await count(`${computer} PartOfDomain = TRUE OR HypervisorPresent = FALSE`), 1);
  assert.equal(await count("SELECT PartOfDomain FROM Win32_ComputerSystem"), 1);
  await assert.rejects(queryRows({ rows: async () => null }, "", "SELECT * FROM Win32_PhysicalMemory"), {
    code: "E_CONDITION",
    message: /The class Win32_PhysicalMemory is not among/,
  });
  const real = { ...source, ask: async () => true };
  assert.equal(await queryHolds(real, "", `${computer} PartOfDomain = TRUE`), true);
});

test("docs/WQL.md is the code's, and every query in it is understood", () => {
  const written = readFileSync(fileURLToPath(new URL("../../../../../docs/WQL.md", import.meta.url)), "utf8");
  assert.equal(written, wqlDocument(), "node dist/scripts/wql-document.js > docs/WQL.md");
  for (const { query } of wqlForms) checkQuery("root\\cimv2", query);
});

test("a query beyond the table is the real WMI's, where there is one; what is in the table is not", async () => {
  const asked: string[] = [];
  const real = (answer: boolean | null) => ({
    rows: async () => [],
    ask: async (namespace: string, query: string) => {
      asked.push(`${namespace} ${query}`);
      return answer;
    },
  });
  const beyond = "SELECT * FROM Win32_PnPEntity WHERE DeviceID LIKE 'PCI%'";
  const space = "root\\cimv2";
  assert.equal(await queryHolds(real(true), space, beyond), true);
  assert.equal(await queryHolds(real(false), space, beyond), false);
  assert.deepEqual(asked, [`${space} ${beyond}`, `${space} ${beyond}`]);
  await assert.rejects(queryHolds(real(null), space, beyond), { code: "E_CONDITION" });
  await assert.rejects(queryHolds({ rows: async () => [] }, space, beyond), { code: "E_CONDITION" });
  assert.equal(await queryHolds(real(true), space, "SELECT * FROM Win32_Battery"), false);
  assert.equal(asked.length, 3);
});
