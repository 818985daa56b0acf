/** Prepare Windows for Capture: Sysprep, so that what makes this computer itself is not in the image. */
import { join } from "node:path";
import { flag, real, runOrFail, setting, stepKind, succeeded, unsupported, workFolder } from "./step-kind.ts";
import { emptyAnswerFile, setSetting, writeAnswerFile } from "./unattend/answer-file.ts";

const fullSystemOnly = unsupported("it runs in the full operating system alone");

export const prepareWindowsForCapture = stepKind({
  type: "PrepareOS",
  title: "Prepare Windows for Capture",
  support: {
    winpe: fullSystemOnly,
    linuxpe: fullSystemOnly,
    windows: real,
    linux: unsupported("it prepares a Windows, and none runs here"),
  },
  repeatable: false,
  async perform(context) {
    const keepActivation = flag(setting(context, "KeepActivation", "OSDKeepActivation"), false);
    const shutdown = flag(setting(context, "ShutdownPreparedOs", "OSDShutdownPreparedOs"), false);
    const root = context.variables.get("SystemRoot") || "C:\\Windows";
    const answerFile: string[] = [];
    if (keepActivation) {
      const path = join(await workFolder(context), "sysprep.xml");
      const answers = emptyAnswerFile();
      const place = {
        pass: "generalize",
        component: "Microsoft-Windows-Security-SPP",
        path: "SkipRearm",
      } as const;
      for (const architecture of ["amd64", "arm64", "x86"] as const) {
        setSetting(answers, architecture, place, "1");
      }
      await writeAnswerFile(path, answers);
      answerFile.push(`/unattend:${path}`);
    }
    // "Sysprep Command-Line Options"; /quit, since the engine restarts the computer itself.
    await runOrFail(context, "prepare Windows", {
      command: [
        `${root}\\System32\\Sysprep\\sysprep.exe`,
        "/generalize",
        "/oobe",
        "/quiet",
        shutdown ? "/shutdown" : "/quit",
        ...answerFile,
      ],
    });
    return succeeded("Windows is prepared for capture");
  },
});
