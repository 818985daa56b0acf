/**
 * `scripts/bench boot`: from the moment an emulated computer (TCG, no help of the processor) is switched on until its agent has
 * joined the session of its deployment: firmware, PXE, kernel, drivers, agent, site. One computer at a time, of each firmware,
 * over real DHCP and TFTP. Root only. The last line is the result.
 */
import { parseArgs } from "node:util";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { atOnce, DeployedRoom } from "../fixtures/deployed-room.ts";
import type { Firmware } from "../fixtures/virtual-machine.ts";
import { waitFor } from "../fixtures/program.ts";
import { median, parseCount, rounded } from "./report.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "3" } } });
const runs = parseCount("--runs", values.runs, 1, 20);
const limitMs = 10 * 60_000;
const joined = /Joined session \d+/;

const room = await DeployedRoom.open("bench boot");
try {
  const image = join(room.folder, "small.raw");
  writeFileSync(image, randomBytes(8 * 2 ** 20));
  await room.volley("image", "import", image, "--name", "small");
  const seconds = new Map<Firmware, number[]>();
  let number = 0;
  for (let turn = 0; turn < runs; turn += 1) {
    for (const firmware of ["bios", "uefi", "secure boot"] as const) {
      number += 1;
      const name = `small-${number}`;
      await room.volley("deployment", "create", name, "--image", "small", ...atOnce);
      const computer = room.computer({ number, firmware, diskMebibytes: 64 });
      const begun = process.hrtime.bigint();
      const machine = computer.turnOn();
      const wait = { what: "a machine that joins", timeMs: limitMs, story: () => machine.story() };
      await waitFor(() => joined.test(machine.serial), wait);
      const taken = rounded(Number(process.hrtime.bigint() - begun) / 1e9);
      await computer.cutPower();
      await room.volley("deployment", "close", name);
      seconds.set(firmware, [...(seconds.get(firmware) ?? []), taken]);
      process.stderr.write(`${firmware}: ${taken} s\n`);
    }
  }
  const results = [...seconds].map(([firmware, all]) => ({ firmware, seconds: rounded(median(all)), all }));
  console.log(JSON.stringify({ runs, results }));
} finally {
  await room.close();
}
