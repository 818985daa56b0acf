/** Conditions as people read them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSequence } from "../../../../../agent/sequence/check.ts";
import { conditionWords } from "../../../../../agent/sequence/checking/condition-words.ts";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import type { Condition } from "../../../../../agent/sequence/tree.ts";
import { managerSequence } from "../sequence-files.ts";

const variable = (operator: string, value = "x"): Condition => ({
  kind: "variable",
  variable: "V",
  operator,
  value,
  line: 1,
});
const group = (kind: "and" | "or" | "not", ...conditions: Condition[]): Condition => ({
  kind,
  conditions,
  line: 1,
});

test("every kind of condition is a sentence's part, and brackets stand where they are needed", async () => {
  const [read] = await readSequences(Buffer.from(managerSequence));
  assert.ok(read);
  const { groups, steps } = checkSequence(read, { supportOf: () => undefined });
  assert.equal(
    groups[0]?.condition,
    '_SMSTSInWinPE is "true"' +
      ' and not (the folder %_SMSTSMDataPath%\\Drivers exists and its date is greater than "20240101000000.000000+***")' +
      ' and (the file c:\\a.exe exists and its version is at least "1.2.3.4"' +
      ' or the registry\'s HKEY_LOCAL_MACHINE\\SOFTWARE\\A\\B is "1"' +
      " or WMI (root\\cimv2) answers something to: SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%Latitude%'" +
      " or A product is installed in any version)" +
      " and WMI (root\\cimv2) answers something to: SELECT * FROM Win32_OperatingSystem WHERE BuildNumber >= 10240",
  );
  assert.deepEqual(
    groups.slice(0, 2).map(({ before, depth, disabled, name }) => [name, depth, before, disabled]),
    [
      ["Install", 0, 0, false],
      ["Empty", 1, 1, true],
    ],
  );
  assert.equal(steps[0]?.depth, 1);
});

test("operators read as words, and what is empty says what it comes to", () => {
  assert.equal(conditionWords(null), "");
  assert.equal(conditionWords(variable("exists")), "V is set");
  assert.equal(conditionWords(variable("notExists")), "V is not set");
  assert.equal(conditionWords(variable("lessEqual", "3")), 'V is at most "3"');
  assert.equal(conditionWords(variable("resembles")), 'V resembles "x"');
  assert.equal(conditionWords(group("or")), "never");
  assert.equal(
    conditionWords(group("not", variable("exists"), variable("like"))),
    'not (V is set or V is like "x")',
  );
  assert.equal(conditionWords(group("and", group("or", variable("exists")))), "V is set");
});

test("however deep or long it is, it is written and bounded", () => {
  let deep = variable("exists");
  for (let level = 0; level < 100_000; level += 1) deep = group("not", deep);
  assert.equal(conditionWords(deep).length, 1001);
  const wide = group("and", ...Array.from({ length: 50_000 }, () => variable("exists")));
  assert.ok(conditionWords(wide).endsWith("…"));
});
