/** What atftpd is told, and what is read from what it says. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import { TftpLog, tftpRules } from "../../../../site/boot/pxe-tftp.ts";
import { testFolder } from "../../../fixtures/folder.ts";

test("names as Windows' boot managers ask for them are those of the folder; no other name becomes one", (t) => {
  const file = join(testFolder(t), "rules");
  writeFileSync(file, tftpRules());
  const names: [asked: string, found: string | null][] = [
    ["\\Boot\\BCD", "Boot/BCD"],
    ["\\boot\\bcd", "Boot/BCD"],
    ["/boot/Boot.SDI", "Boot/boot.sdi"],
    ["\\Boot\\BCD.bios", "Boot/BCD.bios"],
    ["Boot\\boot.wim", "Boot/boot.wim"],
    ["\\boot\\fonts\\wgl4_boot.ttf", "Boot/Fonts/wgl4_boot.ttf"],
    ["\\bootmgr.exe", "bootmgr.exe"],
    ["\\Boot\\..\\..\\dhcp.conf", null],
    ["\\..\\dhcp.conf", null],
    ["/boot/none_52:54:00:00:00:01.cfg", null],
    ["\\Boot\\BCDx", null],
  ];
  const input = `${names.map(([asked]) => asked).join("\n")}\n`;
  const said = execFileSync("atftpd", ["--pcre-test", file], { input, encoding: "utf8" });
  const answers = [...said.matchAll(/^Substitution: ".*" -> "(.*)"$/gm)].map(([, found]) => found);
  assert.deepEqual(
    answers,
    names.map(([, found]) => found ?? ""),
  );
});

test("what was sent and what was not there is told by the thread that says it; lines without an end are not kept", () => {
  const log = new TftpLog();
  const say = (thread: number, text: string) =>
    log.heard(`Nov 23 04:38:55 host atftpd[321.${thread}]: ${text}`);
  assert.equal(say(1, "Serving /boot/a.cfg to 10.0.0.5:1234"), null);
  assert.equal(say(2, "Serving \\Boot\\BCD to 10.0.0.6:99"), null);
  assert.deepEqual(say(1, "File .//boot/a.cfg not found"), {
    file: "boot/a.cfg",
    address: "10.0.0.5",
    outcome: "missing",
  });
  assert.equal(say(1, "Server thread exiting"), null);
  assert.equal(say(2, "blksize option -> 1456"), null);
  assert.deepEqual(say(2, "Server thread exiting"), {
    file: "\\Boot\\BCD",
    address: "10.0.0.6",
    outcome: "sent",
  });
  for (let thread = 1; thread <= 4 * limits.pxeTftpTransfers; thread += 1) {
    say(thread, "Serving x to 10.0.0.7:1");
  }
  assert.equal(say(1, "Server thread exiting"), null);
  assert.equal(say(4 * limits.pxeTftpTransfers, "Server thread exiting")?.outcome, "sent");
});
