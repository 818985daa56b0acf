/**
 * Variables that are documented as the engine's, or as found out by the toolkit, and that nobody sets here: whoever reads one is
 * told why it is empty. Sources: "Task sequence variables" (Configuration Manager), "Toolkit reference: Properties" (MDT).
 */

const notGathered = "Gather does not find that out";
const noIntegration = "it is of Hyper-V's integration components, which nobody asks here";

const reasons: readonly [names: string, reason: string][] = [
  ["_SMSTSSiteCode", "a site has a name and an address, and no code"],
  ["_SMSTSReserved1 _SMSTSReserved2", "there is no network access account"],
  ["_SMSTSCustomProgressDialogMessage", "the screen shows the sequence's own name"],
  ["_SMSTSPackagePath", "the sequence itself is no package with files"],
  [
    "IsHypervisorRunning IsServerCoreOS SupportsHyperVRole SupportsNX SupportsSLAT SupportsVT OSSKU Product",
    notGathered,
  ],
  ["VMHost VMName", noIntegration],
  ["TaskSequenceVersion", "versions of a sequence are counted at the site"],
];

const byName = new Map<string, string>();
for (const [names, reason] of reasons) {
  for (const name of names.split(" ")) byName.set(name.toLowerCase(), reason);
}

/** Null for what somebody may set. */
export const whyNeverSet = (name: string): string | null => byName.get(name.toLowerCase()) ?? null;
