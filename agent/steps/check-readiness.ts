/** Check Readiness: every enabled check is made, and one that fails fails the step with 4316. */
import { codes } from "./codes.ts";
import type { ReadinessFacts } from "./services.ts";
import {
  everywhere,
  flag,
  service,
  setOutput,
  setting,
  stepKind,
  succeeded,
  wholeNumber,
} from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { compareVersions } from "./values.ts";

/** True, false, or null for what the machine does not say; and the sentence that goes with a failure. */
interface Verdict {
  holds: boolean | null;
  found: string;
}

interface Check {
  /** "Check …" of the console, as a phrase. */
  name: string;
  /** Property that enables it, its variable, and the read-only variable that gets 1 or 0. */
  property: string;
  variable: string;
  output: string;
  /** Property and variable of the wanted value; none for checks of yes and no. */
  value?: { property: string; variable: string };
  judge(facts: ReadinessFacts, wanted: string): Verdict;
}

const atLeast = (value: number | null, wanted: string, unit: string): Verdict => {
  const least = wholeNumber(wanted, "The least value", { least: 0, most: 1e12, fallback: 0 });
  return {
    holds: value === null ? null : value >= least,
    found: `${value} ${unit}, and ${least} are wanted`,
  };
};
const isTrue = (value: boolean | null, lacking: string): Verdict => ({ holds: value, found: lacking });
/** ". ." means that nothing is asked for. */
const isBlank = (version: string): boolean => !/\d/.test(version);
const versionCheck = (version: string | null, wanted: string, sign: 1 | -1): Verdict => ({
  holds: isBlank(wanted) ? true : version === null ? null : compareVersions(version, wanted) * sign >= 0,
  found: `${version}, and the bound is ${wanted}`,
});
const tpmFound = "no such TPM 2.0";

