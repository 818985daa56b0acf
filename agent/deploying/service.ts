/** What the agent does all day: asks the site what to do, does it, says how it went. */
import type { Policy } from "../../contract/deployment.ts";
import { toVolleyError, type VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../report/logs.ts";
import { untilItWorks } from "../back-off.ts";
import type { Deployment } from "./performer.ts";
import type { SeenDisks } from "./seen-disks.ts";
import { leavesUnfinished } from "./unfinished.ts";

export interface ServiceOptions {
  /** End after one deployment, whether it succeeds (return) or fails (throw). */
  once: boolean;
  /** What the site says has failed here is not begun until it is cleared there, or there is a disk that was not. */
  leaveFailed: boolean;
  /** The deployment to go on with, and nothing else; null for whatever is due. */
  resumes: string | null;
  /** That one is this machine's no longer. */
  onGone(): void;
  enrol(): Promise<unknown>;
  policy(): Promise<Policy>;
  perform(deployment: Deployment): Promise<unknown>;
  seenDisks: SeenDisks;
  /** Until the site is asked again. */
  pause(): Promise<void>;
  log: Log;
  signal: AbortSignal;
}

/** Throws E_CANCELLED when `signal` fires, E_RESTART_NEEDED; besides, with `once`, whatever ends the work. */
export async function serve(options: ServiceOptions): Promise<void> {
  const { leaveFailed, log, once } = options;
  await patiently(options, options.enrol);
  // The site takes its time to hear how it went; without this the same deployment would begin anew.
  let settled: string | null = null;
  let said = "";
  for (;;) {
    const { deployment } = await patiently(options, options.policy);
    if (options.resumes !== null && deployment?.id !== options.resumes) {
      log.warning("What this machine was to go on with is closed at the site, or another took its place");
      options.onGone();
      return;
    }
    if (deployment?.id !== settled || deployment.failed) settled = null;
    const isLeft = deployment?.failed === true && leaveFailed && !(await hasNewDisk(options));
    if (deployment === null || deployment.id === settled || isLeft) {
      const text = waitingText(deployment);
      if (text !== said) log.info(text);
      said = text;
      await options.pause();
      continue;
    }
    said = "";
    await options.seenDisks.remember();
    if (once) {
      await options.perform(deployment);
      return;
    }
    await performAndGoOn(deployment, options);
    settled = deployment.id;
  }
}

/** Who started the agent for one deployment is at a machine that has nothing else to do; any other gets disks for other reasons. */
async function hasNewDisk({ log, once, seenDisks }: ServiceOptions): Promise<boolean> {
  const found = once ? await seenDisks.newOne() : null;
  if (found !== null) log.info(`Disk ${found} is new here: what has failed is begun once more`);
  return found !== null;
}

function waitingText(deployment: Deployment | null): string {
  if (deployment === null || !deployment.failed) {
    return "Nothing is assigned to this machine; waiting for a deployment";
  }
  const { name } = deployment;
  return `"${name}" has failed on this machine; it is done once more when the site says so (volley deployment clear)`;
}

async function performAndGoOn(
  deployment: Deployment,
  { log, perform, signal }: ServiceOptions,
): Promise<void> {
  try {
    await perform(deployment);
  } catch (error) {
    const failure = toVolleyError(error);
    if (signal.aborted || leavesUnfinished(failure)) throw failure;
    log.error(failure.toString());
  }
}

/** A service waits for its site for ever; one who waits at the screen wants to know that the address is wrong. */
function patiently<Result>(
  { log, once, signal }: ServiceOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  return untilItWorks(work, {
    signal,
    patienceMs: once ? limits.firstContactMs : Number.POSITIVE_INFINITY,
    onWait: tellWaiting(log),
  });
}

/** A line whenever it waits for something else than before, with what to do about it. */
export function tellWaiting(log: Pick<Log, "warning">): (failure: VolleyError) => void {
  let said = "";
  return ({ detail, entry }) => {
    if (detail !== said) log.warning(`Waiting for the site: ${detail}. ${entry.remedy}`);
    said = detail;
  };
}
