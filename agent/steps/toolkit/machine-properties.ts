/** Properties of "Toolkit reference" that rules, conditions and other steps read, from what engine and machine know. */
import type { ReadinessFacts } from "../services.ts";
import { flag } from "../step-kind.ts";
import type { StepContext, StepVariables } from "../step.ts";

const copied: readonly [name: string, from: string][] = [
  ["Make", "_SMSTSMake"],
  ["Model", "_SMSTSModel"],
  ["SerialNumber", "_SMSTSSerialNumber"],
  ["AssetTag", "_SMSTSAssetTag"],
  ["UUID", "_SMSTSUUID"],
  ["HostName", "_SMSTSMachineName"],
];
const lists: readonly [name: string, from: string][] = [
  ["MACAddress", "_SMSTSMacAddresses"],
  ["IPAddress", "_SMSTSIPAddresses"],
  ["DefaultGateway", "_SMSTSDefaultGateways"],
];

/**
 * "IsDesktop", "IsLaptop" and "IsServer": kinds of chassis (DMTF DSP0134, 7.4.1), those of the reference and the later ones
 * that are the same sort of computer.
 */
const chassis: readonly [name: string, kinds: readonly number[]][] = [
  ["IsDesktop", [3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36]],
  ["IsLaptop", [8, 9, 10, 11, 12, 14, 18, 21, 30, 31, 32]],
  ["IsServer", [17, 23, 28, 29]],
];
const platforms: readonly [name: string, of: RegExp][] = [
  ["VMware", /vmware/i],
  ["VirtualBox", /virtualbox|innotek/i],
  ["Hyper-V", /microsoft.*virtual machine/i],
  ["Xen", /\bxen\b|hvm domu/i],
];

const inPe = ({ system }: StepContext): boolean => system === "winpe" || system === "linuxpe";
const truth = (holds: boolean): string => (holds ? "True" : "False");

export async function gatherMachine(context: StepContext): Promise<void> {
  const { variables } = context;
  const facts = await context.services?.readiness?.facts();
  for (const [name, from] of copied) variables.set(name, variables.get(from));
  for (const [name, from] of lists) {
    const values = variables.get(from).split(/[,; ]+/);
    for (const [index, value] of values.filter((one) => one !== "").entries()) {
      variables.set(`${name}${String(index + 1).padStart(3, "0")}`, value);
    }
  }
  setMachine(variables, facts);
  setSystem(context, facts);
  setDeployment(context);
}

function setMachine(variables: StepVariables, facts: ReadinessFacts | undefined): void {
  const isUefi = facts?.uefi ?? flag(variables.get("_SMSTSBootUEFI"), false);
  variables.set("IsUEFI", truth(isUefi));
  const product = `${variables.get("Make")} ${variables.get("Model")}`;
  variables.set("IsVM", truth(/virtual|vmware|kvm|qemu|xen|bochs/i.test(product)));
  variables.set("VMPlatform", platforms.find(([, of]) => of.test(product))?.[0] ?? "");
  const kind = facts?.chassisType ?? null;
  if (kind !== null) for (const [name, kinds] of chassis) variables.set(name, truth(kinds.includes(kind)));
  if (facts?.memoryMegabytes) variables.set("Memory", String(facts.memoryMegabytes));
  if (facts?.processorMegahertz) variables.set("ProcessorSpeed", String(facts.processorMegahertz));
  if (facts?.architecture) {
    const is64Bit = facts.architecture === "64-bit";
    variables.set("Architecture", is64Bit ? "X64" : "X86");
    variables.set("CapableArchitecture", is64Bit ? "AMD64 X64 X86" : "X86");
    variables.set("Supports64Bit", truth(is64Bit));
    variables.set("SupportsX64", truth(is64Bit));
    variables.set("SupportsX86", "True");
  }
  if (facts?.onMainsPower !== null && facts?.onMainsPower !== undefined) {
    variables.set("IsOnBattery", truth(!facts.onMainsPower));
  }
}

function setSystem(context: StepContext, facts: ReadinessFacts | undefined): void {
  const { variables } = context;
  variables.set("OSVersion", inPe(context) ? "WinPE" : "Other");
  variables.set("IsServerOS", truth(!inPe(context) && facts?.operatingSystem === "server"));
  const version = facts?.operatingSystemVersion ?? "";
  variables.set("OSCurrentVersion", version);
  variables.set("OSCurrentBuild", version.split(".")[2] ?? "");
}

/**
 * What the toolkit's wizard sets before a sequence: which groups of its templates run depends on it. "The target computer is
 * a new computer", when it was started into a PE; "an existing computer" is refreshed. PHASE goes on by Next Phase alone.
 */
function setDeployment(context: StepContext): void {
  const { variables } = context;
  const setOnce = (name: string, value: string): void => {
    if (variables.get(name) === "") variables.set(name, value);
  };
  setOnce("DeploymentType", inPe(context) ? "NEWCOMPUTER" : "REFRESH");
  setOnce("DeploymentMethod", variables.get("_DeployRoot") === "" ? "UNC" : "SCCM");
  setOnce("PHASE", "VALIDATION");
  setOnce("TaskSequenceID", variables.get("_SMSTSPackageID"));
  setOnce("TaskSequenceName", variables.get("_SMSTSPackageName"));
}
