/** Waits for the machines while it shows what they do, then reads their disks back. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ImageRecord, MachineRecord, SessionRecord } from "../../contract/administration.ts";
import { hashDisk } from "../../native/index.ts";
import type { DemoMachine } from "./machines.ts";
import type { DemoScreen } from "./screen.ts";
import type { DemoSite } from "./site.ts";
import type { ClientResult } from "./table.ts";

const pollMs = 250;
/** Machines that verified nothing new for so long are given up. */
const stallMs = 5 * 60_000;

/** Resolves when every agent has ended, with what each ended with; agents that get nowhere are ended. */
export async function watchMachines(
  site: DemoSite,
  machines: DemoMachine[],
  screen: DemoScreen,
): Promise<(number | null)[]> {
  const all = Promise.all(machines.map(({ agent }) => agent.ended));
  let ended = false;
  void all.then(() => (ended = true));
  let verified = -1;
  let movedMs = Date.now();
  while (!ended) {
    const records = await site.client.get<MachineRecord[]>("/machines");
    screen.room({ machines: records, sessions: await site.client.get<SessionRecord[]>("/sessions") });
    const sum = records.reduce((bytes, { progress }) => bytes + (progress?.bytesVerified ?? 0), 0);
    if (sum !== verified) movedMs = Date.now();
    verified = sum;
    if (Date.now() - movedMs > stallMs) {
      screen.line(`nothing was verified for ${stallMs / 60_000} minutes; the machines are ended`);
      await Promise.all(machines.map(({ agent }) => agent.end()));
    }
    await Promise.race([all, sleep(pollMs)]);
  }
  const records = await site.client.get<MachineRecord[]>("/machines");
  screen.room({ machines: records, sessions: await site.client.get<SessionRecord[]>("/sessions") });
  return all;
}

/** Reads a machine's disk back, past the page cache where that is possible, and compares it with the image. */
export async function judge(
  machine: DemoMachine,
  exitCode: number | null,
  image: ImageRecord,
  record: MachineRecord | undefined,
): Promise<ClientResult> {
  const { root } = await hashDisk({ path: machine.diskFile, bytes: image.bytes, threads: 2 }).result;
  const outcome = record?.outcome ?? null;
  const figures = outcome ?? record?.progress ?? null;
  return {
    name: machine.name,
    verified: root === image.root && exitCode === 0,
    root,
    multicastBytes: figures?.multicastBytes ?? 0,
    unicastBytes: figures?.unicastBytes ?? 0,
    repairedSymbols: figures?.repairedSymbols ?? 0,
    seconds: outcome?.seconds ?? 0,
    failure: failureOf(machine, exitCode, root === image.root, record),
  };
}

function failureOf(
  machine: DemoMachine,
  exitCode: number | null,
  isRight: boolean,
  record: MachineRecord | undefined,
): string {
  if (exitCode === 0 && isRight) return "";
  const reasons = [
    record?.error ? `${record.error.code}: ${record.error.detail} ${record.error.remedy}` : "",
    exitCode === 0 ? "" : `the agent ended with ${exitCode ?? "a signal"}`,
    isRight ? "" : "the disk does not hold the image",
    `its log is ${machine.agent.logFile}`,
  ];
  return reasons.filter((reason) => reason !== "").join("; ");
}

/** What b3sum, a program that is not ours, says of a file; undefined where it is not installed. */
export async function secondOpinion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("b3sum", ["--no-names", path]);
    return stdout.trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
