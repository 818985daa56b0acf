import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ErrorAnswer } from "../../../contract/common.ts";
import { errors, isErrorCode, toVolleyError, VolleyError, type ErrorCode } from "../../../contract/errors.ts";
import { errorsDocument } from "../../../scripts/errors-document.ts";

const root = process.cwd();

function sources(folder: string, endings: readonly string[]): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .map((name) => join(root, folder, name));
}

test("docs/ERRORS.md is what the registry says", () => {
  assert.equal(readFileSync(join(root, "docs/ERRORS.md"), "utf8"), errorsDocument());
});

test("entries are complete: sentences, an HTTP error status, an exit code that is no success", () => {
  for (const [code, entry] of Object.entries(errors)) {
    assert.match(code, /^E_[A-Z_]+$/);
    assert.match(entry.meaning, /^[A-Z].*\.$/, `${code}: meaning`);
    assert.match(entry.remedy, /^[A-Z].*\.$/, `${code}: remedy`);
    assert.ok(entry.httpStatus >= 400 && entry.httpStatus <= 599, `${code}: HTTP status ${entry.httpStatus}`);
    assert.ok(entry.exitCode >= 1 && entry.exitCode <= 255, `${code}: exit code ${entry.exitCode}`);
  }
});

test("every code that TypeScript or C++ names is in the registry, and every entry is used", () => {
  const used = new Set<string>();
  const files = [
    ...["agent", "site", "contract", "scripts"].flatMap((folder) => sources(folder, [".ts"])),
    ...sources("native", [".ts", ".cpp", ".h"]),
  ].filter((file) => !file.endsWith(join("contract", "errors.ts")));
  for (const file of files) {
    for (const [code] of readFileSync(file, "utf8").matchAll(/\bE_[A-Z]+(?:_[A-Z]+)*\b/g)) {
      assert.ok(isErrorCode(code), `${file} names ${code}, which is not in the registry`);
      used.add(code);
    }
  }
  const unused = Object.keys(errors).filter((code) => !used.has(code));
  assert.deepEqual(unused, [], "entries nobody uses");
});

test("an error answer carries every code of the registry", () => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    const answer = { code, detail: "what happened", remedy: errors[code].remedy };
    assert.deepEqual(ErrorAnswer.parse(answer), answer);
  }
});

test("any thrown value becomes an error of the registry", () => {
  const native = Object.assign(new Error("pwrite on /dev/x"), { code: "E_DEVICE_WRITE" });
  assert.equal(toVolleyError(native).code, "E_DEVICE_WRITE");
  assert.equal(toVolleyError(Object.assign(new Error("no"), { code: "ENOENT" })).code, "E_INTERNAL");
  assert.equal(toVolleyError("text").detail, "text");
  const own = new VolleyError("E_USAGE", "no such option");
  assert.equal(toVolleyError(own), own);
  assert.equal(own.toString().split("\n").length, 3);
});
