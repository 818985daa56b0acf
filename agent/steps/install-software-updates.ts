/** Install Software Updates, by the Windows Update Agent. */
import { codes } from "./codes.ts";
import { adapted, setting, StepFailure, stepKind, unsupported, wholeNumber } from "./step-kind.ts";
import type { StepContext, StepOutcome } from "./step.ts";
import { listOf } from "./toolkit/lists.ts";
import { powerShell } from "./windows/powershell.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

/** "Searching, Downloading, and Installing Updates" (Windows Update Agent); ends with 3010 when a restart is wanted. */
const script = [
  "$session = New-Object -ComObject Microsoft.Update.Session",
  "$searcher = $session.CreateUpdateSearcher()",
  "$searcher.Online = $env:VOLLEY_CACHED -ne '1'",
  "$found = $searcher.Search(\"IsInstalled=0 and IsHidden=0 and Type='Software'\").Updates",
  "$wanted = New-Object -ComObject Microsoft.Update.UpdateColl",
  "$left = $env:VOLLEY_LEFT_OUT -split ','",
  "foreach ($update in $found) { $names = @($update.Identity.UpdateID) + @($update.KBArticleIDs); if ($names | Where-Object { $left -contains $_ }) { continue }; if ($env:VOLLEY_TARGET -eq 'All' -or $update.IsMandatory -or $update.AutoSelectOnWebSites) { $update.AcceptEula(); [void]$wanted.Add($update); $update.Title } }",
  "if ($wanted.Count -eq 0) { 'No update is wanted'; exit 0 }",
  "$downloader = $session.CreateUpdateDownloader(); $downloader.Updates = $wanted; [void]$downloader.Download()",
  "$installer = $session.CreateUpdateInstaller(); $installer.Updates = $wanted; $result = $installer.Install()",
  "if ($result.ResultCode -ge 3) { exit 1 }",
  "if ($result.RebootRequired) { exit 3010 }",
  "exit 0",
];

export const installSoftwareUpdates = stepKind({
  type: "InstallUpdate",
  title: "Install Software Updates",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: adapted(
      "updates come from Windows Update, or the WSUS that Windows' policy names, not from a software update point",
    ),
    linux: unsupported("it updates Windows, and none runs here"),
  },
  async perform(context) {
    const target = targetOf(context);
    const seconds = wholeNumber(context.variables.get("SMSTSSoftwareUpdateScanTimeout"), "The time to scan", {
      least: 1,
      most: 86_400,
      fallback: 3600,
    });
    const cached = setting(context, "UseCache", "SMSTSSoftwareUpdateScanUseCache");
    const run = powerShell(script, {
      VOLLEY_TARGET: target,
      VOLLEY_CACHED: /^true$/i.test(cached) ? "1" : "0",
      VOLLEY_LEFT_OUT: leftOut(context),
    });
    const stepSeconds = context.step.timeoutSeconds ?? 0;
    const result = await context.tools.run({ ...run, timeoutMs: Math.max(seconds, stepSeconds) * 1000 });
    return outcome(context, result);
  },
});

/** MDT's "WUMU_ExcludeKB" and "WUMU_ExcludeID": lists of knowledge base articles and of identifiers. */
function leftOut(context: StepContext): string {
  const articles = listOf(context, "WUMU_ExcludeKB").map((article) => article.replace(/^KB/i, ""));
  return [...articles, ...listOf(context, "WUMU_ExcludeID")].join(",");
}

function targetOf(context: StepContext): "All" | "Mandatory" {
  const written = setting(context, "Target", "SMSInstallUpdateTarget");
  if (/^all$/i.test(written)) return "All";
  if (/^mandatory$/i.test(written)) return "Mandatory";
  throw new StepFailure(codes.invalidSetting, `"${written}" is no choice of updates: All and Mandatory are`);
}

/** "SMSTSWaitForSecondReboot": updates may restart once more; the engine resumes after any. */
function outcome(
  context: StepContext,
  result: { exitCode: number; output: string; timedOut: boolean },
): StepOutcome {
  if (result.timedOut) {
    return { exitCode: codes.timedOut, text: "The updates took too long", output: result.output };
  }
  if (result.exitCode === codes.rebootRequired) context.variables.set("SMSTSRebootRequested", "HD");
  const isFine = result.exitCode === 0 || result.exitCode === codes.rebootRequired;
  return {
    exitCode: isFine ? codes.success : codes.failed,
    text: isFine ? "The updates are installed" : "The Windows Update Agent could not install all updates",
    output: result.output,
  };
}
