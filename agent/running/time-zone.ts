/**
 * A time zone as Windows describes one: minutes to UTC, and the rules by which it changes. Source: TIME_ZONE_INFORMATION and
 * SYSTEMTIME (Windows API), "_SMSTSTimezone" (Configuration Manager).
 */
import type { ChangeRule, TimeZone } from "../sequence/facts.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** A weekday's last one in a month is told from its fourth by other years. */
const yearsCompared = 8;

interface Change {
  /** Of the change, in the time that was until then. */
  wall: Date;
  /** Minutes to UTC after it. */
  bias: number;
}

/** `zone` as the IANA database names it; `name` is Windows' own name for it, null where nobody knows. */
export function describeTimeZone(zone: string, year: number, name: string | null): TimeZone {
  const standardName = name ?? zone;
  const thisYear = changesOf(zone, year);
  const [first, second] = thisYear;
  const fixed = {
    biasMinutes: biasAt(zone, Date.UTC(year, 0, 1)),
    daylightBiasMinutes: 0,
    standardDate: null,
    daylightDate: null,
    standardName,
    daylightName: standardName,
  };
  if (first === undefined || second === undefined) return fixed;
  const laterYears = Array.from({ length: yearsCompared - 1 }, (_none, index) => year + 1 + index);
  const years = [thisYear, ...laterYears.map((later) => changesOf(zone, later))];
  // Standard time is what has more minutes to UTC; south of the equator it begins first in the year.
  const [standard, daylight] = first.bias > second.bias ? [0, 1] : [1, 0];
  const standardDate = ruleOf(years.map((changes) => changes[standard]));
  const daylightDate = ruleOf(years.map((changes) => changes[daylight]));
  const biasMinutes = Math.max(first.bias, second.bias);
  if (standardDate === null || daylightDate === null) return { ...fixed, biasMinutes };
  return {
    biasMinutes,
    daylightBiasMinutes: Math.min(first.bias, second.bias) - biasMinutes,
    standardDate,
    daylightDate,
    standardName,
    daylightName: standardName.replace(/ Standard Time$/, " Daylight Time"),
  };
}

function changesOf(zone: string, year: number): Change[] {
  const changes: Change[] = [];
  let before = biasAt(zone, Date.UTC(year, 0, 1));
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += dayMs) {
    const bias = biasAt(zone, at + dayMs);
    if (bias === before) continue;
    let [early, late] = [at, at + dayMs];
    while (late - early > minuteMs) {
      const middle = early + Math.floor((late - early) / 2 / minuteMs) * minuteMs;
      if (biasAt(zone, middle) === before) early = middle;
      else late = middle;
    }
    changes.push({ wall: new Date(late - before * minuteMs), bias });
    before = bias;
  }
  return changes;
}

/** The same weekday of the same week at the same time in every year; null for a zone that changes by another rule. */
function ruleOf(changes: readonly (Change | undefined)[]): ChangeRule | null {
  const walls = changes.map((change) => change?.wall);
  const [first] = walls;
  if (first === undefined) return null;
  const weekOf = (wall: Date): number => Math.ceil(wall.getUTCDate() / 7);
  const isLast = (wall: Date): boolean =>
    new Date(wall.getTime() + 7 * dayMs).getUTCMonth() !== wall.getUTCMonth();
  const isEvery = (holds: (wall: Date) => boolean): boolean =>
    walls.every((wall) => wall !== undefined && holds(wall));
  const isSameTime = isEvery(
    (wall) =>
      wall.getUTCMonth() === first.getUTCMonth() &&
      wall.getUTCDay() === first.getUTCDay() &&
      wall.getTime() % dayMs === first.getTime() % dayMs,
  );
  const week = isEvery(isLast) ? 5 : weekOf(first);
  if (!isSameTime || (week !== 5 && !isEvery((wall) => weekOf(wall) === week))) return null;
  return {
    month: first.getUTCMonth() + 1,
    weekday: first.getUTCDay(),
    week,
    hour: first.getUTCHours(),
    minute: first.getUTCMinutes(),
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** UTC minus local time, in minutes. */
function biasAt(zone: string, at: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    const parts = { year: "numeric", month: "numeric", day: "numeric" } as const;
    const time = { hour: "numeric", minute: "numeric", hourCycle: "h23" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, ...parts, ...time });
    formats.set(zone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { day = 1, hour = 0, minute = 0, month = 1, year = 0 } = part;
  return Math.round((at - Date.UTC(year, month - 1, day, hour, minute)) / minuteMs);
}
