/** A program of Windows' that must not fail. */
import { VolleyError } from "../../contract/errors.ts";
import type { WindowsTools } from "../platform/windows/tools.ts";

/** As `tools`, but rejects with E_STAGING. */
export async function mustRun(
  tools: WindowsTools,
  command: readonly [program: string, ...words: string[]],
): Promise<string> {
  const output = await tools.run(command);
  if (output !== null) return output;
  throw new VolleyError("E_STAGING", `Windows does not take: ${command.join(" ")}`);
}
