/** What only Windows tells is refused elsewhere by name, before the addon is asked for what it does not have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { windowsAdapters, windowsDisks, windowsSmbios, windowsSystem } from "../../../native/index.ts";

test("another system is told that it is no Windows", { skip: process.platform === "win32" }, () => {
  for (const ask of [windowsSmbios, windowsSystem, windowsAdapters, windowsDisks]) {
    assert.throws(ask, /runs Windows only/);
  }
});
