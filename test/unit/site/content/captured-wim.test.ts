/** A WIM with the volumes of a computer that was captured, at import. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chooseEdition } from "../../../../site/content/wim/build.ts";
import { inspectWim } from "../../../../site/content/wim/editions.ts";
import { testFolder } from "../../../fixtures/folder.ts";

test("the only image with a Windows is taken where none is chosen, and none of several", async (t) => {
  const folder = testFolder(t);
  const wim = join(folder, "captured.wim");
  const wimlib = (...words: string[]): void => void execFileSync("wimlib-imagex", words, { stdio: "ignore" });
  for (const [index, name] of ["REF image", "REF image, D: Data", "REF image, E:"].entries()) {
    const tree = join(folder, String(index));
    mkdirSync(tree);
    writeFileSync(join(tree, "a.txt"), name);
    wimlib(index === 0 ? "capture" : "append", tree, wim, name);
  }
  const chosen = async (index?: number): Promise<string> =>
    chooseEdition(await inspectWim(wim, index, t.signal), index).name;
  await assert.rejects(chosen(), { code: "E_IMAGE_CHOICE" }, "nobody knows what these are");
  wimlib("info", wim, "1", "--image-property", "WINDOWS/ARCH=9");
  assert.equal(await chosen(), "REF image");
  assert.equal(await chosen(2), "REF image, D: Data");
  await assert.rejects(chosen(4), { code: "E_NOT_FOUND" });
  wimlib("info", wim, "3", "--image-property", "WINDOWS/ARCH=9");
  await assert.rejects(chosen(), { code: "E_IMAGE_CHOICE" });
});
