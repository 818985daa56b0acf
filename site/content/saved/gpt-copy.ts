/** The first sectors of a disk with a GPT, copied as they are: what table they hold. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { runTool } from "../tools.ts";
import { readTableDump, type TableDump } from "./table-dump.ts";

const sectorBytes = 512;
/** In the header, which is the second sector (UEFI specification, 5.3.2): the sector of the second table. */
const alternateOffset = sectorBytes + 32;

/** `path` begins with the protective MBR. Throws E_IMAGE_FORMAT for what is no GPT of 512-byte sectors. */
export async function dumpOfGpt(path: string, signal: AbortSignal): Promise<TableDump> {
  const bytes = readFileSync(path);
  if (
    bytes.length < 34 * sectorBytes ||
    bytes.toString("latin1", sectorBytes, sectorBytes + 8) !== "EFI PART"
  ) {
    throw new VolleyError("E_IMAGE_FORMAT", `${path} holds no GPT of a disk with 512-byte sectors.`);
  }
  const folder = mkdtempSync(join(tmpdir(), "volley-table-"));
  try {
    const disk = join(folder, "disk");
    writeFileSync(disk, bytes);
    truncateSync(disk, (Number(bytes.readBigUInt64LE(alternateOffset)) + 1) * sectorBytes);
    const { complaint, exitCode, output } = await runTool("sfdisk", ["--dump", disk], signal);
    if (exitCode !== 0) {
      throw new VolleyError("E_IMAGE_FORMAT", `${path} is no partition table: ${complaint}`);
    }
    return readTableDump(output, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
