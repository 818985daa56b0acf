/**
 * A refresh's way from an installed Windows into a PE and back. Each change of the machine is written down before it is made
 * (windows-changes.ts), so that whoever starts next in this Windows can take it back.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { BootFile, BootFileName, BootImageFacts, WinpeFileName } from "../../contract/boot-image.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { WindowsGround } from "../platform/windows/ground.ts";
import { protectFolder } from "../platform/windows/protect-folder.ts";
import { copyCarried, originFile } from "./carried-files.ts";
import type { BootImageSource, PeTransfer } from "./local-pe.ts";
import { RecordedPe, type RecordedPeOptions, RecordedStart, recordFile } from "./recorded-pe.ts";
import { carriedFolder, isUsualRoot, type Origin, placeFolder } from "./windows-place.ts";
import { efiLabel } from "./efi-place.ts";
import {
  type EfiWorld,
  keepCommandLine,
  linuxPeNames,
  linuxPeObstacle,
  removeLinuxPe,
  writeLinuxPe,
} from "./linux-pe-on-windows.ts";
import { mustRun } from "./must-run.ts";
import { Change, undo } from "./windows-changes.ts";
import {
  createFirmwareEntry,
  firmwareSequence,
  type LetterRoot,
  startEntryNext,
  windowsRoot,
} from "./windows-firmware.ts";
import { returnProgram, returnScript, scheduleReturn, writeReturn } from "./windows-return.ts";
import { createLoader, createRamdisk, startOnce, winpeNames, type WinpeStart } from "./winpe-entry.ts";

export interface WindowsStagingOptions extends RecordedPeOptions {
  ground: Pick<WindowsGround, "elevated" | "firmware" | "systemRoot" | "tools">;
  machine: Pick<MachineFacts, "macAddresses" | "smbiosUuid">;
  /** Path of this agent's executable; null when it runs from its sources. */
  program: string | null;
  /** With which the agent goes on when it is started again. */
  returnWords: readonly string[];
  /** The program that runs now. */
  running: string;
  /** The drive of Windows where `systemRoot` does not say so, as in tests. */
  drive?: string;
  /** Where drives are, as in tests. */
  rootOf?: LetterRoot;
}

const Record = RecordedStart.extend({
  /** Which PE. */
  pe: z.enum(["windows", "linux"]).default("windows"),
  /** In the order in which they were made. */
  changes: z.array(Change),
});
type StagedRecord = z.infer<typeof Record>;

type PeFile = BootFile & { name: BootFileName | WinpeFileName };

/** None where the site has no such PE. */
function filesOf({ files, winpe }: BootImageFacts, pe: "windows" | "linux"): PeFile[] {
  if (pe === "linux") return linuxPeNames.map((name) => ({ name, ...files[name] }));
  return winpeNames.flatMap((name) => (winpe === null ? [] : [{ name, ...winpe.files[name] }]));
}

export class WindowsStaging extends RecordedPe<StagedRecord> {
  readonly #options: WindowsStagingOptions;
  readonly #folder: string;
  readonly #drive: string;

  constructor(options: WindowsStagingOptions) {
    super(options, Record);
    const { systemRoot } = options.ground;
    this.#options = options;
    this.#folder = join(systemRoot, "Volley", "PE");
    this.#drive = (options.drive ?? systemRoot.slice(0, 2)).toUpperCase();
  }

