/** Move State Store (MDT), and how files are moved between volumes. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { codes } from "../../../../agent/steps/codes.ts";
import { copyPath, movePath } from "../../../../agent/steps/toolkit/trees.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { drives, performScript } from "../../../fixtures/toolkit-step.ts";

test("Move State Store: user state and backup, to Windows\\Temp\\StateStore", async (t) => {
  const folder = testFolder(t);
  const put = (path: string, text = path): void => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  put("C/Windows/System32/ntoskrnl.exe", "");
  for (const [system, variables] of [
    ["windows", {}],
    ["winpe", { OSDTargetSystemDrive: "C:" }],
  ] as const) {
    put("D/StateStore/USMT/USMT.MIG");
    put("D/StateStore/list.txt");
    put("D/Backup/PC1.wim");
    put("D/Backup/other.wim");
    const { context, outcome } = await performScript("ZTIMoveStateStore", {
      system,
      variables: {
        ...variables,
        OSDStateStorePath: "D:\\StateStore",
        ComputerBackupLocation: "D:\\Backup",
        OSDComputerName: "PC1",
      },
      services: drives(folder),
    });
    assert.equal(outcome.exitCode, 0, outcome.text);
    const target = join(folder, "C/Windows/Temp/StateStore");
    assert.deepEqual(readdirSync(target).toSorted(), ["PC1.wim", "USMT", "list.txt"]);
    assert.equal(readFileSync(join(target, "USMT/USMT.MIG"), "utf8"), "D/StateStore/USMT/USMT.MIG");
    assert.ok(!existsSync(join(folder, "D/StateStore")));
    assert.deepEqual(readdirSync(join(folder, "D/Backup")), ["other.wim"]);
    assert.equal(context.variables.get("OSDStateStorePath"), "C:\\Windows\\Temp\\StateStore");
    const again = await performScript("ZTIMoveStateStore", {
      system,
      variables: { ...variables, OSDStateStorePath: "C:\\Windows\\Temp\\StateStore" },
      services: drives(folder),
    });
    assert.equal(again.outcome.exitCode, 0, "what is there already stays");
    assert.deepEqual(readdirSync(target).toSorted(), ["PC1.wim", "USMT", "list.txt"]);
  }
  const rows: [rule: string, variables: Record<string, string>, exitCode: number][] = [
    ["nothing is kept", {}, 0],
    ["a share's state stays there", { OSDStateStorePath: "\\\\server\\state" }, 0],
    ["state that is not where it is said to be", { OSDStateStorePath: "D:\\Gone" }, codes.fileNotFound],
    [
      "a store around the folder it goes to",
      { OSDStateStorePath: "C:\\Windows\\Temp" },
      codes.invalidSetting,
    ],
  ];
  for (const [rule, variables, exitCode] of rows) {
    const ran = await performScript("ZTIMoveStateStore", {
      system: "windows",
      variables,
      services: drives(folder),
    });
    assert.equal(ran.outcome.exitCode, exitCode, `${rule}: ${ran.outcome.text}`);
  }
  assert.equal(
    readFileSync(join(folder, "C/Windows/Temp/StateStore/list.txt"), "utf8"),
    "D/StateStore/list.txt",
  );
});

test("a move that was cut off goes on, and loses nothing of either half", async (t) => {
  const folder = testFolder(t);
  const context = testContext();
  mkdirSync(join(folder, "from/deep"), { recursive: true });
  mkdirSync(join(folder, "to/deep"), { recursive: true });
  // Of an earlier try: what had been copied is there, and its source has gone in part.
  writeFileSync(join(folder, "to/deep/first"), "first");
  writeFileSync(join(folder, "to/deep/second"), "sec");
  writeFileSync(join(folder, "from/deep/second"), "second");
  await movePath(context, join(folder, "from/deep"), join(folder, "to/deep"));
  assert.equal(readFileSync(join(folder, "to/deep/first"), "utf8"), "first");
  assert.equal(readFileSync(join(folder, "to/deep/second"), "utf8"), "second");
  assert.deepEqual(readdirSync(join(folder, "from")), []);
  symlinkSync("second", join(folder, "to/deep/link"));
  assert.equal(await copyPath(context, join(folder, "to"), join(folder, "copy")), 3);
  assert.equal(readFileSync(join(folder, "copy/deep/link"), "utf8"), "second");
  const ending = new AbortController();
  ending.abort();
  const ended = { ...context, signal: ending.signal };
  await assert.rejects(copyPath(ended, join(folder, "to"), join(folder, "none")), { name: "AbortError" });
  assert.ok(!existsSync(join(folder, "none")));
});
