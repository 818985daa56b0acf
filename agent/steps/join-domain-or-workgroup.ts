/** Join Domain or Workgroup, of the Windows that runs. */
import { codes } from "./codes.ts";
import { flag, real, setting, StepFailure, stepKind, succeeded, unsupported } from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { runPowerShell } from "./windows/powershell.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const joinDomainOrWorkgroup = stepKind({
  type: "JoinDomainWorkgroup",
  title: "Join Domain or Workgroup",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: unsupported("it makes a Windows a member, and none runs here"),
  },
  async perform(context) {
    const type = setting(context, "Type", "OSDJoinType");
    const skipReboot = flag(setting(context, "SkipReboot", "OSDJoinSkipReboot"), false);
    if (type !== "0" && type !== "1") {
      throw new StepFailure(codes.invalidSetting, `The type of membership is "${type}", neither 0 nor 1`);
    }
    const domain = setting(context, "DomainName", "OSDJoinDomainName");
    const workgroup = setting(context, "WorkgroupName", "OSDJoinWorkgroupName");
    const name = type === "0" ? domain : workgroup;
    if (name === "") throw new StepFailure(codes.invalidSetting, "What to join is not named");
    if (type === "1") {
      const script = ["Add-Computer -WorkgroupName $env:VOLLEY_NAME -Force"];
      await runPowerShell(context, `join workgroup ${name}`, script, { VOLLEY_NAME: name });
    } else {
      const account = setting(context, "DomainUsername", "OSDJoinAccount");
      const password = setting(context, "DomainPassword", "OSDJoinPassword");
      if (account === "" || password === "") {
        throw new StepFailure(codes.invalidSetting, "The account that joins, or its password, is not given");
      }
      await joinDomain(context, { domain: name, account, password });
    }
    if (!skipReboot) context.variables.set("SMSTSRebootRequested", "HD");
    return succeeded(`The computer is a member of ${name}${skipReboot ? "" : " after the restart"}`);
  },
});

async function joinDomain(
  context: StepContext,
  join: { domain: string; account: string; password: string },
): Promise<void> {
  const unit = setting(context, "DomainOUName", "OSDJoinDomainOUName").replace(
    /^LDAP:\/\/(?:[^/=]+\/)?/i,
    "",
  );
  const script = [
    "$secret = ConvertTo-SecureString $env:VOLLEY_PASSWORD -AsPlainText -Force",
    "$options = @{ DomainName = $env:VOLLEY_NAME; Force = $true }",
    "$options.Credential = New-Object System.Management.Automation.PSCredential($env:VOLLEY_ACCOUNT, $secret)",
    "if ($env:VOLLEY_UNIT) { $options.OUPath = $env:VOLLEY_UNIT }",
    "Add-Computer @options",
  ];
  await runPowerShell(context, `join domain ${join.domain}`, script, {
    VOLLEY_NAME: join.domain,
    VOLLEY_ACCOUNT: join.account,
    VOLLEY_PASSWORD: join.password,
    VOLLEY_UNIT: unit,
  });
}
