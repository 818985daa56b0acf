/** The one switch between operating systems. */
import { VolleyError } from "../../contract/errors.ts";
import { linuxPlatform } from "./linux.ts";
import type { Platform, PlatformOptions } from "./platform.ts";
import { windowsPlatform } from "./windows.ts";

/** Throws E_INTERNAL on a system that nobody wrote a platform for. */
export function openPlatform(options: PlatformOptions): Platform {
  if (process.platform === "linux") return linuxPlatform(options);
  if (process.platform === "win32") return windowsPlatform(options);
  throw new VolleyError("E_INTERNAL", `The agent does not know how to work on ${process.platform}`);
}
