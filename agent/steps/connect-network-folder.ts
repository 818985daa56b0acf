/** Connect To Network Folder: a share under a drive letter. */
import { join } from "node:path";
import { codes } from "./codes.ts";
import { connectOnWindows, mountOnLinux, parseShare, refuseIncomplete } from "./network-share.ts";
import { everywhere, setOutput, setting, StepFailure, stepKind, succeeded, workFolder } from "./step-kind.ts";
import { driveLetter, isLinux, shareVariable } from "./volumes.ts";

export const connectNetworkFolder = stepKind({
  type: "ConnectNetworkFolder",
  title: "Connect To Network Folder",
  support: everywhere,
  async perform(context) {
    const path = setting(context, "Path", "SMSConnectNetworkFolderPath");
    const parsed = parseShare(path);
    if (parsed === null) {
      throw new StepFailure(
        codes.invalidSetting,
        `"${path}" is no network folder of the form \\\\server\\share`,
      );
    }
    const letter = letterOf(setting(context, "DriveLetter", "SMSConnectNetworkFolderDriveLetter"));
    const account = setting(context, "Username", "SMSConnectNetworkFolderAccount");
    const password = setting(context, "Password", "SMSConnectNetworkFolderPassword");
    const share = { ...parsed, account, password };
    refuseIncomplete(share);
    if (isLinux(context)) {
      const folder = join(await workFolder(context), "shares", letter.toLowerCase());
      await mountOnLinux(context, share, folder);
      setOutput(context, shareVariable(letter), folder);
    } else await connectOnWindows(context, share, letter);
    return succeeded(`${path} is ${letter}:`);
  },
});

/** "D: through Z:, but X:, which Windows PE uses". */
function letterOf(text: string): string {
  const letter = driveLetter(text.trim());
  if (letter === null || letter < "D" || letter === "X") {
    throw new StepFailure(
      codes.invalidSetting,
      `"${text}" is no drive letter for a network folder: D to Z are, but X`,
    );
  }
  return letter;
}
