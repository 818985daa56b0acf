/** The end of smsts.log, as far as it is kept, for the site. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";

/** What a record begins with; text that holds it by chance begins one for CMTrace, too. */
const recordStart = "<![LOG[";

/** At most so many bytes, from the beginning of a record on. Empty where there is no log. */
export async function logTail(folder: string, bytesMost: number): Promise<Buffer> {
  // What was logged just now is on its way to the file.
  await turn();
  const all = Buffer.concat([read(join(folder, "smsts.lo_")), read(join(folder, "smsts.log"))]);
  const tail = all.subarray(Math.max(0, all.length - bytesMost));
  const start = tail.indexOf(recordStart);
  return start < 0 ? Buffer.alloc(0) : tail.subarray(start);
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    // There is none, or none yet.
    return Buffer.alloc(0);
  }
}
