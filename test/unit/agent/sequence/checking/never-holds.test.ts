/** Conditions that can never hold, alone and with the groups around them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSequence } from "../../../../../agent/sequence/check.ts";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import { operator, sequenceOf, stepOf, when, wmi } from "../sequence-files.ts";

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

test("a step's condition against those of the groups around it, and no further than the group", async () => {
  const inner = (value: string): string =>
    stepOf("RebootAction", "").replace(
      "<action>",
      `<condition>${when("Make", "equals", value)}</condition><action>`,
    );
  const group = (contents: string): string =>
    `<group name="G"><condition>${when("Make", "equals", "HP")}</condition>${contents}</group>`;
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
    const group = `<group name="G"><condition>${when("_SMSTSInWinPE", "equals", value)}</condition>${stepOf("RebootAction", `runIn="${runIn}"`)}</group>`;
    const said = (await warnings(sequenceOf(group))).join();
    assert.equal(/the step runs in \w+ only, where _SMSTSInWinPE is/.test(said), never, said);
  });
}
