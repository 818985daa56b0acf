/**
 * The real volley-agent.exe on Wine leaves its Windows for the site's Windows PE, and takes everything back when the site
 * wants nothing any more: bcdedit, manage-bde and schtasks are doubles that keep state.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { errors } from "../../contract/errors.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText, step, variable } from "../fixtures/sequence-text.ts";
import { volley } from "../fixtures/volley-command.ts";
import { makeWinpeMedia } from "../fixtures/winpe-media.ts";
import { packageForWindows, runWine, wineAgent } from "../fixtures/wine.ts";
import { openWineTools, type WineTools } from "../fixtures/wine-tools.ts";
import { bootStore } from "../fixtures/windows-tools/bcdedit.ts";
import { doubleMachine } from "../fixtures/windows-tools/machine.ts";
import { volumeState } from "../fixtures/windows-tools/manage-bde.ts";
import { scheduledTasks } from "../fixtures/windows-tools/scheduler.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
const machine = doubleMachine({ inPe: false, otherLetters: ["C"] });
let folder = "";
let agent = "";
let room: Room;
let tools: WineTools | undefined;
before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), "volley-leaving-"));
  agent = await packageForWindows(join(folder, "package"));
  room = await openRoom("a Windows leaves for a PE");
  tools = openWineTools(folder, machine, ["bcdedit.exe", "manage-bde.exe", "schtasks.exe"]);
});
after(async () => {
  if (skip !== false) return;
  tools?.close();
  await room?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the executable leaves for Windows PE, and takes it back when nobody wants it", { skip }, async () => {
  assert.ok(tools);
  const volume = volumeState(machine, "C:");
  volume.protectors.set("{00000000-0000-0000-0000-000000000000}", "tpm");
  volume.percent = 100;
  bootStore(machine);
  scheduledTasks(machine);
  const untouched = structuredClone(machine.state);
  const media = makeWinpeMedia(join(folder, "media"));
  const site = await room.startSite({ words: ["--media", media.folder] });
  const steps = [
    step("Reboot", "Restart in Windows PE", variable("Target", "WinPE")),
    commandStep("Never here", "cmd.exe /c exit 7"),
  ];
  const file = join(folder, "leaving.xml");
  writeFileSync(file, sequenceText(...steps));
  const added = await volley(site, "sequence", "add", file, "--name", "leaving", "--json");
  const { id: sequenceId } = JSON.parse(added) as SequenceRecord;
  await site.createDeployment({ name: "leaving", imageId: null, sequenceId, packages: [] });
  const wine = wineAgent(agent, join(folder, "agent.out"));
  const wish = { name: "leaving", disk: null, ...wine, environment: tools.environment };
  const first = await room.startAgent(site, wish);
  await first.exits(errors.E_RESTART_NEEDED.exitCode, 300_000);
  const place = join(tools.driveC, "windows", "Volley", "PE");
  assert.ok(readFileSync(join(place, "boot.wim")).equals(media.wim));
  assert.ok(readFileSync(join(place, "boot.sdi")).equals(media.sdi));
  assert.ok(readFileSync(join(place, "volley-agent.exe")).equals(readFileSync(agent)));
  for (const name of ["origin.json", "enrolment.json", "authority.json"]) {
    assert.ok(existsSync(join(place, "state", name)), name);
  }
  const [id = ""] = bootStore(machine).once;
  const device = bootStore(machine).entries.get(id)?.values.get("device") ?? "";
  assert.match(device, /^ramdisk=\[C:\]\\Windows\\Volley\\PE\\boot\.wim,\{[0-9a-f-]{36}\}$/);
  assert.equal(volume.suspendedFor, 2);
  const task = scheduledTasks(machine).get("Volley agent return");
  assert.match(task?.get("Task/Actions/Exec/Command") ?? "", /^C:\\windows\\Volley\\PE\\return\.cmd$/i);
  assert.equal(task?.get("Task/Settings/DisallowStartIfOnBatteries"), "false");
  await volley(site, "deployment", "close", "leaving");
  // What the task starts in the Windows that comes back: the copy of the agent, then the end of both.
  const returned = await runWine(
    ["cmd", "/c", "C:\\windows\\Volley\\PE\\return.cmd"],
    folder,
    tools.environment,
  );
  assert.ok(!existsSync(join(first.options.stateFolder, "staged.json")), returned.story);
  assert.deepEqual(machine.state, untouched, tools.calls.join("\n"));
  // Wine's shell deletes what is in the folder of its script, and not the folder.
  assert.deepEqual(existsSync(place) ? readdirSync(place) : [], []);
  assert.match(first.log, /The site wants nothing of this machine any more/);
});
