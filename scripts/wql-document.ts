/** Writes docs/WQL.md from the classes that conditions know: `node dist/scripts/wql-document.js > docs/WQL.md`. */
import { pathToFileURL } from "node:url";
import { wmiClasses } from "../agent/sequence/conditions/wmi-classes.ts";

/** What may stand in a query, each with a query that has it. */
export const wqlForms: readonly { form: string; query: string }[] = [
  { form: "`SELECT *`, or properties", query: "SELECT Model, Name FROM Win32_ComputerSystem" },
  { form: "`=` `<>` `!=`", query: "SELECT * FROM Win32_DiskDrive WHERE InterfaceType != 'USB'" },
  {
    form: "`<` `>` `<=` `>=`",
    query: "SELECT * FROM Win32_ComputerSystem WHERE TotalPhysicalMemory >= 8589934592",
  },
  {
    form: "`LIKE`, `NOT LIKE` with `%`, `_`, `[a-f]` and `[^a-f]`",
    query: "SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%Latitude 5[0-9]_0%'",
  },
  { form: "`IS NULL`, `IS NOT NULL`", query: "SELECT * FROM Win32_NetworkAdapter WHERE Speed IS NOT NULL" },
  {
    form: "`AND`, `OR`, `NOT`, parentheses",
    query: "SELECT * FROM Win32_DiskDrive WHERE NOT (Index = 0 OR Index = 1) AND Size > 0",
  },
  { form: "`TRUE`, `FALSE`", query: "SELECT * FROM Win32_Tpm WHERE IsEnabled_InitialValue = TRUE" },
  {
    form: "a property of several values: any of them",
    query: "SELECT * FROM Win32_SystemEnclosure WHERE ChassisTypes = 10",
  },
];

export function wqlDocument(): string {
  return [
    "# WQL",
    "",
    "What a condition may ask of WMI in every system, a plain Windows PE and a Linux PE among them: a query of these forms for one of",
    "these classes is answered from a table of facts of the machine. Where Windows has WMI and PowerShell, every other query is",
    "answered by it. Elsewhere it cannot be judged, and what has the condition fails with a sentence that says why; it never counts",
    "as false. The same is so of a class or property of these that the system at hand says nothing of. `sequence check` names the",
    "queries that are beyond this page, by line. It is written from `agent/sequence/conditions/wmi-classes.ts`; a test holds the two",
    "together.",
    "",
    "## Forms",
    "",
    "In any case; texts in single or double quotation marks, `\\` before one that is meant. A null is neither equal nor unequal to",
    "anything, as in WMI.",
    "",
    "| form | a query |",
    "|---|---|",
    ...wqlForms.map(({ form, query }) => `| ${form} | \`${query}\` |`),
    "",
    "## Classes",
    "",
    "In `root\\cimv2`; `Win32_Tpm` in `root\\cimv2\\Security\\MicrosoftTpm`, too.",
    "",
    "| class | properties |",
    "|---|---|",
    ...wmiClasses.map(({ name, properties }) => `| \`${name}\` | ${[...properties.values()].join(", ")} |`),
    "",
  ].join("\n");
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(wqlDocument());
}
