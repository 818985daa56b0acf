/**
 * Windows' firewall lets no datagram in that nobody here asked for, and multicast is that. For the time of a session
 * this program alone may receive UDP; Windows PE, which has no rules worth keeping, gets its firewall switched off.
 * "netsh advfirewall firewall", "Wpeutil Command-Line Options" (Windows).
 */
import type { Firewall } from "../platform.ts";
import type { WindowsTools } from "./tools.ts";

const ruleName = "Volley agent session";

export interface FirewallOptions {
  inPe(): boolean;
  /** Of the executable. */
  program: string;
  tools: WindowsTools;
}

export function windowsFirewall({ inPe, program, tools }: FirewallOptions): Firewall {
  const rule = ["advfirewall", "firewall"];
  const close = async (): Promise<void> => {
    if (inPe()) await tools.run(["wpeutil.exe", "EnableFirewall"]);
    // It fails where there is no such rule, and then all is well.
    else await tools.run(["netsh.exe", ...rule, "delete", "rule", `name=${ruleName}`]);
  };
  return {
    async open() {
      if (inPe()) return (await tools.run(["wpeutil.exe", "DisableFirewall"])) !== null;
      // What an agent that was killed has left behind would otherwise stand there twice.
      await close();
      const allowed = [
        "dir=in",
        "action=allow",
        "protocol=UDP",
        `program=${program}`,
        "profile=any",
        "enable=yes",
      ];
      return (
        (await tools.run(["netsh.exe", ...rule, "add", "rule", `name=${ruleName}`, ...allowed])) !== null
      );
    },
    close,
  };
}
