/**
 * Receive, write and verify as one operation: joins the session of a deployment, and joins again for as long as it takes
 * and helps, each time without what the disk already holds.
 */
import { lookup } from "node:dns/promises";
import type { ImageFacts } from "../../contract/deployment.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Outcome } from "../../contract/report.ts";
import type { Log } from "../report/logs.ts";
import type { ProgressView } from "../report/transfer-view.ts";
import { backOffMs, pause } from "../back-off.ts";
import { joinSession, type CastingPlace } from "./join.ts";
import { addTotals, type Totals } from "./progress.ts";
import { receive, type Received } from "./receive.ts";

export interface DeployOptions {
  image: ImageFacts;
  /** There is no unicast to fall back to. */
  multicastOnly: boolean;
  /** Checked: see checkManifest. */
  manifest: Buffer;
  device: string;
  /** Whether this image was being written to this disk before. */
  resume: boolean;
  /** Distribution points near by, the nearest first. */
  points: readonly CastingPlace[];
  site: CastingPlace;
  /** IPv4 address of the interface by which `address` is reached. */
  interfaceAddressTo(address: string): Promise<string>;
  show(view: ProgressView): void;
  notice(text: string): void;
  log: Log;
  signal: AbortSignal;
}

/** Throws the error that ended it: nothing of it runs then. The disk is right and durable when it returns. */
export async function deployImage(options: DeployOptions): Promise<Outcome> {
  const startedAt = Date.now();
  let totals: Totals = { multicastBytes: 0, unicastBytes: 0, repairedSymbols: 0, foundChunks: null };
  let { points, resume } = options;
  for (let fruitless = 0; ;) {
    const attempt = await tryOnce(
      { ...options, points },
      totals,
      resume,
      fruitless + 1 < limits.fruitlessReceiversMost,
    );
    if (attempt.end === "failed") {
      fruitless += 1;
      await pause(backOffMs(fruitless), options.signal);
      continue;
    }
    const verifiedAny = attempt.statistics.chunksPresent > attempt.statistics.chunksFound;
    totals = addTotals(totals, attempt.statistics);
    resume = true;
    if (attempt.end === "verified") return outcome(attempt, totals, startedAt, options.image);
    fruitless = verifiedAny || attempt.out ? 0 : fruitless + 1;
    // One that lets in and puts out again is asked once.
    if (attempt.out) points = points.filter((point) => point !== attempt.place);
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
): Promise<(Received & { place: CastingPlace }) | { end: "failed" }> {
  const { joined, place } = await joinSession(options, resume);
  try {
    const senderAddress = joined.senderAddress ?? (await lookup(place.host, { family: 4 })).address;
    const interfaceAddress = await options.interfaceAddressTo(senderAddress);
    // Where others cast too, a place that fell silent is left; the site alone is waited for.
    const leaveAfterMs = options.points.length === 0 ? null : limits.pointAwayMs;
    const received = await receive({
      ...options,
      place,
      joined,
      senderAddress,
      interfaceAddress,
      resume,
      totals,
      leaveAfterMs,
      endsWhenOut: place === options.site,
    });
    return { ...received, place };
  } catch (error) {
    const failure = toVolleyError(error);
    if (!again || failure.entry.retry !== "later") throw failure;
    options.log.warning(`${failure.code}: ${failure.detail}; trying again`);
    return { end: "failed" };
  }
}

function outcome(
  { root, statistics }: Extract<Received, { end: "verified" }>,
  totals: Totals,
  startedAt: number,
  image: ImageFacts,
): Outcome {
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
    chunksVerified: statistics.chunksPresent,
  };
}
