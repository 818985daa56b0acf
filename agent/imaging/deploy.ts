/**
 * Receive, write and verify as one operation: joins the session of a deployment, and joins again for as long as it takes
 * and helps, each time without what the disk already holds.
 */
import { lookup } from "node:dns/promises";
import type { ImageFacts, JoinAnswer, JoinRequest } from "../../contract/deployment.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Outcome, Progress, ProgressAnswer } from "../../contract/report.ts";
import type { Log } from "../report/logs.ts";
import type { ProgressView } from "../report/transfer-view.ts";
import { backOffMs, isToldToWait, pause, untilItWorks } from "../back-off.ts";
import { addTotals, type Totals } from "./progress.ts";
import { receive, type Received } from "./receive.ts";

export interface DeployOptions {
  image: ImageFacts;
  multicast: boolean;
  /** There is no unicast to fall back to. */
  multicastOnly: boolean;
  /** Checked: see checkManifest. */
  manifest: Buffer;
  device: string;
  /** Whether this image was being written to this disk before. */
  resume: boolean;
  /** Name or address under which the site is reached. */
  siteHost: string;
  /** IPv4 address of the interface by which `address` is reached. */
  interfaceAddressTo(address: string): Promise<string>;
  join(request: JoinRequest): Promise<JoinAnswer>;
  sendProgress(progress: Progress): Promise<ProgressAnswer>;
  show(view: ProgressView): void;
  notice(text: string): void;
  log: Log;
  signal: AbortSignal;
}

/** Throws the error that ended it: nothing of it runs then. The disk is right and durable when it returns. */
export async function deployImage(options: DeployOptions): Promise<Outcome> {
  const startedAt = Date.now();
  let totals: Totals = { multicastBytes: 0, unicastBytes: 0, repairedSymbols: 0, foundChunks: null };
  let resume = options.resume;
  for (let fruitless = 0; ;) {
    const attempt = await tryOnce(options, totals, resume, fruitless + 1 < limits.fruitlessReceiversMost);
    if (attempt.end === "failed") {
      fruitless += 1;
      await pause(backOffMs(fruitless), options.signal);
      continue;
    }
    const verifiedAny = attempt.statistics.chunksPresent > attempt.statistics.chunksFound;
    totals = addTotals(totals, attempt.statistics);
    resume = true;
    if (attempt.end === "verified") return outcome(attempt.root, totals, startedAt, options.image);
    fruitless = verifiedAny ? 0 : fruitless + 1;
    if (fruitless >= limits.fruitlessReceiversMost) {
      throw new VolleyError(
        options.multicastOnly ? "E_NO_MULTICAST" : "E_SITE_UNREACHABLE",
        `${fruitless} sessions in a row brought nothing: ${attempt.reason}`,
      );
    }
    options.notice(`${attempt.reason}; joining again for what is still lacking`);
    await pause(backOffMs(fruitless), options.signal);
  }
}

/** "failed" is said already, and worth another try. */
async function tryOnce(
  options: DeployOptions,
  totals: Totals,
  resume: boolean,
  again: boolean,
): Promise<Received | { end: "failed" }> {
  const joined = await joinSession(options, resume);
  try {
    const siteAddress = (await lookup(options.siteHost, { family: 4 })).address;
    const interfaceAddress = await options.interfaceAddressTo(siteAddress);
    return await receive({ ...options, joined, siteAddress, interfaceAddress, resume, totals });
  } catch (error) {
    const failure = toVolleyError(error);
    if (!again || failure.entry.retry !== "later") throw failure;
    options.log.warning(`${failure.code}: ${failure.detail}; trying again`);
    return { end: "failed" };
  }
}

async function joinSession(options: DeployOptions, resume: boolean): Promise<JoinAnswer> {
  let away = false;
  let told = "";
  const joined = await untilItWorks(() => options.join({ imageId: options.image.id, resume }), {
    signal: options.signal,
    patienceMs: limits.siteAwayMs,
    onWait: (failure) => {
      if (isToldToWait(failure)) {
        if (told === "") options.notice(`Waiting: ${failure.detail}`);
        else if (told !== failure.detail) options.log.info(`Waiting: ${failure.detail}`);
        told = failure.detail;
        return;
      }
      if (!away) options.log.warning(`Waiting for the site: ${failure.detail}`);
      away = true;
    },
  });
  if (told !== "") options.notice("The session starts");
  if (away) options.notice("The site answers again");
  const { group, number, port } = joined.session;
  options.log.info(
    `Joined session ${number} on ${group}:${port}${resume ? ", asking only for what is lacking" : ""}`,
  );
  return joined;
}

function outcome(root: string, totals: Totals, startedAt: number, image: ImageFacts): Outcome {
  // The addon has verified every chunk under the manifest's root: another one would be a bug of ours.
  if (root !== image.root) {
    throw new VolleyError("E_INTERNAL", `The disk has root ${root}, the image ${image.root}`);
  }
  return {
    root,
    multicastBytes: totals.multicastBytes,
    unicastBytes: totals.unicastBytes,
    foundChunks: totals.foundChunks ?? 0,
    repairedSymbols: totals.repairedSymbols,
    seconds: (Date.now() - startedAt) / 1000,
  };
}
