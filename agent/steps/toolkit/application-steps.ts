/** Steps of the toolkit in the new system: applications, domain join, the mark it leaves. */
import { codes } from "../codes.ts";
import { installApplication } from "../install-application.ts";
import { joinDomainOrWorkgroup } from "../join-domain-or-workgroup.ts";
import { real, runOrFail, StepFailure, stepKind, succeeded, unsupported } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { powerShell } from "../windows/powershell.ts";
import { delegate, toolkitValue } from "./delegate.ts";
import { listOf } from "./lists.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");
const noWindows = unsupported("it changes a Windows that runs, and none runs here");

/** One application by its GUID; without one those of the lists MandatoryApplications and Applications. */
export const installToolkitApplication = stepKind({
  type: "BDD_InstallApplication",
  title: "Install Application",
  support: installApplication.support,
  perform(context) {
    const single = context.property("ApplicationGUID");
    const names = single === "" ? listed(context) : [single];
    if (names.length === 0) return Promise.resolve(succeeded("No application is chosen"));
    return delegate(context, installApplication, {
      ApplicationName: names.join(","),
      ContinueOnInstallError: "true",
      NumApps: "0",
      // "Only applicable … when Install multiple applications is selected".
      ApplicationSuccessCodes: single === "" ? toolkitValue(context, "ApplicationSuccessCodes") : "",
    });
  },
});

const listed = (context: StepContext): string[] => [
  ...new Set(["MandatoryApplications", "Applications"].flatMap((list) => listOf(context, list))),
];

/** "Recover from Domain Join Failure": AUTO joins again, FAIL ends the sequence, MANUAL goes on and says so. */
export const recoverDomainJoin = stepKind({
  type: "BDD_RecoverDomainJoin",
  title: "Recover from Domain Join Failure",
  support: { winpe: fullSystemOnly, linuxpe: fullSystemOnly, windows: real, linux: noWindows },
  async perform(context) {
    const { variables } = context;
    const domain = variables.get("JoinDomain");
    if (domain === "") return succeeded("JoinDomain is not set: the computer was to join no domain");
    const script = ["if ((Get-CimInstance Win32_ComputerSystem).PartOfDomain) { exit 0 } else { exit 1 }"];
    const { exitCode } = await context.tools.run(powerShell(script));
    if (exitCode === 0) return succeeded("The computer is a member of its domain");
    const mode = toolkitValue(context, "DomainErrorRecovery").toUpperCase() || "AUTO";
    if (mode === "MANUAL") {
      context.log.warning(`The computer did not join ${domain}; DomainErrorRecovery leaves it to a person`);
      return succeeded(`The computer did not join ${domain}`);
    }
    if (mode !== "AUTO") throw new StepFailure(codes.failed, `The computer did not join ${domain}`);
    return delegate(context, joinDomainOrWorkgroup, {
      Type: "0",
      DomainName: domain,
      DomainOUName: variables.get("MachineObjectOU"),
      DomainUsername: `${variables.get("DomainAdminDomain") || domain}\\${variables.get("DomainAdmin")}`,
      DomainPassword: variables.get("DomainAdminPassword"),
    });
  },
});

/** "WMI date format" (CIM_DATETIME), in UTC: "20261123103000.000000+000". */
const wmiTime = (time: Date): string => `${time.toISOString().replace(/\D/g, "").slice(0, 14)}.000000+000`;

/**
 * Values that say when and by what the system was deployed, below HKLM\SOFTWARE\Microsoft\Deployment 4, as the page of
 * ZTITatoo names them; what is of the toolkit's own version is left out.
 */
export const tattoo = stepKind({
  type: "ZTITatoo",
  title: "Tattoo",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: unsupported("it marks a Windows in its registry, and none runs here"),
  },
  async perform(context) {
    const { variables } = context;
    const method = variables.get("DeploymentMethod");
    const isManaged = /^sccm$/i.test(method);
    const values: Record<string, string> = {
      "Deployment Method": method === "" ? "Volley" : isManaged ? "ZTI" : "LTI",
      "Deployment Source": method || variables.get("_SMSTSLaunchMode"),
      "Deployment Type": variables.get("DeploymentType"),
      "Deployment Timestamp": wmiTime(new Date()),
      ...(isManaged && {
        "OSD Package ID": variables.get("_SMSTSPackageID"),
        "OSD Program Name": "*",
        "OSD Advertisement ID": variables.get("_SMSTSAdvertID"),
      }),
      "Task Sequence ID": variables.get("TaskSequenceID") || variables.get("_SMSTSPackageID"),
      "Task Sequence Name": variables.get("TaskSequenceName") || variables.get("_SMSTSPackageName"),
    };
    for (const [name, value] of Object.entries(values)) {
      if (value === "") continue;
      await runOrFail(context, `write ${name}`, {
        command: [
          "reg.exe",
          "add",
          "HKLM\\SOFTWARE\\Microsoft\\Deployment 4",
          "/v",
          name,
          "/t",
          "REG_SZ",
          "/d",
          value,
          "/f",
        ],
      });
    }
    return succeeded("The system is marked");
  },
});
