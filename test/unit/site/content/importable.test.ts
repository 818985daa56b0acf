/** What people elsewhere may import: the files of one folder, and nothing that a path or a link leads to from there. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import { importPath, listImportable, putImportable } from "../../../../site/content/importable.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const isForbidden = (error: unknown): boolean => error instanceof VolleyError && error.code === "E_FORBIDDEN";

test("the folder is made, and shows images and folders of Clonezilla and FOG alone", async (context) => {
  const folder = join(testFolder(context), "import");
  assert.deepEqual(await listImportable(folder), { folder, files: [] });
  for (const name of ["room/lab/.hidden", "fog", "a/b/c/d"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  for (const name of ["b.qcow2", "notes.txt", "room/a.wim", ".part.img", "a/b/c/d/deep.raw"]) {
    writeFileSync(join(folder, name), name);
  }
  writeFileSync(join(folder, "fog", "d1.partitions"), "");
  writeFileSync(join(folder, "fog", "d1p1.img"), "");
  const { files } = await listImportable(folder);
  assert.deepEqual(
    files.map(({ bytes, kind, path }) => [path, kind, bytes]),
    [
      ["b.qcow2", "file", 7],
      ["fog", "folder", null],
      ["room/a.wim", "file", 10],
    ],
  );
});

test("no path and no link leads out of the folder, but for who is at the site's machine", async (context) => {
  const top = testFolder(context);
  const folder = join(top, "import");
  mkdirSync(join(folder, "room"), { recursive: true });
  writeFileSync(join(top, "secret.img"), "");
  writeFileSync(join(folder, "room", "lab.img"), "");
  symlinkSync(join(top, "secret.img"), join(folder, "link.img"));
  symlinkSync(top, join(folder, "up"));
  const bound = { folder, isFree: false };
  assert.equal(await importPath("room/lab.img", bound), join(folder, "room/lab.img"));
  assert.equal(await importPath(join(folder, "room/lab.img"), bound), join(folder, "room/lab.img"));
  assert.equal(await importPath("missing.img", bound), join(folder, "missing.img"));
  const ways = ["..", ".", "../secret.img", "room/../../secret.img", "link.img", "up/secret.img"];
  for (const path of [...ways, join(top, "secret.img"), "../missing.img", "/etc/shadow"]) {
    await assert.rejects(importPath(path, bound), isForbidden, path);
  }
  const free = { folder, isFree: true };
  assert.equal(await importPath(join(top, "secret.img"), free), join(top, "secret.img"));
  await assert.rejects(importPath("../secret.img", free), isForbidden);
});

test("a file that was brought is put there whole, from another file system too, and overwrites none", async (context) => {
  const folder = join(testFolder(context), "import");
  const memory = mkdtempSync("/dev/shm/volley-importable-");
  context.after(() => rmSync(memory, { recursive: true }));
  for (const [index, from] of [testFolder(context), memory].entries()) {
    const path = join(from, "upload");
    const name = `brought-${index}.qcow2`;
    writeFileSync(path, name);
    await putImportable(folder, path, name);
    assert.equal(readFileSync(join(folder, name), "utf8"), name);
    assert.ok(!existsSync(path));
    writeFileSync(path, "another");
    await assert.rejects(putImportable(folder, path, name), { code: "E_CONFLICT" });
    await assert.rejects(putImportable(folder, path, "notes.txt"), { code: "E_IMAGE_FORMAT" });
    assert.equal(readFileSync(join(folder, name), "utf8"), name);
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ["brought-0.qcow2", "brought-1.qcow2"]);
});
