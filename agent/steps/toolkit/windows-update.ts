/** Windows Update (MDT): from the server that WSUSServer names, if it does. */
import { installSoftwareUpdates } from "../install-software-updates.ts";
import { runOrFail, StepFailure, stepKind } from "../step-kind.ts";
import { codes } from "../codes.ts";
import type { StepContext } from "../step.ts";
import { delegate } from "./delegate.ts";

const policy = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate";

export const windowsUpdate = stepKind({
  type: "ZTIWindowsUpdate",
  title: "Windows Update",
  support: installSoftwareUpdates.support,
  async perform(context) {
    const server = context.variables.get("WSUSServer");
    if (server !== "") await useServer(context, server);
    return delegate(context, installSoftwareUpdates, { Target: "All" });
  },
});

/** "Configure Automatic Updates in a non–Active Directory environment": by the values of the policy. */
async function useServer(context: StepContext, server: string): Promise<void> {
  if (!/^https?:\/\/[^\s/]+(\/\S*)?$/i.test(server)) {
    throw new StepFailure(codes.invalidSetting, `WSUSServer is "${server}", no address of a server`);
  }
  const values: [key: string, name: string, type: string, value: string][] = [
    [policy, "WUServer", "REG_SZ", server],
    [policy, "WUStatusServer", "REG_SZ", server],
    [`${policy}\\AU`, "UseWUServer", "REG_DWORD", "1"],
  ];
  for (const [key, name, type, value] of values) {
    await runOrFail(context, `set ${name}`, {
      command: ["reg.exe", "add", key, "/v", name, "/t", type, "/d", value, "/f"],
    });
  }
}
