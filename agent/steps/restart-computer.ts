/**
 * Restart Computer: asks the engine for a restart, which happens when the step has ended. From a full system into the PE
 * that is put on this machine's own disk first, so that what is missing for it is this step's failure.
 */
import { codes } from "./codes.ts";
import { handOverDueVariable, setupWindows } from "./setup-windows.ts";
import {
  adapted,
  everywhere,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  wholeNumber,
} from "./step-kind.ts";
import type { StepContext } from "./step.ts";

const messageCharactersMost = 512;
/** The console takes no longer notification. */
const secondsMost = 86_400;

export const restartComputer = stepKind({
  type: "Reboot",
  title: "Restart Computer",
  support: {
    ...everywhere,
    windows: adapted("into the boot image it needs a Windows PE at the site (volley media build --winpe)"),
  },
  check(step) {
    const message = step.variables.find(({ property }) => property.toLowerCase() === "message")?.value ?? "";
    return message.length > messageCharactersMost
      ? [`The message has ${message.length} characters, more than ${messageCharactersMost}`]
      : [];
  },
  async perform(context) {
    const isDue = isHandOverDue(context);
    const target = isDue ? "HD" : targetOf(context);
    if (isDue) {
      const outcome = await setupWindows.perform(context);
      if (outcome.exitCode !== codes.success) return outcome;
      setOutput(context, handOverDueVariable, "");
    }
    const seconds = wholeNumber(setting(context, "MessageTimeout", "SMSRebootTimeout"), "The time to wait", {
      least: 0,
      most: secondsMost,
      fallback: 0,
    });
    const message = setting(context, "Message", "SMSRebootMessage").slice(0, messageCharactersMost);
    if (target === "WinPE") await stageBootImage(context);
    context.variables.set("SMSTSRebootRequested", target);
    context.variables.set("SMSTSRebootDelay", String(seconds));
    context.variables.set("SMSTSRebootMessage", message);
    const where = target === "HD" ? "the installed operating system" : "the boot image";
    return succeeded(`The computer restarts into ${where}`);
  },
});

/**
 * The toolkit's restarts name no target, and its own boot manager decides: from the PE that has just applied a system they
 * lead into that. Its sequences have no step that hands over.
 */
function isHandOverDue({ property, system, variables }: StepContext): boolean {
  const inPe = system === "winpe" || system === "linuxpe";
  return inPe && property("Target") === "" && variables.get(handOverDueVariable) !== "";
}

async function stageBootImage(context: StepContext): Promise<void> {
  const staging = context.services?.bootStaging;
  if (context.system === "windows" && staging === undefined) {
    throw new StepFailure(
      codes.notSupported,
      "There is no site whose boot image could be staged, so the computer would only start Windows again",
    );
  }
  if (context.system !== "windows" && context.system !== "linux") return;
  await staging?.prepare({
    signal: context.signal,
    progress: (fraction) => context.progress(fraction, "Fetching the boot image"),
  });
}

/** The property, or what smsboot was to be called with. */
function targetOf(context: StepContext): "HD" | "WinPE" {
  const inAction = /\/target:(\S+)/i.exec(context.variables.expand(context.step.action))?.[1];
  const written = context.property("Target") || inAction || "HD";
  if (/^hd$/i.test(written)) return "HD";
  if (/^winpe$/i.test(written)) return "WinPE";
  throw new StepFailure(codes.invalidSetting, `"${written}" is no target of a restart: HD and WinPE are`);
}
