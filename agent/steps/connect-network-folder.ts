/** Connect To Network Folder: a share under a drive letter. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "./codes.ts";
import {
  everywhere,
  runOrFail,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  workFolder,
} from "./step-kind.ts";
import type { StepContext } from "./step.ts";
import { isLinux, shareVariable } from "./volumes.ts";

export const connectNetworkFolder = stepKind({
  type: "ConnectNetworkFolder",
  title: "Connect To Network Folder",
  support: everywhere,
  async perform(context) {
    const path = setting(context, "Path", "SMSConnectNetworkFolderPath");
    const match = /^\\\\([^\\/:*?"<>|]+)\\([^:*?"<>|]+)$/.exec(path.replaceAll("/", "\\"));
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new StepFailure(
        codes.invalidSetting,
        `"${path}" is no network folder of the form \\\\server\\share`,
      );
    }
    const letter = letterOf(setting(context, "DriveLetter", "SMSConnectNetworkFolderDriveLetter"));
    const account = setting(context, "Username", "SMSConnectNetworkFolderAccount");
    const password = setting(context, "Password", "SMSConnectNetworkFolderPassword");
    if (account !== "" && password === "") {
      throw new StepFailure(
        codes.invalidSetting,
        `The password of ${account} is not given: exports leave it out`,
      );
    }
    const share = { server: match[1], folder: match[2], letter, account, password };
    if (isLinux(context)) await connectOnLinux(context, share);
    else await connectOnWindows(context, share);
    return succeeded(`${path} is ${letter}:`);
  },
});

interface Share {
  server: string;
  folder: string;
  letter: string;
  account: string;
  password: string;
}

/** "D: through Z:, but X:, which Windows PE uses". */
function letterOf(text: string): string {
  const letter = /^\s*([A-Za-z]):?\\?\s*$/.exec(text)?.[1]?.toUpperCase();
  if (letter === undefined || letter < "D" || letter === "X") {
    throw new StepFailure(
      codes.invalidSetting,
      `"${text}" is no drive letter for a network folder: D to Z are, but X`,
    );
  }
  return letter;
}

/** "Net use": the password after the prompt that "*" asks for, and never among the arguments. */
async function connectOnWindows(context: StepContext, share: Share): Promise<void> {
  const where = `\\\\${share.server}\\${share.folder}`;
  const login = share.account === "" ? [] : ["*", `/user:${share.account}`];
  await runOrFail(context, `connect to ${where}`, {
    command: ["net.exe", "use", `${share.letter}:`, where, ...login, "/persistent:no"],
    ...(share.account !== "" && { input: `${share.password}\r\n` }),
  });
}

/** The credentials are in a file that only root reads, for as long as mount takes. */
async function connectOnLinux(context: StepContext, share: Share): Promise<void> {
  const folder = join(await workFolder(context), "shares", share.letter.toLowerCase());
  await mkdir(folder, { recursive: true });
  const file = join(await workFolder(context), randomUUID());
  const [first = "", second] = share.account.split("\\");
  const lines = [`username=${second ?? first}`, `password=${share.password}`];
  if (second !== undefined) lines.push(`domain=${first}`);
  if (/[\r\n]/.test(share.account + share.password)) {
    throw new StepFailure(codes.invalidSetting, "Account and password must not hold a line end");
  }
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const source = `//${share.server}/${share.folder.replaceAll("\\", "/")}`;
  const option = share.account === "" ? "guest" : `credentials=${file}`;
  try {
    await runOrFail(context, `connect to ${source}`, {
      command: ["mount.cifs", source, folder, "-o", option],
    });
  } finally {
    await rm(file, { force: true });
  }
  setOutput(context, shareVariable(share.letter), folder);
}
