/** The order of the checks: each goes on from what the last one found, and ends where going on tells nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Examination } from "../../contract/doctor.ts";
import { type ErrorCode, toVolleyError } from "../../contract/errors.ts";
import type { MachineNetwork } from "../platform/machine-network.ts";
import type { SiteAddress } from "../site/transport.ts";
import { type Check, fault, ok, warning } from "./check.ts";
import { judgeLink } from "./link.ts";
import { measure } from "./measure.ts";
import type { Examiner } from "./probe.ts";
import { findWay, judgeConnection, judgeNoAnswer, type Way } from "./way.ts";

export interface ExamineOptions {
  site: SiteAddress;
  interfaceAddress: string | null;
  /** Null: only what takes seconds. */
  watchSeconds: number | null;
  network: MachineNetwork;
  interfaceAddressTo(address: string): Promise<string>;
  /** Trusts the site, and has a key for it or gets one. Throws E_SITE_UNREACHABLE and `aboutEnrolment`. */
  enrol(): Promise<Examiner>;
  tell(check: Check): void;
  signal: AbortSignal;
}

/** Throws only E_CANCELLED and what is a bug: everything else is a check. */
export async function examine(options: ExamineOptions): Promise<void> {
  const { network, site, tell } = options;
  const way = await findWay(options);
  if (way === null) {
    for (const link of network.links().filter(({ loopback }) => !loopback)) tell(judgeLink(link));
    return;
  }
  tell(judgeLink(way.link));
  const connection = await judgeConnection(site, way.siteAddress);
  tell(connection);
  if (connection.verdict === "fault") return;
  const opened = await openExamination(options, way);
  if (opened === null) return;
  const { examiner, facts } = opened;
  try {
    await measure({ ...options, way, examiner, facts });
  } catch (error) {
    if (options.signal.aborted) throw error;
    tell(examinationFailed(error));
  } finally {
    await examiner.close(facts.id).catch(() => {});
  }
}

/** Null when there is none, which is told. */
async function openExamination(
  options: ExamineOptions,
  way: Way,
): Promise<{ examiner: Examiner; facts: Examination } | null> {
  const { enrol, signal, site, tell } = options;
  try {
    const examiner = await enrol();
    const facts = await openPatiently(examiner, signal);
    tell(ok("enrolment", "The site is the one that is trusted here, and it knows this machine"));
    return { examiner, facts };
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, detail, entry } = toVolleyError(error);
    if (code === "E_SITE_UNREACHABLE") {
      tell(await judgeNoAnswer(site, way.siteAddress, detail, way.link.mtuBytes));
    } else if (aboutEnrolment.has(code)) {
      const remedy =
        code === "E_NOT_ENROLLED"
          ? "Give --credential-file FILE, or the state folder of an agent that is enrolled (--state DIR): test multicast is sent only to machines that the site knows."
          : entry.remedy;
      tell(fault("enrolment", detail, remedy));
    } else tell(examinationFailed(error));
    return null;
  }
}

const aboutEnrolment: ReadonlySet<string> = new Set<ErrorCode>([
  "E_NOT_ENROLLED",
  "E_CREDENTIAL_REFUSED",
  "E_TOO_MANY_ATTEMPTS",
  "E_SITE_UNTRUSTED",
  "E_CLOCK",
  "E_USAGE",
  "E_OUTBOX",
]);

const openTries = 4;

/** A busy site is asked again for some seconds. */
async function openPatiently(examiner: Examiner, signal: AbortSignal): Promise<Examination> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await examiner.open();
    } catch (error) {
      if (toVolleyError(error).code !== "E_DOCTOR_BUSY" || attempt === openTries) throw error;
      await sleep(1000, undefined, { signal });
    }
  }
}

function examinationFailed(error: unknown): Check {
  const { code, detail, entry } = toVolleyError(error);
  if (code === "E_DOCTOR_BUSY") return warning("examination", detail, entry.remedy);
  if (code === "E_NOT_FOUND") {
    return warning("examination", detail, "Bring the site to a version that sends test multicast.");
  }
  return fault("examination", `${code}: ${detail}`, entry.remedy);
}
