/** What may be typed after "sequence", and what comes out for it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseCommandLine } from "../../../agent/commands/command-line.ts";
import { checkSequenceFile } from "../../../agent/commands/sequence-command.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { toolkitSequence } from "./sequence/sequence-files.ts";

test("sequence check FILE, with and without --json", () => {
  assert.deepEqual(parseCommandLine(["sequence", "check", "a.xml"]), {
    kind: "sequence",
    sequence: { action: "check", file: "a.xml", json: false },
  });
  assert.deepEqual(parseCommandLine(["sequence", "check", "--json", "a.xml"]), {
    kind: "sequence",
    sequence: { action: "check", file: "a.xml", json: true },
  });
  assert.equal(parseCommandLine(["sequence", "check", "--help"]).kind, "help");
});

for (const [words, says] of [
  [["sequence"], /missing: check or run/],
  [["sequence", "fly"], /"sequence fly"/],
  [["sequence", "check"], /file is missing/],
  [["sequence", "check", "a", "b"], /One file at a time: b/],
  [["sequence", "check", "a", "--xml"], /--xml/],
] as const) {
  test(`"${words.join(" ")}" is not understood`, () => {
    assert.throws(
      () => parseCommandLine(words),
      (error) => error instanceof VolleyError && error.code === "E_USAGE" && says.test(error.detail),
    );
  });
}

test("the check of a file goes out, also with problems; a file that is none is an error", async () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-sequence-"));
  try {
    const file = join(folder, "ts.xml");
    writeFileSync(file, toolkitSequence.replace("expand=", "oddity="));
    const run = async (json: boolean): Promise<string> => {
      let out = "";
      await checkSequenceFile({ action: "check", file, json }, { supportOf: () => undefined }, (text) => {
        out += text;
        return Promise.resolve();
      });
      return out;
    };
    assert.match(await run(false), /Task sequence Standard \(MDT 3\.00\)/);
    assert.equal((JSON.parse(await run(true)) as { problems: unknown[] }).problems.length, 1);
    writeFileSync(file, "no sequence");
    await assert.rejects(run(true), { code: "E_SEQUENCE_UNREADABLE" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
