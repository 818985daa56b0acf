/** Brings the end of this machine's log to the site, where people read why something failed. */
import { limits } from "../../contract/limits.ts";
import { toVolleyError } from "../../contract/errors.ts";
import { untilItWorks } from "../back-off.ts";
import type { Log } from "../report/logs.ts";
import { logTail } from "../report/log-tail.ts";
import type { Redactor } from "../report/redactor.ts";
import type { SiteClient } from "../site/site-client.ts";

export interface LogBringing {
  site: Pick<SiteClient, "log">;
  log: Log;
  logFolder: string;
  redactor: Redactor;
  signal: AbortSignal;
}

/** Never rejects: the log is here in any case, and what it is about has been reported. */
export async function bringLog(
  deploymentId: string,
  { log, logFolder, redactor, signal, site }: LogBringing,
): Promise<void> {
  try {
    const tail = await logTail(logFolder, limits.logTailBytes);
    // A secret may have been heard of after it was logged. What is blacked out may be longer than the secret.
    const text = Buffer.from(redactor.clean(tail.toString("utf8"))).subarray(-limits.logTailBytes);
    if (text.length === 0) return;
    await untilItWorks(() => site.log(deploymentId, text), {
      signal,
      patienceMs: limits.logTailMs,
      onWait: () => {},
    });
  } catch (error) {
    log.detail(`The site does not get the log: ${toVolleyError(error).detail}`, "warning");
  }
}
