/** Capture or Restore Groups (MDT): who is in local groups, before Windows is replaced and after. */
import { adapted, real, stepKind, succeeded, unsupported } from "../step-kind.ts";
import type { StepContext, StepOutcome } from "../step.ts";
import { codes } from "../codes.ts";
import { powerShell, runPowerShell } from "../windows/powershell.ts";
import { listOf } from "./lists.ts";

const inPe = adapted("a PE has no groups that would be kept, and nobody is put into them there");

/** Their names differ with Windows' language; these do not ("Well-known SIDs"). */
const wellKnown: Record<string, string> = {
  administrators: "S-1-5-32-544",
  users: "S-1-5-32-545",
  guests: "S-1-5-32-546",
  "power users": "S-1-5-32-547",
};

export const groups = stepKind({
  type: "ZTIGroups",
  title: "Capture or Restore Groups",
  support: {
    winpe: inPe,
    linuxpe: inPe,
    windows: real,
    linux: unsupported("local groups of Windows are meant, and none runs here"),
  },
  perform(context) {
    if (context.system !== "windows") return Promise.resolve(succeeded("A PE has no groups to keep"));
    return /\/restore\b/i.test(context.step.action) ? restore(context) : capture(context);
  },
});

/**
 * "Captures the membership of the Administrator and Power Users built-in groups and the groups listed in the groups' properties":
 * whom Administrators001 and PowerUsers001 name are put into those whatever else is listed.
 */
function groupNames(context: StepContext): string[] {
  const named = listOf(context, "Groups").map((name) => name.split(",")[0]?.trim() ?? "");
  const others = named.filter((name) => !/^(administrators|power users|)$/i.test(name));
  return ["Administrators", "Power Users", ...others];
}

/** Members of "Power Users" stand in PowerUsers001, PowerUsers002 and so on. */
const listName = (group: string): string => group.replaceAll(/[^A-Za-z0-9_-]/g, "");

const findGroup =
  "$group = if ($env:VOLLEY_SID) { Get-LocalGroup -SID $env:VOLLEY_SID -ErrorAction SilentlyContinue } else { Get-LocalGroup -Name $env:VOLLEY_GROUP -ErrorAction SilentlyContinue }";

const about = (group: string): Record<string, string> => ({
  VOLLEY_GROUP: group,
  VOLLEY_SID: wellKnown[group.toLowerCase()] ?? "",
});

async function capture(context: StepContext): Promise<StepOutcome> {
  const wish = context.variables.get("CaptureGroups");
  if (/^no$/i.test(wish)) return succeeded("CaptureGroups is NO: no group is captured");
  const names = groupNames(context);
  if (/^all$/i.test(wish)) {
    const { output } = await runPowerShell(context, "list the groups", [
      "Get-LocalGroup | Select-Object -ExpandProperty Name",
    ]);
    for (const name of linesOf(output)) if (!names.includes(name)) names.push(name);
  }
  const script = [
    findGroup,
    "if ($group) { Get-LocalGroupMember -Group $group -ErrorAction SilentlyContinue | Select-Object -ExpandProperty Name }",
  ];
  const counts: string[] = [];
  for (const name of names) {
    const { output } = await runPowerShell(context, `read the group ${name}`, script, about(name));
    const members = new Set([...listOf(context, listName(name)), ...linesOf(output)]);
    setList(context, listName(name), [...members]);
    counts.push(`${name}: ${members.size}`);
  }
  setList(context, "Groups", names);
  return succeeded(`Members of groups: ${counts.join(", ")}`);
}

/** A member that the new Windows does not know, such as an account of the old one, is left out, as the toolkit does. */
async function restore(context: StepContext): Promise<StepOutcome> {
  const script = [
    findGroup,
    // "The script does not create any destination groups that do not already exist on the target computer."
    "if (-not $group) { 'There is no such group'; exit 1 }",
    "try { Add-LocalGroupMember -Group $group -Member $env:VOLLEY_MEMBER -ErrorAction Stop; exit 0 } catch { $_.Exception.Message; exit 1 }",
  ];
  let added = 0;
  const left: string[] = [];
  for (const name of groupNames(context)) {
    for (const member of listOf(context, listName(name))) {
      const environment = { ...about(name), VOLLEY_MEMBER: member };
      const done = await context.tools.run(powerShell(script, environment));
      if (done.exitCode === codes.success) added += 1;
      else left.push(`${member} (${name}): ${linesOf(done.output)[0] ?? "unknown"}`);
    }
  }
  for (const line of left) context.log.warning(`Not put into its group: ${line}`);
  return succeeded(`${added} members are in their groups, ${left.length} are not`, left.join("\n"));
}

function setList({ variables }: StepContext, name: string, values: readonly string[]): void {
  for (const [index, value] of values.entries()) {
    variables.set(`${name}${String(index + 1).padStart(3, "0")}`, value);
  }
}

const linesOf = (output: string): string[] =>
  output
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
