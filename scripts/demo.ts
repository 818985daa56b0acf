/**
 * What `scripts/demo` runs once everything is built: a site, N agents, one deployment by multicast over loopback, and
 * a look at every disk afterwards.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ImageRecord, MachineRecord } from "../contract/administration.ts";
import { toVolleyError, VolleyError } from "../contract/errors.ts";
import { judge, secondOpinion, watchMachines } from "./demonstration/deployment.ts";
import { makeDisk, startMachine } from "./demonstration/machines.ts";
import { parseOptions } from "./demonstration/options.ts";
import type { DemoOptions } from "./demonstration/options.ts";
import { Programs } from "./demonstration/programs.ts";
import { DemoScreen } from "./demonstration/screen.ts";
import { importImage, openDeployment, siteProcessOf, startSite } from "./demonstration/site.ts";
import type { DemoSite } from "./demonstration/site.ts";
import { jsonOf, megabytes, tableOf } from "./demonstration/table.ts";
import type { ClientResult, DemoResult } from "./demonstration/table.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cacheFolder = join(root, ".cache");
const logFolder = join(root, "build", "demo");
const chunkBytes = 1_048_576;
const screen = new DemoScreen(process.stdout);
const programs = new Programs(logFolder);

/** The image to deploy: the user's, or the one that scripts/make-demo-image makes and keeps. */
async function findImage(options: DemoOptions): Promise<string> {
  if (options.image !== null) {
    const path = resolve(options.image);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new VolleyError("E_USAGE", `--image ${options.image} is not a file.`);
    }
    return path;
  }
  const make = promisify(execFile)(join(root, "scripts", "make-demo-image"));
  make.child.stderr?.pipe(process.stderr);
  try {
    return (await make).stdout.trim();
  } catch {
    throw new VolleyError("E_TOOL_MISSING", "The demo's image could not be made; the reason stands above.");
  }
}

/** Folders of demos that were killed, and of kept sites that are gone by now. */
function sweepEarlierRuns(): void {
  for (const name of readdirSync(cacheFolder)) {
    const owner = /^demo-run-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    const folder = join(cacheFolder, name);
    if (!isRunning(siteProcessOf(join(folder, "site")))) rmSync(folder, { recursive: true, force: true });
  }
}

function isRunning(processId: number): boolean {
  if (!(processId > 0)) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Says so before anything is written when the disks will not fit. Sizes are of what the image's file holds. */
function checkSpace(image: string, options: DemoOptions, folders: string[]): void {
  const neededBytes = (options.clients + 1) * statSync(image).blocks * 512;
  for (const folder of folders) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize >= neededBytes) continue;
    const has = `${folder} has ${megabytes(bavail * bsize)} free`;
    throw new VolleyError(
      "E_DEVICE_FULL",
      `${options.clients} disks and the site take about ${megabytes(neededBytes)}; ${has}.`,
    );
  }
}

async function deploy(
  options: DemoOptions,
  workFolder: string,
  site: DemoSite,
  image: ImageRecord,
): Promise<DemoResult> {
  const disksFolder = resolve(options.disksFolder ?? join(workFolder, "disks"));
  mkdirSync(disksFolder, { recursive: true });
  const credentialFile = join(workFolder, "credential");
  const numbers = Array.from({ length: options.clients }, (_, index) => index + 1);
  const diskFile = (number: number): string => join(disksFolder, `${number}.raw`);
  for (const number of numbers) makeDisk(diskFile(number), image.bytes);
  writeFileSync(credentialFile, await openDeployment(site, image, options.clients), { mode: 0o600 });

  screen.line(`Deploying to ${options.clients} machines, each with an agent and a disk of its own ...`);
  const script = join(root, "dist", "agent", "main.js");
  const machines = numbers.map((number) =>
    startMachine(programs, script, { number, diskFile: diskFile(number), site, credentialFile, workFolder }),
  );
  const exitCodes = await watchMachines(site, machines, screen);

  const records = await site.client.get<MachineRecord[]>("/machines");
  const clients: ClientResult[] = [];
  for (const [index, machine] of machines.entries()) {
    screen.step("Reading every disk back ...", index / machines.length);
    const record = records.find(({ facts }) => facts.name === machine.name);
    clients.push(await judge(machine, exitCodes[index] ?? null, image, record));
  }
  const dataBytes = (image.chunks - image.holes) * chunkBytes;
  return { image: { bytes: image.bytes, root: image.root }, dataBytes, clients };
}

/** True when every disk is right, and a program that is not ours agrees. */
async function conclude(result: DemoResult, firstDisk: string): Promise<boolean> {
  const opinion = await secondOpinion(firstDisk);
  screen.line(tableOf(result));
  const wrong = result.clients.filter(({ verified }) => !verified).length;
  if (opinion !== undefined && wrong === 0) {
    if (opinion !== result.image.root) {
      screen.line(`b3sum says ${opinion} of the first disk, and the image's root is ${result.image.root}.`);
      return false;
    }
    screen.line(`b3sum of a disk agrees: ${opinion}`);
  }
  const total = result.clients.length;
  screen.line(wrong === 0 ? `Every disk is right.` : `${wrong} of ${total} disks are not right.`);
  return wrong === 0;
}

async function run(options: DemoOptions): Promise<boolean> {
  const image = await findImage(options);
  mkdirSync(logFolder, { recursive: true });
  mkdirSync(cacheFolder, { recursive: true });
  sweepEarlierRuns();
  if (options.disksFolder !== null) mkdirSync(options.disksFolder, { recursive: true });
  checkSpace(
    image,
    options,
    options.disksFolder === null ? [cacheFolder] : [cacheFolder, options.disksFolder],
  );
  const workFolder = mkdtempSync(join(cacheFolder, `demo-run-${process.pid}-`));
  // Also when a signal ends the demo.
  const cleanUp = (): void => rmSync(workFolder, { recursive: true, force: true });
  process.once("exit", cleanUp);
  try {
    const script = join(root, "dist", "site", "main.js");
    const site = await startSite(programs, script, join(workFolder, "site"));
    const record = await importImage(site, image, (part) => screen.step(`Importing ${image} ...`, part));
    const stored = `${megabytes(record.bytes)}, stored as ${megabytes(record.contentBytes)}`;
    screen.line(`Imported ${image}: ${stored}, root ${record.root}`);
    const result = await deploy(options, workFolder, site, record);
    const firstDisk = join(resolve(options.disksFolder ?? join(workFolder, "disks")), "1.raw");
    const isRight = await conclude(result, firstDisk);
    if (options.jsonFile !== null) writeFileSync(options.jsonFile, jsonOf(result));
    if (options.keep) {
      leaveUp(site);
      process.off("exit", cleanUp);
      rmSync(join(workFolder, "disks"), { recursive: true, force: true });
    }
    site.client.close();
    return isRight;
  } finally {
    await programs.endAll();
  }
}

function leaveUp(site: DemoSite): void {
  site.program.letGo();
  screen.line(`The site is still up: ${site.url}/`);
  screen.line(`  its administrator's token is in ${site.adminTokenFile}`);
  screen.line(`  end it with: kill ${site.program.processId}`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    screen.line("Ending the site and the agents ...");
    void programs.endAll().finally(() => {
      process.exit(130);
    });
  });
}

try {
  process.exitCode = (await run(parseOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  const failure = toVolleyError(error);
  screen.line(failure.toString());
  screen.line(`Logs are in ${logFolder}`);
  process.exitCode = failure.entry.exitCode;
}
