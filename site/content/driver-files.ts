/** The INF files of a package of drivers, read where they lie in its archive: nothing is unpacked. */
import { list, type ReadEntry } from "tar";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { infBytesMost, InfFailure, summariseInf } from "../../windows/inf.ts";
import type { ReadDriver } from "../store/drivers.ts";

/**
 * What is no INF of a driver is left out, as the agent does. Throws E_CONTENT_CORRUPT for what is no archive, and
 * E_CONFLICT for more than the limits have room for.
 */
export async function readDrivers(archive: string): Promise<ReadDriver[]> {
  const drivers: ReadDriver[] = [];
  const reading: Promise<void>[] = [];
  let identifiers = 0;
  let files = 0;
  const take = async (entry: ReadEntry): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece);
    const driver = summary(Buffer.concat(pieces));
    if (driver === null) return;
    identifiers += driver.identifiers.length;
    if (identifiers > limits.driverIdentifiersMost) return;
    drivers.push({ path: entry.path.replace(/^\.\//, ""), ...driver });
  };
  try {
    await list({
      file: archive,
      strict: true,
      onReadEntry: (entry) => {
        const isInf = entry.type === "File" && /\.inf$/i.test(entry.path) && entry.size <= infBytesMost;
        if (isInf && (files += 1) <= limits.driverFilesMost) reading.push(take(entry));
        else entry.resume();
      },
    });
    await Promise.all(reading);
  } catch (error) {
    throw new VolleyError("E_CONTENT_CORRUPT", `The drivers cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (files > limits.driverFilesMost || identifiers > limits.driverIdentifiersMost) {
    throw new VolleyError("E_CONFLICT", "The package holds more drivers than the site reads.");
  }
  // An archive may hold a name twice; the last one counts.
  return [...new Map(drivers.map((driver) => [driver.path, driver])).values()];
}

function summary(bytes: Buffer): Omit<ReadDriver, "path"> | null {
  try {
    const { className, date, identifiers, provider, version } = summariseInf(bytes);
    const kept = identifiers.filter((id) => id.length <= limits.pnpIdentifierCharacters);
    return { className, date, identifiers: kept, provider, version };
  } catch (error) {
    if (error instanceof InfFailure) return null;
    throw error;
  }
}
