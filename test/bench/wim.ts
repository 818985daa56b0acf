/**
 * `scripts/bench wim`: from a WIM to N machines with what it holds on their disks, verified. The block way: the site applies the
 * WIM once and machines take the disk. The file way: machines take the WIM, by the same multicast, and each applies it. The
 * WIM is a whole Windows of Wine's, compressed as Windows' own are (LZX). The last line is the result.
 */
import { execFile } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import type { ImageRecord, ImportRequest, ImportState } from "../../contract/administration.ts";
import { emptyDisk } from "../fixtures/disk-image.ts";
import { openRoom, waitFor } from "../fixtures/room.ts";
import { captureWine } from "../fixtures/wine-wim.ts";
import { parseCount, rounded } from "./report.ts";

const run = promisify(execFile);
const cached = fileURLToPath(new URL("../../../build/bench-wine.wim", import.meta.url));
const longMs = 1_800_000;

const { values } = parseArgs({
  options: { machines: { type: "string", default: "4" } },
});
const machines = parseCount("--machines", values.machines, 1, 16);
const room = await openRoom("bench wim");
try {
  const wim = await makeWim();
  const site = await room.startSite();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);

  /** Seconds that something takes. */
  const timed = async <Result>(what: string, work: () => Promise<Result>): Promise<[number, Result]> => {
    const began = performance.now();
    const result = await work();
    const seconds = rounded((performance.now() - began) / 1000);
    say(`${what}: ${seconds} s`);
    return [seconds, result];
  };
  const imported = async (request: ImportRequest): Promise<ImageRecord> => {
    const { id } = await site.client.post<ImportState>("/images", request);
    return await waitFor(
      async () => {
        const { error, image } = await site.client.get<ImportState>(`/imports/${id}`);
        if (error !== null) throw new Error(error.detail);
        return image;
      },
      { what: "import", timeMs: longMs },
    );
  };
  /** Onto as many disks, each of which is read back and verified before its agent ends. */
  const deliver = async (image: ImageRecord): Promise<string[]> => {
    const deployment = await site.createDeployment({ name: image.name, imageId: image.id });
    const agents = await Promise.all(
      Array.from({ length: machines }, async (_, number) => {
        const name = `${image.name}-${number}`;
        const disk = emptyDisk(join(room.folder, `${name}.disk`), image.bytes);
        return room.startAgent(site, { name, disk });
      }),
    );
    await Promise.all(agents.map((agent) => agent.exits(0, longMs)));
    await site.client.post(`/deployments/${deployment.id}/close`, {});
    return agents.map(({ disk }) => disk);
  };

  const [importSeconds, disk] = await timed("block way: import, once", () =>
    imported({ path: wim, name: "block" }),
  );
  const [blockSeconds, blockDisks] = await timed(`block way: ${machines} machines`, () => deliver(disk));
  for (const path of blockDisks) rmSync(path);

  const padded = await asSectors(wim);
  const [, file] = await timed("file way: import, once", () =>
    imported({ path: padded, name: "file", format: "raw" }),
  );
  const [fileSeconds, copies] = await timed(`file way: ${machines} machines take the WIM`, () =>
    deliver(file),
  );
  const apply = async (copy: string): Promise<void> => {
    const volume = emptyDisk(`${copy}.applied`, disk.bytes);
    await run("mkntfs", ["-F", "-Q", "-q", volume]);
    await run("wimlib-imagex", ["apply", copy, "1", volume, "--check"], { maxBuffer: 2 ** 26 });
    await run("sync", [volume]);
    rmSync(volume);
  };
  const [aloneSeconds] = await timed("file way: one machine applies it, alone", () => apply(copies[0] ?? ""));
  // The agents of both ways share this computer; so do these.
  const [applySeconds] = await timed(`file way: ${machines} machines apply it`, () =>
    Promise.all(copies.map(apply)),
  );
  const result = {
    wimBytes: statSync(wim).size,
    contentBytes: disk.contentBytes,
    machines,
    block: { importSeconds, seconds: blockSeconds },
    file: {
      receiveSeconds: fileSeconds,
      aloneSeconds,
      applySeconds,
      seconds: rounded(fileSeconds + applySeconds),
    },
  };
  console.log(JSON.stringify(result));
} finally {
  await room.close();
}

/** Made once: capturing takes a minute. */
async function makeWim(): Promise<string> {
  if (existsSync(cached)) return cached;
  const folder = join(room.folder, "capture");
  mkdirSync(folder);
  const made = join(folder, "wine.wim");
  await captureWine(made, { compress: "LZX", folder });
  await run("mv", [made, `${cached}.new`]);
  renameSync(`${cached}.new`, cached);
  return cached;
}

/** A copy that ends with its last sector, as an image of a disk does; wimlib does not mind what follows a WIM. */
async function asSectors(wim: string): Promise<string> {
  const copy = join(room.folder, "install.raw");
  await run("cp", [wim, copy]);
  const rest = statSync(copy).size % 512;
  if (rest > 0) appendFileSync(copy, Buffer.alloc(512 - rest));
  return copy;
}
