/** Which session a machine joins: at the distribution points of where it is, one after the other, and at the site. */
import type { ImageFacts, JoinAnswer, JoinRequest } from "../../contract/deployment.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Progress, ProgressAnswer } from "../../contract/report.ts";
import type { Log } from "../report/logs.ts";
import { isToldToWait, untilItWorks } from "../back-off.ts";

/** Who casts. */
export interface CastingPlace {
  /** As people read it: "the site", "distribution point annexe". */
  name: string;
  /** Name or address under which it is reached. */
  host: string;
  multicast: boolean;
  join(request: JoinRequest): Promise<JoinAnswer>;
  sendProgress(progress: Progress): Promise<ProgressAnswer>;
}

export interface JoinOptions {
  image: ImageFacts;
  /** The nearest first; may be empty. */
  points: readonly CastingPlace[];
  site: CastingPlace;
  notice(text: string): void;
  log: Log;
  signal: AbortSignal;
}

export interface Joined {
  place: CastingPlace;
  joined: JoinAnswer;
}

/**
 * Throws what the site refuses with, and nothing that a point does: one that was stolen is to delay and no more. Who has
 * points near by goes round: a point may be back before the site is, and the other way about.
 */
export async function joinSession(options: JoinOptions, resume: boolean): Promise<Joined> {
  const { points, signal, site } = options;
  const beganAt = Date.now();
  for (let round = 1; ; round += 1) {
    for (const place of points) {
      try {
        const joined = await joinAt(place, limits.pointJoinMs, options, resume);
        checkEncrypted(place, joined, options.image);
        return { place, joined };
      } catch (error) {
        const failure = toVolleyError(error);
        if (signal.aborted) throw failure;
        const text = `${place.name} does not take this machine (${failure.code}: ${failure.detail})`;
        if (round === 1) options.notice(text);
        else options.log.detail(text);
      }
    }
    try {
      const patienceMs = points.length === 0 ? limits.siteAwayMs : limits.pointJoinMs;
      return { place: site, joined: await joinAt(site, patienceMs, options, resume) };
    } catch (error) {
      const failure = toVolleyError(error);
      const isAway = failure.code === "E_SITE_UNREACHABLE" && Date.now() - beganAt < limits.siteAwayMs;
      if (points.length === 0 || signal.aborted || !isAway) throw failure;
    }
  }
}

async function joinAt(
  place: CastingPlace,
  patienceMs: number,
  options: JoinOptions,
  resume: boolean,
): Promise<JoinAnswer> {
  let away = false;
  let told = "";
  const onWait = (failure: VolleyError): void => {
    if (isToldToWait(failure)) {
      if (told === "") options.notice(`Waiting: ${failure.detail}`);
      else if (told !== failure.detail) options.log.info(`Waiting: ${failure.detail}`);
      told = failure.detail;
      return;
    }
    if (!away) options.log.warning(`Waiting for ${place.name}: ${failure.detail}`);
    away = true;
  };
  const request = { imageId: options.image.id, resume, encryption: true };
  const joined = await untilItWorks(() => place.join(request), {
    signal: options.signal,
    patienceMs,
    onWait,
  });
  if (told !== "") options.notice("The session starts");
  if (away) options.notice(`${capital(place.name)} answers again`);
  const { group, number, port } = joined.session;
  const lacking = resume ? ", asking only for what is lacking" : "";
  const how = joined.session.encrypted ? ", encrypted" : "";
  options.log.info(`Joined session ${number} of ${place.name} on ${group}:${port}${how}${lacking}`);
  return joined;
}

/** The site says itself what it encrypts. A point elsewhere may be old, or in other hands. Throws E_CONFLICT. */
function checkEncrypted({ name }: CastingPlace, { session }: JoinAnswer, image: ImageFacts): void {
  if (!image.encrypt || session.encrypted) return;
  throw new VolleyError("E_CONFLICT", `${capital(name)} casts ${image.name} without encryption.`);
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
