/** Windows' own WMI, for queries beyond the table of facts. A plain Windows PE has neither it nor PowerShell. */
import type { WindowsTools } from "./tools.ts";

const powerShell = "WindowsPowerShell\\v1.0\\powershell.exe";

/** Namespace and query come by standard input, a line each: neither is part of a command. */
const script = [
  "$ErrorActionPreference = 'Stop'",
  "$namespace = [Console]::In.ReadLine()",
  "$query = [Console]::In.ReadLine()",
  "if (Get-CimInstance -Namespace $namespace -Query $query | Select-Object -First 1) { 'some' } else { 'none' }",
].join("; ");

/** As SequenceMachine.askWmi. */
export async function askWmi(namespace: string, query: string, tools: WindowsTools): Promise<boolean | null> {
  const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
  const place = oneLine(namespace) || "root\\cimv2";
  const input = `${place}\r\n${oneLine(query)}\r\n`;
  const command = [powerShell, "-NoProfile", "-NonInteractive", "-Command", script] as const;
  const output = (await tools.run(command, { input }))?.trim();
  return output === "some" ? true : output === "none" ? false : null;
}
