/**
 * Opt In to CEIP and WER (MDT). Sources: "Enabling Participation in CEIP and WER" (Using the Microsoft Deployment Toolkit), and
 * for the values of the registry the policy "Turn off Windows Customer Experience Improvement Program" and "WER Settings".
 */
import { adapted, real, runOrFail, stepKind, succeeded, unsupported } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { changeAnswerFile } from "../unattend/place.ts";
import { addSpecializeCommand } from "../unattend/specialize-command.ts";
import { scriptArgument } from "./script-arguments.ts";

const byWindows = adapted("the applied Windows sets it in its specialize pass");
/** Behind what sets up keyboard and drivers. */
const firstOrder = 70;

export const optIn = stepKind({
  type: "ZTIOptIn",
  title: "Opt In to CEIP and WER",
  support: {
    winpe: byWindows,
    linuxpe: byWindows,
    windows: real,
    linux: unsupported("both programs are Windows' own, and no Windows runs here"),
  },
  async perform(context) {
    const [ceip, wer] = [isYes(context, "CEIP"), isYes(context, "WER")];
    const values = [
      { key: "HKLM\\SOFTWARE\\Microsoft\\SQMClient\\Windows", name: "CEIPEnable", data: ceip ? "1" : "0" },
      {
        key: "HKLM\\SOFTWARE\\Microsoft\\Windows\\Windows Error Reporting",
        name: "Disabled",
        data: wer ? "0" : "1",
      },
    ];
    if (context.system === "windows") {
      for (const { data, key, name } of values) {
        await runOrFail(context, `set ${name}`, {
          command: ["reg.exe", "add", key, "/v", name, "/t", "REG_DWORD", "/d", data, "/f"],
        });
      }
    } else {
      await changeAnswerFile(context, (root, architecture) => {
        for (const [index, { data, key, name }] of values.entries()) {
          const line = `reg.exe add "${key}" /v ${name} /t REG_DWORD /d ${data} /f`;
          const description = `Set ${name}`;
          addSpecializeCommand(root, architecture, { order: firstOrder + index, description, line });
        }
      });
    }
    return succeeded(`CEIP: ${ceip ? "takes part" : "does not"}; WER: ${wer ? "takes part" : "does not"}`);
  },
});

/** "Any value other than YES is treated as NO, including not providing the parameter". */
const isYes = (context: StepContext, name: string): boolean =>
  /^yes$/i.test(scriptArgument(context, name) ?? "");
