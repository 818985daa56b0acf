/** Which process this is, in a way that no later process can be: its number comes again, its start time does not. */
import { readFileSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to the start of the process. */
  startTicks: string;
  bootId: string;
  /** The namespace in which `pid` counts. */
  pidNamespace: string;
}

/** Undefined when no such process lives. */
function startTicksOf(pid: number): string | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The program's name, in parentheses, may hold anything; the fields after it are counted from 3.
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  const zombie = fields[0] === "Z" || fields[0] === "X";
  return zombie ? undefined : fields[22 - 3];
}

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? "",
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
    pidNamespace: readlinkSync("/proc/self/ns/pid"),
  };
}

/** Whether that process still runs. One of another namespace cannot be seen, and counts as alive. */
export function isAlive(other: ProcessIdentity): boolean {
  const own = ownIdentity();
  if (other.bootId !== own.bootId) return false;
  if (other.pidNamespace !== own.pidNamespace) return true;
  return startTicksOf(other.pid) === other.startTicks;
}

/** Whether that process has ended, as far as can be seen from here: of another computer's or namespace's nothing can. */
export function hasEnded(other: ProcessIdentity): boolean {
  const own = ownIdentity();
  return other.bootId === own.bootId && other.pidNamespace === own.pidNamespace && !isAlive(other);
}
