/** What Windows the drivers are for, as the registry of the applied one says. */
import { existsSync } from "node:fs";
import type { StepContext } from "../step.ts";
import { targetArchitecture, targetSystemRoot } from "../unattend/place.ts";
import { hostPath, isLinux } from "../volumes.ts";
import { readRegistryValue } from "../windows/offline-registry.ts";
import type { InfTarget } from "../../../windows/inf.ts";

/** A Windows whose registry cannot be read from here is taken for a current one: DISM judges for itself. */
const current = { major: 10, minor: 0, build: 99_999, productType: 1 };

export async function driverTarget(context: StepContext): Promise<InfTarget> {
  const architecture = await targetArchitecture(context);
  const hive = await hostPath(context, `${targetSystemRoot(context)}\\System32\\config\\SOFTWARE`);
  if (!isLinux(context) || !existsSync(hive)) return { architecture, ...current };
  const key = "\\Microsoft\\Windows NT\\CurrentVersion";
  const read = async (name: string): Promise<string> =>
    (await readRegistryValue(context, hive, key, name)) ?? "";
  const build = Number.parseInt(await read("CurrentBuild"), 10);
  if (Number.isNaN(build)) return { architecture, ...current };
  const type = await read("InstallationType");
  // Since Windows 10 the version stands in numbers of its own.
  const major = Number.parseInt(await read("CurrentMajorVersionNumber"), 10);
  const [oldMajor = "6", oldMinor = "1"] = (await read("CurrentVersion")).split(".");
  return {
    architecture,
    build,
    major: Number.isNaN(major) ? Number(oldMajor) : major,
    minor: Number.isNaN(major) ? Number(oldMinor) : 0,
    productType: /server/i.test(type) ? 3 : 1,
  };
}
