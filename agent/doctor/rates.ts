/** What is lost at which rate. */
import { fault, ok, warning, type Check } from "./check.ts";

/** Mbit/s of IP packets: a gigabit network carries the last. */
export const rateSteps = [10, 20, 50, 100, 200, 400, 700, 950] as const;

/** How long a step lasts: a fast one has packets enough sooner, and costs the network less. */
export const stepMs = (mbps: number): number => (mbps > 400 ? 100 : 300);

export interface RateStep {
  /** What was asked for, and what the site brought about. */
  askedMbps: number;
  sentMbps: number;
  sent: number;
  received: number;
  duplicates: number;
  /** Datagrams that reached this machine, but that the doctor was too slow for. */
  overflows: number;
  receivedMbps: number | null;
}

/** Above this, loss at a higher rate is taken to come from the rate. */
const riseWorthWords = 0.02;
/** How many standard deviations chance is given. */
const deviations = 3.5;
const lossWorthWords = 0.01;
/** What parity repairs is bounded (docs/PROTOCOL.md 4); above this a machine is moved to unicast. */
const lossTooHigh = 0.1;
const faultMbps = 25;
const warningMbps = 100;

/** Part of the datagrams that the network lost, 0 to 1. */
export function lossOf(step: RateStep): number {
  if (step.sent === 0) return 0;
  return Math.max(0, step.sent - step.received - step.overflows) / step.sent;
}

/** Whether a faster step can tell more. */
export function goesOn(steps: readonly RateStep[]): boolean {
  const last = steps.at(-1);
  if (last === undefined) return true;
  if (last.overflows > last.sent * riseWorthWords || last.sentMbps < last.askedMbps * 0.7) return false;
  return !isRise(steps, last);
}

/**
 * Whether more is lost at this step than at the slowest, beyond what chance does to so few datagrams: by the variance of
 * both taken as one, since few lost at the first step would make chance look small.
 */
export function isRise(steps: readonly RateStep[], step: RateStep): boolean {
  const first = steps[0];
  if (first === undefined || first === step) return false;
  const loss = lossOf(together(first, step));
  const parts = 1 / Math.max(first.sent, 1) + 1 / Math.max(step.sent, 1);
  const chance = deviations * Math.sqrt(loss * (1 - loss) * parts);
  return lossOf(step) > lossOf(first) + Math.max(riseWorthWords, chance);
}

/** Two measurements at the same rate as one. */
export function together(one: RateStep, other: RateStep): RateStep {
  return {
    ...one,
    sent: one.sent + other.sent,
    received: one.received + other.received,
    duplicates: one.duplicates + other.duplicates,
    overflows: one.overflows + other.overflows,
  };
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

export function judgeLoss(first: RateStep): Check {
  const lost = first.sent - first.received;
  const copies = first.duplicates === 0 ? "" : `; ${first.duplicates} came twice`;
  const detail = `${lost} of ${first.sent} lost (${percent(lossOf(first))}) at ${first.askedMbps} Mbit/s${copies}`;
  const remedy =
    "Lost at a low rate, too: look for a bad cable or port (error counters of the switch), half duplex, or a wireless link on the way.";
  if (lossOf(first) > lossTooHigh) return fault("loss", detail, remedy);
  if (lossOf(first) > lossWorthWords) return warning("loss", detail, remedy);
  if (first.duplicates > first.sent * lossWorthWords) {
    const why = "Datagrams come twice: look for a loop, or two ways between the site's network and this one.";
    return warning("loss", detail, why);
  }
  return ok("loss", detail);
}

/** `why` there was no faster step, a phrase; empty when the last one was the fastest there is, or lost too much. */
export function judgeRate(steps: readonly RateStep[], linkMbps: number | null, why: string): Check {
  const last = steps.at(-1);
  if (last === undefined) return ok("rate", "Not measured");
  const slow = steps.find((step) => isRise(steps, step));
  if (slow === undefined) {
    const reached = Math.round(Math.min(last.askedMbps, last.sentMbps));
    const more =
      why === "" && last.overflows > last.sent * riseWorthWords ? "this program takes no more" : why;
    return ok("rate", `No more is lost at ${reached} Mbit/s${more === "" ? "" : ` (${more})`}`);
  }
  const before = steps[steps.indexOf(slow) - 1]?.askedMbps ?? 0;
  const carries = slow.receivedMbps ?? before;
  const detail = `Loss starts between ${before} and ${slow.askedMbps} Mbit/s (${percent(lossOf(slow))}); about ${Math.round(carries)} Mbit/s arrive`;
  const remedy = `Look for a port of 10 or 100 Mbit/s, half duplex, storm control for multicast, or a wireless link on the way; or cap the deployment (--rate ${Math.max(1, Math.floor(Math.min(carries, slow.askedMbps) * 0.9))}).`;
  if (carries < faultMbps) return fault("rate", detail, remedy);
  if (carries < warningMbps || (linkMbps !== null && carries < linkMbps * 0.4)) {
    return warning("rate", detail, remedy);
  }
  return ok("rate", detail);
}
