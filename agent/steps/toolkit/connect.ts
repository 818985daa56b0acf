/** Connect to Deployment Share (MDT). Sources: ZTIConnect.wsf, UserID, UserDomain and UserPassword in the "Toolkit reference". */
import { existsSync } from "node:fs";
import { codes } from "../codes.ts";
import { connectForRun, parseShare, refuseIncomplete } from "../network-share.ts";
import { everywhere, StepFailure, stepKind, succeeded } from "../step-kind.ts";
import { hostPath, isLinux } from "../volumes.ts";
import { scriptArgument } from "./script-arguments.ts";

export const connect = stepKind({
  type: "ZTIConnect",
  title: "Connect to Deployment Share",
  support: everywhere,
  async perform(context) {
    const { variables } = context;
    const path = scriptArgument(context, "UNCPath") ?? "";
    const parsed = parseShare(path);
    if (parsed === null) {
      const text = `/UNCPath is "${path}", no network folder of the form \\\\server\\share`;
      throw new StepFailure(codes.invalidSetting, text);
    }
    const [domain, user] = [variables.get("UserDomain"), variables.get("UserID")];
    const account = user === "" || domain === "" || /[\\@]/.test(user) ? user : `${domain}\\${user}`;
    const share = { ...parsed, account, password: variables.get("UserPassword") };
    refuseIncomplete(share);
    await connectForRun(context, share);
    // "It validates that a connection can be created to the network shared folder".
    if (isLinux(context) && !existsSync(await hostPath(context, path))) {
      throw new StepFailure(codes.fileNotFound, `The share is connected, and ${path} is not there`);
    }
    return succeeded(`${path} is connected`);
  },
});
