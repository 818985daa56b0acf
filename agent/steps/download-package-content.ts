/** Download Package Content: packages fetched, and their folders put into variables NAME01, NAME02, … */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { toVolleyError } from "../../contract/errors.ts";
import { codes } from "./codes.ts";
import { everywhere, flag, setting, StepFailure, stepKind, succeeded } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { hostPath } from "./volumes.ts";

export const downloadPackageContent = stepKind({
  type: "DownloadPackageContent",
  title: "Download Package Content",
  support: everywhere,
  async perform(context) {
    const packages = packageList(context);
    if (packages.length === 0) throw new StepFailure(codes.invalidSetting, "No package is named");
    const variable = setting(context, "DestinationVariable", "OSDDownloadDestinationVariable");
    const goOn = flag(
      setting(context, "ContinueDownloadOnError", "OSDDownloadContinueDownloadOnError"),
      false,
    );
    const failures: string[] = [];
    for (const [index, packageId] of packages.entries()) {
      context.progress(index / packages.length, `Fetching package ${packageId}`);
      try {
        const folder = await place(context, packageId);
        if (variable !== "") context.variables.set(numbered(variable, index + 1), folder);
        context.log.info(`Package ${packageId} is in ${folder}`);
      } catch (error) {
        const failure = toVolleyError(error);
        const isOurs = failure.code === "E_CANCELLED" || failure.code === "E_INTERNAL";
        if (!goOn || isOurs) throw error;
        failures.push(`${packageId}: ${failure.detail}`);
        context.log.warning(`Package ${packageId} is left out: ${failure.detail}`);
      }
    }
    if (failures.length === 0) return succeeded(`${packages.length} packages are here`);
    return {
      exitCode: codes.fileNotFound,
      text: `Not all packages are here: ${failures.join("; ")}`,
      output: "",
    };
  },
});

/** "…is appended with a numerical suffix that starts with 01". */
const numbered = (name: string, number: number): string => `${name}${String(number).padStart(2, "0")}`;

function packageList(context: StepContext): string[] {
  return setting(context, "DownloadPackages", "OSDDownloadDownloadPackages")
    .split(/[,; ]+/)
    .filter((id) => id !== "");
}

/** Where the package's files are: in the working folder or the cache as they are, or below a path of the step's. */
async function place(context: StepContext, packageId: string): Promise<string> {
  const type = setting(context, "DestinationLocationType", "OSDDownloadDestinationLocationType") || "TSCache";
  const folder = await context.content.folderOf(packageId);
  if (/^(tscache|ccmcache)$/i.test(type)) return folder;
  if (!/^custom$/i.test(type)) {
    throw new StepFailure(codes.invalidSetting, `"${type}" is no place: TSCache, CCMCache and Custom are`);
  }
  const path = setting(context, "DestinationCustomPath", "OSDDownloadDestinationPath");
  if (path === "") throw new StepFailure(codes.invalidSetting, "The path to put packages in is not given");
  const target = join(await hostPath(context, path), packageId);
  await mkdir(target, { recursive: true });
  await cp(folder, target, { recursive: true });
  return target;
}
