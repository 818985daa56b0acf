/** A regular file that stands for a disk, and whatever else a person named as one. */
import { realpathSync, statSync, type Stats } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import { readPartitionTable } from "./partition-table.ts";
import type { DiskFacts } from "./platform.ts";

/** What is at a path, past its links. */
export interface NamedPlace {
  path: string;
  status: Stats;
}

/** Throws E_DISK_NOT_FOUND. */
export function placeNamed(named: string): NamedPlace {
  try {
    const path = realpathSync(named);
    return { path, status: statSync(path) };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new VolleyError("E_DISK_NOT_FOUND", `There is no disk ${named} (${reason})`, { cause: error });
  }
}

/** The rest is what the system alone knows of it. */
export async function fileAsDisk(
  { path, status }: NamedPlace,
  more: Pick<DiskFacts, "identity" | "readOnly" | "systemUses" | "otherUses">,
): Promise<DiskFacts> {
  return {
    path,
    kind: "file",
    sizeBytes: status.size,
    sectorBytes: null,
    model: "file",
    serial: "",
    removable: false,
    ...more,
    partitions: await readPartitionTable(path, status.size),
  };
}
