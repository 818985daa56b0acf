/** `volley-agent receive --udpcast …`: what may be typed, what is shown before a disk is written, and what is done. */
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import type { Plan } from "../../contract/report.ts";
import { type Asker, confirmPlan, makePlan } from "../imaging/plan.ts";
import { receiveUdpcast, type Target, type Udpcast } from "../imaging/udpcast.ts";
import type { DiskFacts, Platform } from "../platform/platform.ts";
import { sizeText } from "../report/words.ts";
import { parseOptions, usage } from "./options.ts";

export interface ReceiveCommand {
  udpcast: Udpcast;
  /** "-" is standard output. */
  to: string;
  restore: boolean;
  /** Of a file that --restore makes; null where it is there. */
  sizeBytes: number | null;
  yes: boolean;
}

export const receiveHelpText = `  volley-agent receive --udpcast WHERE [OPTION...]  on Linux: receives once from an existing udp-sender
                                                 (FOG, Clonezilla)
      --to FILE                the stream as it comes, into a file; - is standard output, a device is written raw
      --restore PATH           or: the partclone image in it, decompressed, into a partition (or a file that stands for one)
      --size BYTES             of the file that --restore makes
      --portbase N             as the sender's (9000)
      --interface NAME         to receive on
      --rendezvous ADDRESS     as the sender's --mcast-rdv-address
      --wait SECONDS           for a sender, and for its next byte (600)
      --yes                    overwrite without asking
`;

const defaultPortBase = 9000;
const defaultWaitSeconds = 600;

/** `words` are what follows "receive". Throws E_USAGE. */
export function parseReceiveCommand(words: readonly string[]): ReceiveCommand {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const values = parseOptions(words, {
    udpcast: flag,
    to: text,
    restore: text,
    size: text,
    portbase: text,
    interface: text,
    rendezvous: text,
    wait: text,
    yes: flag,
  });
  if (values.udpcast !== true) throw usage("From what? --udpcast is missing");
  const to = values.restore ?? values.to;
  if (to === undefined || (values.restore !== undefined && values.to !== undefined)) {
    throw usage("Where to? Either --to or --restore");
  }
  const portBase = numberOf("--portbase", values.portbase, defaultPortBase);
  // udpcast.linux.lu: "must be even", since it takes the next one too.
  if (portBase % 2 !== 0 || portBase > 65_534) throw usage(`--portbase is an even number, not ${portBase}`);
  return {
    to,
    restore: values.restore !== undefined,
    sizeBytes: values.size === undefined ? null : numberOf("--size", values.size, 0),
    yes: values.yes ?? false,
    udpcast: {
      portBase,
      interfaceName: values.interface ?? null,
      rendezvousAddress: values.rendezvous ?? null,
      waitSeconds: numberOf("--wait", values.wait, defaultWaitSeconds),
    },
  };
}

function numberOf(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) {
    throw usage(`${option} is a number from 1 on, not ${text}`);
  }
  return number;
}

export interface Receiver {
  platform: Pick<Platform, "listDisks">;
  asker: Asker;
  signal: AbortSignal;
  /** For people: not among the bytes of standard output. */
  line(text: string): void;
}

/** Nothing joins the sender before the plan was answered. Throws what `receiveUdpcast` throws, E_DISK_REFUSED, E_PLAN_DECLINED. */
export async function runReceive(command: ReceiveCommand, receiver: Receiver): Promise<void> {
  const { line, signal } = receiver;
  const target = await settleTarget(command, receiver);
  const { portBase, waitSeconds } = command.udpcast;
  line(`Waiting up to ${waitSeconds} s for a udp-sender on port base ${portBase}`);
  await receiveUdpcast({ udpcast: command.udpcast, target, signal, line });
  line(target.kind === "output" ? "The stream has ended" : `All of it is in ${target.path}`);
}

async function settleTarget(command: ReceiveCommand, receiver: Receiver): Promise<Target> {
  const { restore, sizeBytes, to } = command;
  if (to === "-") {
    if (restore) throw usage("--restore takes a partition or a file");
    return { kind: "output" };
  }
  if (!existsSync(to)) {
    if (!restore) return { kind: "file", path: to };
    if (sizeBytes === null) throw usage(`${to} is not there: --size says how large it is to be`);
    writeFileSync(to, "", { mode: 0o600 });
    truncateSync(to, sizeBytes);
    return { kind: "restore", path: to, bytes: sizeBytes };
  }
  const path = realpathSync(to);
  const status = statSync(path);
  if (!status.isFile() && !status.isBlockDevice()) throw usage(`${to} is neither a file nor a device`);
  const plan = status.isFile() ? planOfFile(path, status.size) : await planOfDevice(path, command, receiver);
  receiver.line(
    `This will be overwritten: ${plan.device}, ${sizeText(plan.sizeBytes)} ${plan.model}; lost: ${plan.lost.join(", ")}`,
  );
  if (!command.yes) await confirmPlan(plan, receiver.asker);
  if (restore) return { kind: "restore", path, bytes: plan.sizeBytes };
  return { kind: status.isFile() ? "file" : "raw", path };
}

const planOfFile = (path: string, sizeBytes: number): Plan => ({
  device: path,
  sizeBytes,
  model: "",
  serial: "",
  lost: ["what the file holds"],
});

/** Throws E_DISK_REFUSED for what the running system uses, and for a whole disk where a partition is meant. */
async function planOfDevice(
  path: string,
  { restore }: ReceiveCommand,
  { platform }: Receiver,
): Promise<Plan> {
  const disks = await platform.listDisks();
  const disk = disks.find((one) => one.path === path || one.partitions.some(({ name }) => name === path));
  if (disk === undefined) {
    throw new VolleyError("E_DISK_REFUSED", `${path} belongs to no disk of this machine`);
  }
  const refuse = (reason: string): never => {
    throw new VolleyError("E_DISK_REFUSED", `${path} ${reason}`);
  };
  if (disk.systemUses.length > 0) refuse(`is on a disk that ${disk.systemUses.join(", ")}`);
  if (disk.readOnly) refuse("is read-only");
  if (restore && disk.path === path && disk.partitions.length > 0) {
    refuse("is a whole disk with partitions; a partclone image is of one partition");
  }
  if (isInUse(path)) refuse("is in use: it is mounted, or part of something that is");
  return disk.path === path ? makePlan(disk) : planOfPartition(disk, path);
}

function planOfPartition(disk: DiskFacts, path: string): Plan {
  const partitions = disk.partitions.filter(({ name }) => name === path);
  const sizeBytes = partitions[0]?.sizeBytes ?? 0;
  return { ...makePlan({ ...disk, partitions }), device: path, sizeBytes };
}

/** The kernel gives a block device exclusively (open(2), O_EXCL) only when nothing holds it. */
function isInUse(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_EXCL));
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return true;
    throw new VolleyError("E_DEVICE_OPEN", `${path}: ${(error as Error).message}`, { cause: error });
  }
}
