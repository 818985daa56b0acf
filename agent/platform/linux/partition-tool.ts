/** What whoever changes a disk's partitions asks of sfdisk and partx, by the caller's own way of running programs. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "../../../contract/limits.ts";

/** What the program prints; null when it failed. */
export type RunProgram = (command: [program: string, ...words: string[]]) => Promise<string | null>;

/** As sfdisk has it: places and sizes in sectors. */
export interface SfdiskPartition {
  node: string;
  start: number;
  size: number;
  type: string;
  bootable?: boolean;
  /** GPT. */
  uuid?: string;
  name?: string;
  attrs?: string;
}
export interface SfdiskTable {
  label: "gpt" | "dos";
  id: string;
  sectorBytes: number;
  /** In the order they stand on the disk. */
  partitions: (SfdiskPartition & { number: number })[];
}

/** `output`: of `sfdisk --json`. Null when it holds no table. */
export function parseTable(output: string): SfdiskTable | null {
  let table: { label: "gpt" | "dos"; id: string; sectorsize?: number; partitions?: SfdiskPartition[] };
  try {
    // What sfdisk complains of may stand around it: a second table that is not at the disk's end.
    const json = output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1);
    ({ partitiontable: table } = JSON.parse(json) as { partitiontable: typeof table });
  } catch {
    return null;
  }
  const { id, label, partitions = [], sectorsize: sectorBytes = 512 } = table;
  const numbered = partitions.map((one) => ({ ...one, number: Number(/\d+$/.exec(one.node)?.[0]) }));
  numbered.sort((a, b) => a.start - b.start);
  return { label, id, sectorBytes, partitions: numbered };
}

/** Has the kernel read the table of `disk` again. False when it does not take it, or when there are no partitions. */
export async function showTable(disk: string, run: RunProgram): Promise<boolean> {
  // sfdisk asks the kernel to read the table again, which a loop device without partition scanning does not do, and
  // partx --update stops at a gap in the numbers. There may be nothing to take away.
  // Whoever else looks at the disk can make the kernel add one in between.
  for (let tries = 1; ; tries += 1) {
    await run(["partx", "--delete", disk]);
    if ((await run(["partx", "--add", disk])) !== null) return true;
    if (tries === limits.partitionShowTries) return false;
    await delay(limits.partitionShowAgainMs);
  }
}

/** False when the node of a partition does not come. */
export async function waitForNode(device: string): Promise<boolean> {
  const until = Date.now() + limits.partitionNodeMs;
  while (!existsSync(device)) {
    if (Date.now() > until) return false;
    await delay(50);
  }
  return true;
}