const checks: Check[] = [
  {
    name: "memory",
    property: "CheckMemory",
    variable: "OSDCheckMemory",
    output: "_TS_CRMEMORY",
    value: { property: "Memory", variable: "OSDMemory" },
    judge: (facts, wanted) => atLeast(facts.memoryMegabytes, wanted, "MB"),
  },
  {
    name: "processor speed",
    property: "CheckProcessorSpeed",
    variable: "OSDCheckProcessorSpeed",
    output: "_TS_CRSPEED",
    value: { property: "ProcessorSpeed", variable: "OSDProcessorSpeed" },
    judge: (facts, wanted) => atLeast(facts.processorMegahertz, wanted, "MHz"),
  },
  {
    name: "free disk space",
    property: "CheckFreeDiskSpace",
    variable: "OSDCheckFreeDiskSpace",
    output: "_TS_CRDISK",
    value: { property: "FreeDiskSpace", variable: "OSDFreeDiskSpace" },
    judge: (facts, wanted) => atLeast(facts.freeDiskMegabytes, wanted, "MB"),
  },
  {
    name: "type of the operating system",
    property: "CheckOSType",
    variable: "OSDCheckOSType",
    output: "_TS_CROSTYPE",
    value: { property: "OSType", variable: "OSDOSType" },
    judge: ({ operatingSystem: type }, wanted) => ({
      holds: type === null ? null : type === wanted.toLowerCase(),
      found: `${type}, and ${wanted} is wanted`,
    }),
  },
  {
    name: "architecture of the operating system",
    property: "CheckOSArchitecture",
    variable: "OSDCheckOSArchitecture",
    output: "_TS_CRARCH",
    value: { property: "OSArchitecture", variable: "OSDOSArchitecture" },
    judge: ({ architecture }, wanted) => ({
      holds: architecture === null ? null : architecture.startsWith(/\d+/.exec(wanted)?.[0] ?? "?"),
      found: `${architecture}, and ${wanted} is wanted`,
    }),
  },
  {
    name: "least version of the operating system",
    property: "CheckMinOSVersion",
    variable: "OSDCheckMinOSVersion",
    output: "_TS_CRMINOSVER",
    value: { property: "MinOSVersion", variable: "OSDMinOSVersion" },
    judge: (facts, wanted) => versionCheck(facts.operatingSystemVersion, wanted, 1),
  },
  {
    name: "greatest version of the operating system",
    property: "CheckMaxOSVersion",
    variable: "OSDCheckMaxOSVersion",
    output: "_TS_CRMAXOSVER",
    value: { property: "MaxOSVersion", variable: "OSDMaxOSVersion" },
    judge: (facts, wanted) => versionCheck(facts.operatingSystemVersion, wanted, -1),
  },
  {
    name: "least version of the client",
    property: "CheckCMClientMinVersion",
    variable: "OSDCheckCMClientMinVersion",
    output: "_TS_CRCLIENTMINVER",
    value: { property: "CMClientMinVersion", variable: "OSDCMClientMinVersion" },
    judge: (facts, wanted) => versionCheck(facts.clientVersion, wanted, 1),
  },
  {
    name: "language of the operating system",
    property: "CheckOSLanguageID",
    variable: "OSDCheckOSLanguageID",
    output: "_TS_CROSLANGUAGE",
    value: { property: "OSLanguageID", variable: "OSDOSLanguageID" },
    judge: ({ operatingSystemLanguage: language }, wanted) => ({
      holds: language === null ? null : String(language) === wanted.trim(),
      found: `${language}, and ${wanted} is wanted`,
    }),
  },
  {
    name: "mains power",
    property: "CheckPowerState",
    variable: "OSDCheckPowerState",
    output: "_TS_CRACPOWER",
    judge: (facts) => isTrue(facts.onMainsPower, "the computer runs on its battery"),
  },
  {
    name: "network",
    property: "CheckNetworkConnected",
    variable: "OSDCheckNetworkConnected",
    output: "_TS_CRNETWORK",
    judge: (facts) => isTrue(facts.networkConnected, "no network adapter is connected"),
  },
  {
    name: "wired network",
    property: "CheckNetworkWired",
    variable: "OSDCheckNetworkWired",
    output: "_TS_CRWIRED",
    judge: (facts) => isTrue(facts.wiredNetworkConnected, "no wired network adapter is connected"),
  },
  {
    name: "UEFI",
    property: "CheckDeviceUEFI",
    variable: "OSDCheckDeviceUEFI",
    output: "_TS_CRUEFI",
    judge: (facts) => isTrue(facts.uefi, "the computer was started by a BIOS"),
  },
  {
    name: "enabled TPM 2.0",
    property: "CheckTPMEnabled",
    variable: "OSDCheckTPMEnabled",
    output: "_TS_CRTPMENABLED",
    judge: ({ tpm }) => isTrue(tpm?.version.startsWith("2") === true && tpm.enabled, tpmFound),
  },
  {
    name: "activated TPM 2.0",
    property: "CheckTPMActivated",
    variable: "OSDCheckTPMActivated",
    output: "_TS_CRTPMACTIVATED",
    judge: ({ tpm }) => isTrue(tpm?.version.startsWith("2") === true && tpm.activated, tpmFound),
  },
];

export const checkReadiness = stepKind({
  type: "PrestartCheck",
  title: "Check Readiness",
  support: everywhere,
  async perform(context) {
    const facts = await service(context, "readiness", "account of the machine's state").facts();
    const failures: string[] = [];
    for (const check of checks) {
      const verdict = judge(context, check, facts);
      if (verdict !== null) failures.push(verdict);
    }
    if (failures.length === 0) return succeeded("The computer is ready");
    return { exitCode: codes.notReady, text: `Not ready: ${failures.join("; ")}`, output: "" };
  },
});

/** Null when it is not enabled or holds, or else why not. What the machine does not say does not hold. */
function judge(context: StepContext, check: Check, facts: ReadinessFacts): string | null {
  if (!flag(setting(context, check.property, check.variable), false)) {
    // The documentation: the value is blank when the check is not enabled.
    setOutput(context, check.output, "");
    return null;
  }
  const wanted = check.value ? setting(context, check.value.property, check.value.variable) : "";
  const { found, holds } = check.judge(facts, wanted);
  setOutput(context, check.output, holds === true ? "1" : "0");
  context.log.info(`Check of the ${check.name}: ${holds === true ? "passed" : "failed"}`);
  if (holds === true) return null;
  return `${check.name}: ${holds === null ? "this computer does not say" : found}`;
}
