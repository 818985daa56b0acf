/** A partition table as `sfdisk --dump` writes it, today's and that of versions before 2.26. */
import { VolleyError } from "../../../contract/errors.ts";

export interface TableEntry {
  /** As the dump calls it: "/dev/sda1". */
  name: string;
  number: number;
  start: number;
  sectors: number;
  /** Two hexadecimal digits at most, or a GUID; in lower case. */
  type: string;
}

export interface TableDump {
  label: "dos" | "gpt";
  sectorBytes: 512;
  /** Without what is not in use. */
  entries: TableEntry[];
  /** What sfdisk makes the same table of on a disk of another size. */
  script: string;
}

/** Throws E_IMAGE_FORMAT for what is no such table. `from` is the file's name, for errors. */
export function readTableDump(text: string, from: string): TableDump {
  const lines = text.split(/\r?\n/);
  const header = (name: string): string | undefined =>
    lines
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const label = header("label") ?? "dos";
  const sectorBytes = Number(header("sector-size") ?? 512);
  if (label !== "dos" && label !== "gpt") {
    throw new VolleyError("E_IMAGE_FORMAT", `${from} is a partition table of the kind ${label}.`);
  }
  // sfdisk gives a file sectors of 512 bytes.
  if (sectorBytes !== 512) {
    throw new VolleyError("E_IMAGE_FORMAT", `${from} is of a disk with sectors of ${sectorBytes} bytes.`);
  }
  const entries = lines.flatMap((line) => readEntry(line) ?? []);
  if (entries.length === 0) throw new VolleyError("E_IMAGE_FORMAT", `${from} names no partition.`);
  // The disk is only as large as its partitions need, and sfdisk then finds its first and last sector itself.
  const script = lines.filter((line) => !/^(first-lba|last-lba|device|table-length):/.test(line));
  return { label, sectorBytes, entries, script: `${script.join("\n").trim()}\n` };
}

function readEntry(line: string): TableEntry | null {
  const [, name, digits, rest = ""] = /^(\S*?(\d+))\s*:\s*(start=.*)$/.exec(line) ?? [];
  if (name === undefined) return null;
  const value = (key: string): string =>
    new RegExp(`(?:^|[,\\s])${key}=\\s*([^,\\s]+)`, "i").exec(rest)?.[1] ?? "";
  const [start, sectors] = [Number(value("start")), Number(value("size"))];
  const type = (value("type") || value("Id")).toLowerCase();
  const isUsed = Number.isSafeInteger(start) && Number.isSafeInteger(sectors) && start > 0 && sectors > 0;
  return isUsed ? { name, number: Number(digits), start, sectors, type } : null;
}
