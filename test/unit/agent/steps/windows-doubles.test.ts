/** The doubles that keep more than one command's state: bcdedit's store, the firewall, a folder's access, recovery. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { testFolder } from "../../../fixtures/folder.ts";
import { accessOf, firewallRules } from "../../../fixtures/windows-tools/agent-tools.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { bootStore } from "../../../fixtures/windows-tools/bcdedit.ts";
import { doubleMachine, windowsTools, type DoubleMachine } from "../../../fixtures/windows-tools/machine.ts";

const windows = (): DoubleMachine => doubleMachine({ inPe: false, otherLetters: ["C", "E"] });

async function run(machine: DoubleMachine, ...command: string[]): Promise<{ ok: boolean; output: string }> {
  const { exitCode, output } = await windowsTools(machine, allTools()).run({ command });
  return { ok: exitCode === 0, output };
}

test("bcdedit: a one-time start from a memory disk is made, and taken back without a trace", async () => {
  const machine = windows();
  const before = structuredClone(bootStore(machine));
  const edit = async (...words: string[]): Promise<string> => {
    const { ok, output } = await run(machine, "bcdedit.exe", ...words);
    assert.ok(ok, `${words.join(" ")}: ${output}`);
    return output;
  };
  await edit("/create", "{ramdiskoptions}", "/d", "Volley");
  await edit("/set", "{ramdiskoptions}", "ramdisksdidevice", "partition=C:");
  await edit("/set", "{ramdiskoptions}", "ramdisksdipath", "\\_SMSTaskSequence\\boot.sdi");
  const made = await edit("/create", "/d", "Volley", "/application", "osloader");
  const id = /\{[0-9a-f-]{36}\}/.exec(made)?.[0] ?? "";
  const disk = "ramdisk=[C:]\\_SMSTaskSequence\\boot.wim,{ramdiskoptions}";
  await edit("/set", id, "device", disk);
  await edit("/set", id, "osdevice", disk);
  await edit("/set", id, "winpe", "yes");
  await edit("/bootsequence", id, "/addfirst");
  assert.deepEqual(bootStore(machine).once, [id]);
  assert.equal(bootStore(machine).entries.get(id)?.values.get("device"), disk);
  assert.match(await edit("/enum", "all"), /boot\.wim/);
  await edit("/delete", id, "/cleanup");
  await edit("/delete", "{ramdiskoptions}", "/f");
  assert.deepEqual(bootStore(machine), before);
});

test("bcdedit refuses what is not documented", async () => {
  const wrong = [
    ["/make"],
    ["/create", "/d", "x"],
    ["/create", "/d", "x", "/application", "loader"],
    ["/create", "{bootmgr}", "/d", "x"],
    ["/create", "{ramdiskoptions}"],
    ["/set", "{current}", "speed", "fast"],
    ["/set", "{current}", "winpe", "perhaps"],
    ["/set", "{current}", "device", "partition=Q:"],
    ["/set", "{current}", "device", "C:"],
    ["/set", "{00000000-0000-0000-0000-000000000000}", "winpe", "yes"],
    ["/bootsequence"],
    ["/bootsequence", "current"],
    ["/delete", "{current}"],
    ["/default", "{current}", "{bootmgr}"],
    ["/timeout", "soon"],
    ["/deletevalue", "{current}", "winpe"],
  ];
  for (const words of wrong) assert.ok(!(await run(windows(), "bcdedit.exe", ...words)).ok, words.join(" "));
});

test("netsh: a rule is there until it is deleted, and only as documented", async () => {
  const machine = windows();
  const rule = ["advfirewall", "firewall"];
  const name = "name=Volley";
  assert.ok((await run(machine, "netsh.exe", ...rule, "add", "rule", name, "dir=in", "action=allow")).ok);
  assert.equal(firewallRules(machine).length, 1);
  assert.ok((await run(machine, "netsh.exe", ...rule, "delete", "rule", name)).ok);
  assert.ok(!(await run(machine, "netsh.exe", ...rule, "delete", "rule", name)).ok);
  for (const word of ["dir=both", "action=open", "name=all", "port=5", "profile=home"]) {
    assert.ok(
      !(await run(machine, "netsh.exe", ...rule, "add", "rule", name, "dir=in", "action=allow", word)).ok,
      word,
    );
  }
  const inPe = doubleMachine();
  assert.ok(!(await run(inPe, "netsh.exe", ...rule, "add", "rule", name, "dir=in", "action=allow")).ok);
});

test("icacls, taskkill, shutdown, reagentc and wpeutil keep what they did and refuse the rest", async (t) => {
  const folder = testFolder(t);
  const machine = windows();
  assert.ok(
    (await run(machine, "icacls.exe", folder, "/inheritance:r", "/grant:r", "*S-1-5-18:(OI)(CI)F")).ok,
  );
  assert.deepEqual(accessOf(machine, folder).inherits, false);
  assert.deepEqual([...accessOf(machine, folder).grants], [["*S-1-5-18", "(OI)(CI)F"]]);
  for (const word of ["/inheritance:x", "/allow", "/grant:w"]) {
    assert.ok(!(await run(machine, "icacls.exe", folder, word, "*S-1-5-18:F")).ok, word);
  }
  assert.ok(!(await run(machine, "icacls.exe", `${folder}/none`, "/reset")).ok);
  machine.state.set(
    "processes",
    new Map([
      [4, [5]],
      [5, [6]],
      [6, []],
      [7, []],
    ]),
  );
  assert.ok((await run(machine, "taskkill.exe", "/PID", "4", "/T", "/F")).ok);
  assert.deepEqual([...(machine.state.get("processes") as Map<number, number[]>).keys()], [7]);
  assert.ok(!(await run(machine, "taskkill.exe", "/PID", "4", "/F")).ok);
  assert.ok(!(await run(machine, "taskkill.exe", "/F")).ok);
  assert.ok((await run(machine, "shutdown.exe", "/r", "/t", "0", "/d", "p:2:4")).ok);
  assert.ok(!(await run(machine, "shutdown.exe", "/restart")).ok);
  assert.ok(!(await run(machine, "reagentc.exe", "/enable")).ok, "there is no image yet");
  assert.ok((await run(machine, "reagentc.exe", "/setreimage", "/path", "R:\\Recovery")).ok);
  assert.ok((await run(machine, "reagentc.exe", "/enable")).ok);
  assert.match((await run(machine, "reagentc.exe", "/info")).output, /Enabled/);
  const inPe = doubleMachine();
  assert.ok((await run(inPe, "wpeutil.exe", "DisableFirewall")).ok);
  assert.equal(inPe.state.get("pe firewall"), false);
});
