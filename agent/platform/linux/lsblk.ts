/** What lsblk (util-linux) knows of block devices: names for people. It may be missing, as in a small PE. */
import { z } from "zod";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../run-tool.ts";
import { systemRoots, type SystemRoots } from "./hardware.ts";

export interface BlockLabels {
  model: string;
  serial: string;
  fileSystem: string;
  label: string;
  sizeBytes: number;
}

const text = z.string().nullish();
const Entry = z.object({
  kname: z.string(),
  model: text,
  serial: text,
  fstype: text,
  label: text,
  partlabel: text,
  size: z.union([z.number(), z.string()]).nullish(),
});
const Listing = z.object({ blockdevices: z.array(Entry) });

const columns = "KNAME,MODEL,SERIAL,FSTYPE,LABEL,PARTLABEL,SIZE";

/** By kernel name. Empty when lsblk is missing, hangs or says something else, and for a tree that is not the system's. */
export async function readBlockLabels(roots: SystemRoots): Promise<Map<string, BlockLabels>> {
  if (roots !== systemRoots) return new Map();
  const output = await runTool(
    ["lsblk", "--json", "--bytes", "--list", "--output", columns],
    limits.toolTimeMs,
  );
  return output === null ? new Map() : parseBlockLabels(output);
}

export function parseBlockLabels(output: string): Map<string, BlockLabels> {
  let listing: z.infer<typeof Listing>;
  try {
    listing = Listing.parse(JSON.parse(output));
  } catch {
    return new Map();
  }
  return new Map(
    listing.blockdevices.map((entry) => [
      entry.kname.replaceAll("/", "!"),
      {
        model: entry.model ?? "",
        serial: entry.serial ?? "",
        fileSystem: entry.fstype ?? "",
        label: entry.label || entry.partlabel || "",
        sizeBytes: Number(entry.size ?? 0) || 0,
      },
    ]),
  );
}
