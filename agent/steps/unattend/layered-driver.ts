/**
 * The keyboard of an applied Windows: "layered driver", for keyboards that are common with Japanese and Korean languages.
 * Sources: "OsdLayeredDriver" (Configuration Manager), "LayeredDriver" (Unattended Windows Setup Reference) and "DISM
 * Languages and International Servicing Command-Line Options".
 */
import { codes } from "../codes.ts";
import { runOrFail, setting, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { isLinux } from "../volumes.ts";
import { setSetting } from "./answer-file.ts";
import { changeAnswerFile, targetSystemRoot } from "./place.ts";
import { addSpecializeCommand } from "./specialize-command.ts";

/** As Windows' own keyboard.inf installs each of them, by its number: what it writes for i8042prt. */
const keyboards = [
  { language: "", file: "kbd101.dll", identifier: "PCAT_101KEY", type: 7, subtype: 0 },
  { language: "KOR", file: "kbd101a.dll", identifier: "PCAT_101AKEY", type: 8, subtype: 3 },
  { language: "KOR", file: "kbd101b.dll", identifier: "PCAT_101BKEY", type: 8, subtype: 4 },
  { language: "KOR", file: "kbd101c.dll", identifier: "PCAT_101CKEY", type: 8, subtype: 5 },
  { language: "KOR", file: "kbd103.dll", identifier: "PCAT_103KEY", type: 8, subtype: 6 },
  { language: "JPN", file: "kbd106.dll", identifier: "PCAT_106KEY", type: 7, subtype: 2 },
] as const;

/** 0 or nothing: not specified. Throws StepFailure. */
export function readLayeredDriver(context: StepContext): number {
  const text = setting(context, "LayeredDriver", "OsdLayeredDriver").trim();
  if (text === "" || text === "0") return 0;
  if (/^[1-6]$/.test(text)) return Number(text);
  throw new StepFailure(codes.invalidSetting, `"${text}" is no layered driver: 1 to 6 are`);
}

/**
 * Into the answer file, as documented, and into the Windows itself, since an applied image does not run the windowsPE pass
 * that the setting is of: by DISM, which Linux has not; there by the first pass that Windows runs.
 */
export async function setLayeredDriver(context: StepContext, driver: number): Promise<void> {
  const keyboard = keyboards[driver - 1];
  if (keyboard === undefined) return;
  const drive = targetSystemRoot(context).slice(0, 2);
  await changeAnswerFile(context, (root, architecture) => {
    const component = "Microsoft-Windows-International-Core-WinPE";
    setSetting(root, architecture, { pass: "windowsPE", component, path: "LayeredDriver" }, String(driver));
    if (!isLinux(context)) return;
    for (const [index, value] of registryValues(keyboard).entries()) {
      const line = `reg.exe add HKLM\\SYSTEM\\CurrentControlSet\\Services\\i8042prt\\Parameters ${value} /f`;
      addSpecializeCommand(root, architecture, { order: 50 + index, description: "Set the keyboard", line });
    }
  });
  if (isLinux(context)) return;
  await runOrFail(context, `set the layered driver of ${drive}`, {
    command: ["dism.exe", `/Image:${drive}\\`, `/Set-LayeredDriver:${driver}`],
  });
}

function registryValues({ file, identifier, language, subtype, type }: (typeof keyboards)[number]): string[] {
  const layer = language === "" ? ["LayerDriver JPN", "LayerDriver KOR"] : [`LayerDriver ${language}`];
  return [
    ...layer.map((name) => `/v "${name}" /t REG_SZ /d ${file}`),
    `/v OverrideKeyboardIdentifier /t REG_SZ /d ${identifier}`,
    `/v OverrideKeyboardType /t REG_DWORD /d ${type}`,
    `/v OverrideKeyboardSubtype /t REG_DWORD /d ${subtype}`,
  ];
}
