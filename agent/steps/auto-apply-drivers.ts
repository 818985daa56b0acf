/** Auto Apply Drivers: those of the site's drivers that this computer's devices need. */
import { collectDrivers } from "./drivers/collect.ts";
import { installDrivers } from "./drivers/install.ts";
import { deviceProof, proofLine } from "./drivers/proof.ts";
import { rankDrivers, type DriverFile } from "./drivers/rank.ts";
import { driverTarget } from "./drivers/target.ts";
import {
  adapted,
  flag,
  real,
  service,
  setting,
  stepKind,
  succeeded,
  unsupported,
  wholeNumber,
} from "./step-kind.ts";
import type { DeviceFacts, DriverRequestTimes } from "./services.ts";
import type { StepContext } from "./step.ts";

export const stagedReason =
  "the drivers are copied into the applied Windows, whose specialize pass adds them; one that Windows needs to start at all takes DISM in Windows PE";
const inPeOnly = unsupported("it runs in a PE alone, on a Windows that does not run yet");

export const autoApplyDrivers = stepKind({
  type: "AutoApply",
  title: "Auto Apply Drivers",
  support: { winpe: real, linuxpe: adapted(stagedReason), windows: inPeOnly, linux: inPeOnly },
  async perform(context) {
    const bestMatch = flag(setting(context, "BestMatch", "OSDAutoApplyDriverBestMatch"), true);
    const allowUnsigned = flag(setting(context, "UnsignedDriver", "OSDAllowUnsignedDriver"), true);
    const devices = await service(context, "devices", "list of this computer's devices").list();
    const files = (await catalogueDrivers(context, devices)).filter(({ signed }) => signed || allowUnsigned);
    const chosen = new Set<DriverFile>();
    const proofs = [];
    for (const device of devices) {
      const matches = rankDrivers(device, files);
      for (const { file } of bestMatch ? matches.slice(0, 1) : matches) chosen.add(file);
      const proof = deviceProof(device, matches);
      context.log.info(proofLine(proof));
      proofs.push(proof);
    }
    await installDrivers(context, [...chosen], { allowUnsigned, proof: { bestMatch, devices: proofs } });
    // The status shows what was chosen for each device, and why.
    const output = proofs.map(proofLine).join("\n");
    return succeeded(`${chosen.size} of ${files.length} drivers fit the ${devices.length} devices`, output);
  },
});

/** "Consider drivers in these categories": any of them; without categories every driver of the site. */
async function catalogueDrivers(
  context: StepContext,
  devices: readonly DeviceFacts[],
): Promise<DriverFile[]> {
  const catalogue = service(context, "driverCatalogue", "catalogue of drivers");
  const categories = setting(context, "CategoryList", "OSDAutoApplyDriverCategoryList")
    .split(/[,;]/)
    .map((category) => category.trim())
    .filter((category) => category !== "");
  const packages = await catalogue.packages(categories, devices, requestTimes(context));
  const target = await driverTarget(context);
  const files: DriverFile[] = [];
  for (const { packageId } of packages) {
    const folder = await context.content.folderOf(packageId);
    files.push(...(await collectDrivers(context, { packageId, folder, recurse: true, target })));
  }
  return files;
}

/** "By default, this value is 60 seconds", of receiving 480. Undefined where none of them is set. */
function requestTimes({ variables }: StepContext): DriverRequestTimes | undefined {
  const names = ["Resolve", "Connect", "Send", "Receive"].map((phase) => `SMSTSDriverRequest${phase}TimeOut`);
  if (names.every((name) => variables.get(name) === "")) return undefined;
  const [resolveMs = 0, connectMs = 0, sendMs = 0, receiveMs = 0] = names.map((name) => {
    const fallback = name.includes("Receive") ? 480 : 60;
    return wholeNumber(variables.get(name), name, { least: 1, most: 86_400, fallback }) * 1000;
  });
  return { resolveMs, connectMs, sendMs, receiveMs };
}
