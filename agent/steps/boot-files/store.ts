/** A new boot configuration out of the applied image's own template. */
import { randomUUID } from "node:crypto";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bcdText, type WindowsPlace } from "../../../windows/boot-configuration.ts";
import { mergeWords } from "../../../windows/boot-text.ts";
import { runOrFail } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { findInAnyCase } from "../volumes.ts";

/** `windows`: its folder; `folder`: of the caller's own. Answers where the store is. */
export async function makeStore(
  context: StepContext,
  { folder, place, windows }: { folder: string; place: WindowsPlace; windows: string },
): Promise<string> {
  const store = join(folder, "BCD");
  const text = join(folder, "bcd.reg");
  await copyFile(await findInAnyCase(windows, ["System32", "config", "BCD-Template"]), store);
  const locale = context.variables.get("OSDWindowsSettingsUILanguage") || "en-US";
  const firmware = place.style === "GPT" ? "uefi" : "bios";
  await writeFile(text, bcdText({ firmware, place, loaderId: `{${randomUUID()}}`, locale }));
  await runOrFail(context, "write the boot configuration", {
    command: ["hivexregedit", ...mergeWords(store, text)],
  });
  return store;
}
