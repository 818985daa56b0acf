/** The partitions a disk has now, as sfdisk and blkid tell them. */
import { parseTable } from "../../platform/linux/partition-tool.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import { codes } from "../codes.ts";
import type { StepContext } from "../step.ts";

export interface PartitionFound {
  number: number;
  device: string;
  startBytes: number;
  sizeBytes: number;
  /** GUID in capitals, or two hexadecimal digits. */
  typeCode: string;
  /** GPT: its identifier, in capitals. */
  guid: string;
  active: boolean;
  /** Holds files of the user's, not of the firmware's or the recovery's. */
  isData: boolean;
  /** "ntfs", "vfat"; empty for none. */
  fileSystem: string;
}

export interface TableFound {
  style: "GPT" | "MBR";
  /** GUID in capitals, or the MBR's signature as eight hexadecimal digits. */
  diskId: string;
  partitions: PartitionFound[];
}

const dataTypes = new Set(["EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "07", "0c", "0b", "06"]);

export async function readPartitions(context: StepContext, disk: string): Promise<TableFound> {
  const { output } = await runOrFail(context, `read the partition table of ${disk}`, {
    command: ["sfdisk", "--json", disk],
  });
  const table = parseTable(output);
  if (table === null) {
    throw new StepFailure(codes.invalidData, `The partition table of ${disk} cannot be read`, output);
  }
  const { sectorBytes } = table;
  const partitions: PartitionFound[] = [];
  for (const entry of table.partitions) {
    const typeCode =
      entry.type.length > 2 ? entry.type.toUpperCase() : entry.type.toLowerCase().padStart(2, "0");
    partitions.push({
      number: entry.number,
      device: entry.node,
      startBytes: entry.start * sectorBytes,
      sizeBytes: entry.size * sectorBytes,
      typeCode,
      guid: (entry.uuid ?? "").toUpperCase(),
      active: entry.bootable === true,
      isData: dataTypes.has(typeCode),
      fileSystem: await fileSystemOf(context, entry.node),
    });
  }
  return {
    style: table.label === "gpt" ? "GPT" : "MBR",
    diskId: table.id.replace(/^0x/i, "").toUpperCase(),
    partitions,
  };
}

/** blkid's status 2: it knows nothing there. */
async function fileSystemOf(context: StepContext, device: string): Promise<string> {
  const result = await context.tools.run({
    command: ["blkid", "-p", "-o", "value", "-s", "TYPE", device],
  });
  return result.exitCode === 0 ? result.output.trim() : "";
}
