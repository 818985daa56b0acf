/** The codes that native code raises are in the registry, under the same names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errors } from "../../../contract/errors.ts";

test("every code of native/engine/error.h is in the registry", () => {
  const header = readFileSync(new URL("../../../../native/engine/error.h", import.meta.url), "utf8");
  const codes = [...header.matchAll(/"(E_[A-Z_]+)"/g)].map((match) => match[1] ?? "");
  assert.ok(codes.length >= 18);
  assert.deepEqual(
    codes.filter((code) => !(code in errors)),
    [],
  );
});
