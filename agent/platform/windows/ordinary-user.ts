/** Whether the agent has no more rights than any user of this Windows: asked before there is an addon to say it. */
import { execFileSync } from "node:child_process";
import { limits } from "../../../contract/limits.ts";

/** "Well-known SIDs": untrusted, low, medium and medium plus. Who is elevated, and what the system starts, is above. */
const belowHigh = /\bS-1-16-(?:0|4096|8192|8448)\b/;

/** By the integrity level, which "whoami /groups" lists. Where nothing says so, as in a Windows PE without whoami, false. */
export function isOrdinaryUser(systemRoot: string): boolean {
  try {
    const groups = execFileSync(`${systemRoot}\\System32\\whoami.exe`, ["/groups", "/fo", "csv", "/nh"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: limits.slowToolMs,
      windowsHide: true,
    });
    return belowHigh.test(groups);
  } catch {
    return false;
  }
}
