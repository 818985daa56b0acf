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

const dataTypes = new Set(["EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "07", "0C", "0B", "06"]);

/** Of files of the user's. `type`: a GUID, or "07" or "0x07", in any case. */
export const isDataType = (type: string): boolean => dataTypes.has(type.replace(/^0x/i, "").toUpperCase());

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
      isData: isDataType(typeCode),
      fileSystem: await blkidValue(context, entry.node, "TYPE"),
    });
  }
  return {
    style: table.label === "gpt" ? "GPT" : "MBR",
    diskId: table.id.replace(/^0x/i, "").toUpperCase(),
    partitions,
  };
}

/** What blkid says of the volume under a tag such as "LABEL"; its status 2: it knows nothing there. */
export async function blkidValue(context: StepContext, device: string, tag: string): Promise<string> {
  const result = await context.tools.run({ command: ["blkid", "-p", "-o", "value", "-s", tag, device] });
  return result.exitCode === 0 ? result.output.trim() : "";
}
