/**
 * Finds and ends everything a program has started, also what has left its process group and session or was handed over
 * to init: descendants by parent, by group, by session, and by a mark in the environment that children inherit.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { markVariable } from "../step-tools.ts";

interface Process {
  id: number;
  parent: number;
  group: number;
  session: number;
  /** It has ended, and only waits for its parent to hear of it. */
  isZombie: boolean;
}

/** Looks again until nothing is left, for children that are born meanwhile; not for ever. */
const rounds = 50;
const roundMs = 10;
/** A program that is just being put in another's place shows no environment: one look may miss it. */
const emptyLooks = 2;

/**
 * Ends the processes below `root` and those with `mark` (or only these, without a root). Answers how many could not be
 * ended: a process in an uninterruptible call outlives SIGKILL.
 */
export async function endProcessTree(root: number | null, mark: string, proc = "/proc"): Promise<number> {
  // What was found stays known, since a process whose parent has ended belongs to init.
  const known = new Set<number>(root === null ? [] : [root]);
  let emptyBefore = 0;
  for (let round = 0; ; round += 1) {
    const living = findTree(root, mark, known, proc);
    emptyBefore = living.length === 0 ? emptyBefore + 1 : 0;
    if (emptyBefore === emptyLooks || round === rounds) return living.length;
    for (const id of living) {
      known.add(id);
      try {
        process.kill(id, "SIGKILL");
      } catch {
        // It has just ended by itself.
      }
    }
    await delay(roundMs);
  }
}

function findTree(root: number | null, mark: string, known: ReadonlySet<number>, proc: string): number[] {
  const processes = listProcesses(proc);
  const children = new Map<number, number[]>();
  for (const { id, parent } of processes) children.set(parent, [...(children.get(parent) ?? []), id]);
  const tree = new Set(known);
  for (const one of processes) {
    const belongs = root !== null && (one.group === root || one.session === root);
    if (belongs || hasMark(one.id, mark, proc)) tree.add(one.id);
  }
  // A set hands out what is added to it while it is gone through.
  for (const id of tree) for (const child of children.get(id) ?? []) tree.add(child);
  tree.delete(process.pid);
  return processes.filter((one) => !one.isZombie && tree.has(one.id)).map((one) => one.id);
}

function listProcesses(proc: string): Process[] {
  const processes: Process[] = [];
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name)) continue;
    const text = read(join(proc, name, "stat"));
    // The program's name, in parentheses, may hold anything.
    const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
    if (fields === undefined || fields.length < 4) continue;
    const [state, parent, group, session] = fields;
    processes.push({
      id: Number(name),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      isZombie: state === "Z" || state === "X",
    });
  }
  return processes;
}

function hasMark(id: number, mark: string, proc: string): boolean {
  return (
    read(join(proc, String(id), "environ"))
      ?.split("\0")
      .includes(`${markVariable}=${mark}`) ?? false
  );
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
