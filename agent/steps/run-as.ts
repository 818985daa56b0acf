/** Starting a program as another account. */
import type { ToolRun } from "./step.ts";

/** Root needs no password to become someone: the documented one is for Windows alone. */
export function runAsOnLinux(run: ToolRun, account: string): ToolRun {
  const user = account.replace(/^.*\\/, "");
  return { ...run, command: ["runuser", "-u", user, "--", ...run.command] };
}

/**
 * Through PowerShell's Start-Process, which takes a credential; name, password and the program are in the environment,
 * so that none of them stands on a command line.
 */
export function runAsOnWindows(run: ToolRun, account: string, password: string): ToolRun {
  const [program = "", ...rest] = run.command;
  const script = [
    "$ErrorActionPreference = 'Stop'",
    "$secret = ConvertTo-SecureString $env:VOLLEY_PASSWORD -AsPlainText -Force",
    "$credential = New-Object System.Management.Automation.PSCredential($env:VOLLEY_ACCOUNT, $secret)",
    "$options = @{ FilePath = $env:VOLLEY_PROGRAM; Credential = $credential; Wait = $true; PassThru = $true }",
    "if ($env:VOLLEY_ARGUMENTS) { $options.ArgumentList = $env:VOLLEY_ARGUMENTS }",
    "foreach ($name in 'PASSWORD', 'ACCOUNT') { Remove-Item \"env:VOLLEY_$name\" }",
    "exit (Start-Process @options).ExitCode",
  ].join("; ");
  return {
    command: ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script],
    ...(run.workingFolder !== undefined && { workingFolder: run.workingFolder }),
    environment: {
      ...run.environment,
      VOLLEY_ACCOUNT: account,
      VOLLEY_PASSWORD: password,
      VOLLEY_PROGRAM: program,
      VOLLEY_ARGUMENTS: rest.join(" "),
    },
  };
}
