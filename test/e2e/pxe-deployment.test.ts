/**
 * A computer with an empty disk starts from the network and becomes a Linux with a name: SeaBIOS, PXE, multicast, restart, and
 * the agent that goes on in the system that was deployed. The smoke of test/e2e/deployed-room.test.ts; takes root.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DeployedRoom, linuxStatuses } from "../fixtures/deployed-room.ts";
import { canMakeNetwork } from "../fixtures/network.ts";

const skip = canMakeNetwork() ? false : "takes root, for a network of its own";
let room: DeployedRoom | null = null;
after(() => room?.close());

test("an empty disk, a BIOS and the network: a Linux of its own, every step told", { skip }, async () => {
  room = await DeployedRoom.open("smoke");
  await room.deployLinux("smoke");
  const computer = room.computer({ number: 1, firmware: "bios", diskMebibytes: 1536 });
  const machine = computer.turnOn();
  await machine.says(/ · BIOS · 10\.9\.8\.\d+/);
  await machine.says(/is on the disk and verified [^(]*\([1-9][\d.]* MB by multicast/);
  await room.waitForState(computer, "succeeded");
  assert.deepEqual(await room.told("smoke", computer), linuxStatuses("smoke"));
  const shown = (await room.statuses("smoke", computer)).find(
    ({ action }) => action === "Show the new system",
  );
  const { facts } = (await room.machineOf(computer)) ?? {};
  assert.match(shown?.output ?? "", new RegExp(`^${facts?.name}\n`));
});
