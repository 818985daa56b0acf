/** The operators of conditions. An operator this build does not know is an error, never a "no". */
import { VolleyError } from "../../../contract/errors.ts";

/** `order`: what is looked at minus what it is compared with; only its sign counts. */
export function orderHolds(operator: string, order: number): boolean {
  switch (operator.toLowerCase()) {
    case "":
    case "equals":
      return order === 0;
    case "notequals":
      return order !== 0;
    case "less":
      return order < 0;
    case "lessequal":
      return order <= 0;
    case "greater":
      return order > 0;
    case "greaterequal":
      return order >= 0;
    default:
      throw new VolleyError("E_CONDITION", `There is no operator "${operator}"`);
  }
}

const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/;

/** Texts in any case; as numbers where both are numbers, so that 9 is less than 10. */
export function compareValues(left: string, right: string): number {
  if (number.test(left) && number.test(right)) return compareNumbers(left.trim(), right.trim());
  const [a, b] = [left.toLowerCase(), right.toLowerCase()];
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Whole numbers exactly, however long; others as floating point. */
function compareNumbers(left: string, right: string): number {
  const whole = /^[+-]?\d+$/;
  if (whole.test(left) && whole.test(right)) {
    const difference = BigInt(left.replace("+", "")) - BigInt(right.replace("+", ""));
    return difference === 0n ? 0 : difference < 0n ? -1 : 1;
  }
  return Math.sign(Number(left) - Number(right));
}

/** "10.0.19041.1" and the like, missing parts as 0. Throws E_CONDITION for what is no version. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [versionParts(left), versionParts(right)];
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

function versionParts(text: string): number[] {
  const trimmed = text.trim().replaceAll(",", ".").replaceAll(" ", "");
  if (!/^\d{1,10}(\.\d{1,10}){0,3}$/.test(trimmed)) {
    throw new VolleyError("E_CONDITION", `"${text}" is no version of up to four numbers`);
  }
  return trimmed.split(".").map(Number);
}

const cimTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6})\d*)?(?:([+-])(\d{3})|\+\*{3}|-\*{3})?$/;
const isoTime = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?)?Z?$/;
const americanTime = /^(\d\d?)\/(\d\d?)\/(\d{4})(?: +(\d\d?):(\d\d)(?::(\d\d))?(?: *([AP])M)?)?$/i;

/**
 * Milliseconds since 1970 of a date and time in UTC: as CIM writes it (20240131235900.000000+000), as ISO does, or as
 * the console shows it (1/31/2024 11:59:00 PM). Throws E_CONDITION for anything else.
 */
export function parseTime(text: string): number {
  const trimmed = text.trim();
  const plain = cimTime.exec(trimmed) ?? isoTime.exec(trimmed);
  if (plain) {
    const [, year, month, day, hour = "0", minute = "0", second = "0", part = "0", sign, offset] = plain;
    const milliseconds = Math.floor(Number(part.padEnd(6, "0")) / 1000);
    const utc = Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
      milliseconds,
    );
    return utc - (sign === undefined ? 0 : Number(`${sign}${offset}`) * 60_000);
  }
  const american = americanTime.exec(trimmed);
  if (american) {
    const [, month, day, year, hour = "0", minute = "0", second = "0", half] = american;
    const hours =
      half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toUpperCase() === "P" ? 12 : 0);
    return Date.UTC(Number(year), Number(month) - 1, Number(day), hours, Number(minute), Number(second));
  }
  throw new VolleyError("E_CONDITION", `"${text}" is no date and time`);
}
