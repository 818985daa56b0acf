/** Sectors of a disk, read through its device. */
import { open } from "node:fs/promises";
import type { ReadSectors } from "../disk-table.ts";

/** Does `work` with a disk that is open for it. `path` such as "\\\\.\\PhysicalDrive0". */
export async function withSectors<Result>(
  path: string,
  work: (read: ReadSectors) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, "r");
  try {
    return await work(async (offset, count) => {
      const bytes = Buffer.alloc(count);
      const { bytesRead } = await file.read(bytes, 0, count, offset);
      return bytes.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}
