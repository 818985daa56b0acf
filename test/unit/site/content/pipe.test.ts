/** The programs that read an image: none is left when the site is killed, at whatever moment. */
import { execFileSync, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { testFolder } from "../../../fixtures/folder.ts";
import { programsWith, waitFor } from "../../../fixtures/program.ts";
import { random, testSeed } from "../../../fixtures/random.ts";

const pipeModule = new URL("../../../../site/content/pipe.js", import.meta.url).href;
/** Opens the pipe of an image, says so, and reads from it. */
const reader = `
  const { openRawPipe } = await import(${JSON.stringify(pipeModule)});
  const { open } = await import("node:fs/promises");
  const [path, folder] = process.argv.slice(1);
  const pipe = await openRawPipe({ path, driver: "qcow2" }, folder);
  process.stdout.write("open");
  const file = await open(pipe.path, "r");
  const buffer = Buffer.alloc(65536);
  for (;;) await file.read(buffer, 0, buffer.length);
`;

test("a process killed while its programs start leaves none of them", async (t) => {
  const next = random(testSeed("pipe"));
  const folder = testFolder(t);
  const image = join(folder, "image.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", image, "48M"]);
  // Where qemu-nbd is there and nobody has asked it yet lies between 2 and 12 ms.
  for (let round = 0; round < 24; round += 1) {
    const place = join(folder, String(round));
    await mkdir(place);
    const words = ["--input-type=module", "-e", reader, image, place];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const afterMs = next() * 12;
    await delay(afterMs);
    child.kill("SIGKILL");
    const what = `end of the programs, killed after ${afterMs.toFixed(1)} ms`;
    await waitFor(() => programsWith(image).length === 0, { what, timeMs: 20_000 });
  }
});