  override async prepare(deploymentId: string, source: BootImageSource, transfer: PeTransfer): Promise<void> {
    const { ground, log, state } = this.#options;
    const facts = await source.facts();
    const before = this.record;
    const starts = before?.deploymentId === deploymentId ? before.starts : 0;
    // The next start is not to lead into what is changed here.
    await this.#undoAll((change) => change.kind === "files");
    const pe = await this.#choose(facts);
    state.write(recordFile, { deploymentId, armedIn: null, starts, pe, changes: [{ kind: "files" }] });
    try {
      await mkdir(this.#folder, { recursive: true });
      await protectFolder(this.#folder, ground.elevated(), ground.tools);
      await this.fetch(this.#folder, filesOf(facts, pe), { source, transfer });
      if (pe === "linux") await keepCommandLine(this.#folder, facts.commandLine);
      const what = pe === "linux" ? `Linux PE (${facts.kernel})` : `Windows PE ${facts.winpe?.version ?? ""}`;
      log.info(`The ${what} of the site is in ${this.#folder}`);
    } catch (error) {
      await this.withdraw();
      throw error;
    }
  }

  /**
   * The one that the site's machines are to start, if it can be had; else the other. Rejects with E_STAGING, all of what is in
   * the way in one sentence.
   */
  async #choose(facts: BootImageFacts): Promise<"windows" | "linux"> {
    const { ground, log } = this.#options;
    const { winpe } = facts;
    const reasons: string[] = [];
    if (!ground.elevated()) reasons.push("The agent has no administrator's rights.");
    if (!isUsualRoot(ground.systemRoot) && this.#options.drive === undefined) {
      reasons.push(`Windows is in ${ground.systemRoot}, where a PE does not look for it.`);
    }
    const firmware = await this.#firmware();
    if (firmware === null) reasons.push("Windows does not say whether this is UEFI or a BIOS.");
    let pe: "windows" | "linux" = "windows";
    if (reasons.length === 0 && winpe?.preferred !== true) {
      const obstacle = await linuxPeObstacle(facts, firmware, this.#world);
      if (obstacle === null) pe = "linux";
      else if (winpe === null) {
        reasons.push(obstacle, "The site has no Windows PE either: volley media build --winpe makes one.");
      } else log.info(`It is the Windows PE that this machine restarts into. ${obstacle}`);
    }
    reasons.push(...(await this.#roomFor(filesOf(facts, pe))));
    if (reasons.length > 0) throw new VolleyError("E_STAGING", reasons.join(" "));
    return pe;
  }

  async #roomFor(files: readonly PeFile[]): Promise<string[]> {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const { bavail, bsize } = await statfs(this.#options.ground.systemRoot);
    const isThere = files.every(({ name }) => existsSync(join(this.#folder, name)));
    if (isThere || bavail * bsize >= bytes + limits.stagingBytesKept) return [];
    return [`${this.#drive} has ${bavail * bsize} bytes free, and ${bytes} are needed beside a reserve.`];
  }

  get #world(): EfiWorld {
    return { tools: this.#options.ground.tools, rootOf: this.#options.rootOf ?? windowsRoot };
  }

  /** Where Windows has no answer, its own loader's name is one. */
  async #firmware(): Promise<"bios" | "uefi" | null> {
    const { ground } = this.#options;
    const firmware = ground.firmware();
    if (firmware !== "unknown") return firmware;
    const current = (await ground.tools.run(["bcdedit.exe", "/enum", "{current}"])) ?? "";
    if (/winload\.efi/i.test(current)) return "uefi";
    return /winload\.exe/i.test(current) ? "bios" : null;
  }

  override async arm(): Promise<void> {
    const { bootId, ground, program, returnWords, state } = this.#options;
    if (this.record === null) throw new VolleyError("E_STAGING", "No boot image is staged");
    await this.#undoAll((change) => change.kind === "files");
    const { tools } = ground;
    const task = {
      folder: this.#folder,
      program,
      words: returnWords,
      record: join(state.path, recordFile),
    };
    await this.#carryState();
    await writeReturn(task);
    await this.#make({ kind: "task" }, () => scheduleReturn(task, tools));
    await this.#suspendProtection();
    const begin = this.#known().pe === "linux" ? await this.#linuxStart() : await this.#windowsStart();
    const { starts } = this.#known();
    state.write(recordFile, { ...this.#known(), armedIn: bootId, starts: starts + 1 });
    await begin();
  }

  /** Answers what makes the next start one into the PE. */
  async #windowsStart(): Promise<() => Promise<void>> {
    const { tools } = this.#options.ground;
    const start: WinpeStart = {
      loaderId: `{${randomUUID()}}`,
      ramdiskId: `{${randomUUID()}}`,
      drive: this.#drive,
      folder: placeFolder,
      firmware: (await this.#firmware()) ?? "uefi",
    };
    await this.#make({ kind: "object", id: start.ramdiskId }, () => createRamdisk(start, tools));
    await this.#make({ kind: "object", id: start.loaderId }, () => createLoader(start, tools));
    return () => this.#make({ kind: "once", id: start.loaderId }, () => startOnce(start, tools));
  }

  /** As the other. */
  async #linuxStart(): Promise<() => Promise<void>> {
    const { tools } = this.#options.ground;
    const { deploymentId } = this.#known();
    const from = this.#folder;
    const carried = join(from, carriedFolder);
    await this.#make({ kind: "efi" }, () => writeLinuxPe({ from, carried, deploymentId }, this.#world));
    const description = `${efiLabel} ${randomUUID()}`;
    await this.#make({ kind: "firmware", description }, () => createFirmwareEntry(description, tools));
    const before = await firmwareSequence(tools);
    return () => this.#make({ kind: "next", description, before }, () => startEntryNext(description, tools));
  }

  /** In the folder that a Windows PE looks for on this machine's disks. */
  async #carryState(): Promise<void> {
    const { machine, state } = this.#options;
    const { deploymentId } = this.#known();
    const target = join(this.#folder, carriedFolder);
    await rm(target, { recursive: true, force: true });
    await mkdir(join(target, "deployments", deploymentId), { recursive: true });
    await copyCarried({ state: state.path, deploymentId, leftOut: [recordFile] }, target);
    const origin: Origin = {
      deploymentId,
      smbiosUuid: machine.smbiosUuid,
      macAddresses: machine.macAddresses,
    };
    await writeFile(join(target, originFile), `${JSON.stringify(origin)}\n`);
  }

  /** A PE that the boot manager loads is not what BitLocker knows, and could not read the disk. */
  async #suspendProtection(): Promise<void> {
    const { tools } = this.#options.ground;
    if (!(await this.#isProtected())) return;
    const count = String(limits.stagedProtectorRestarts);
    await this.#make({ kind: "protection", drive: this.#drive }, () =>
      mustRun(tools, ["manage-bde.exe", "-protectors", "-disable", this.#drive, "-rebootcount", count]),
    );
  }

  /**
   * "-protectionaserrorlevel" says by the exit code whether a drive is protected, in every language. A Windows without BitLocker
   * has no such program. Rejects with E_STAGING where it is there and says nothing.
   */
  async #isProtected(): Promise<boolean> {
    const { tools } = this.#options.ground;
    const status = ["manage-bde.exe", "-status", this.#drive] as const;
    if ((await tools.run([...status, "-protectionaserrorlevel"])) !== null) return true;
    if (existsSync(tools.path("manage-bde.exe"))) await mustRun(tools, status);
    return false;
  }

  override restart(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override async withdraw(): Promise<void> {
    if (this.record === null) return;
    await this.#undoAll(() => false);
    this.#options.state.remove(recordFile);
  }

  #known(): StagedRecord {
    const { record } = this;
    if (record === null) throw new VolleyError("E_STAGING", "What was staged is not known any more");
    return record;
  }

  async #make(change: Change, work: () => Promise<unknown>): Promise<void> {
    const record = this.#known();
    this.#options.state.write(recordFile, { ...record, changes: [...record.changes, change] });
    await work();
  }

  /** The last first. What cannot be undone now stays written down. Rejects with E_STAGING. */
  async #undoAll(stays: (change: Change) => boolean): Promise<void> {
    const { ground, state } = this.#options;
    const { record } = this;
    if (record === null) return;
    const world = {
      tools: ground.tools,
      removeFiles: () => this.#removeFiles(),
      removeEfiFiles: () => removeLinuxPe(this.#world),
    };
    const failures: string[] = [];
    let left = record.changes;
    for (const change of record.changes.toReversed()) {
      if (stays(change)) continue;
      try {
        await undo(change, world);
        left = left.filter((one) => one !== change);
      } catch (error) {
        failures.push(toVolleyError(error).detail);
      }
    }
    state.write(recordFile, {
      ...record,
      armedIn: failures.length > 0 ? record.armedIn : null,
      changes: left,
    });
    if (failures.length > 0) throw new VolleyError("E_STAGING", failures.join(" "));
  }

  /** The program that runs from there cannot be deleted; the script that started it deletes it afterwards. */
  async #removeFiles(): Promise<void> {
    const isHere = dirname(this.#options.running).toLowerCase() === this.#folder.toLowerCase();
    if (!isHere) return rm(this.#folder, { recursive: true, force: true });
    for (const name of await readdir(this.#folder)) {
      if (name === returnProgram || name === returnScript) continue;
      await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }
}
