/** Records of smsts.log, in the format that CMTrace reads, as it shows them. */

export type RecordSeverity = "info" | "warning" | "error";

export interface LogRecord {
  text: string;
  component: string;
  /** "2026-11-22 14:03:07.120", by the machine's own clock and zone. */
  time: string;
  thread: string;
  severity: RecordSeverity;
}

const record = /<!\[LOG\[([\s\S]*?)\]LOG\]!>((?:<[^>]*>)?)/g;

/** What is no record stays a line of its own, as CMTrace has it. */
export function recordsOf(log: string): LogRecord[] {
  const records: LogRecord[] = [];
  let end = 0;
  for (const match of log.matchAll(record)) {
    records.push(...plainLines(log.slice(end, match.index)));
    end = match.index + match[0].length;
    const [, text = "", tail = ""] = match;
    records.push(recordOf(text, tail));
  }
  return [...records, ...plainLines(log.slice(end))];
}

function recordOf(text: string, tail: string): LogRecord {
  const of = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(` ${tail.slice(1)}`)?.[1] ?? "";
  const [month = "", day = "", year = ""] = of("date").split("-");
  // Behind the time is how far the zone is from UTC.
  const clock = /^[\d:.]+/.exec(of("time"))?.[0] ?? "";
  return {
    text,
    component: of("component"),
    time: year === "" ? clock : `${year}-${month}-${day} ${clock}`,
    thread: of("thread"),
    severity: of("type") === "3" ? "error" : of("type") === "2" ? "warning" : "info",
  };
}

function plainLines(text: string): LogRecord[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({ text: line.trimEnd(), component: "", time: "", thread: "", severity: "info" }));
}

export interface LogFilter {
  /** "info" is all of them, "warning" warnings and errors. */
  severity: RecordSeverity;
  /** Empty: every component. */
  component: string;
  /** What the text or the component has in it, in any case. */
  text: string;
}

const ranks: Record<RecordSeverity, number> = { info: 0, warning: 1, error: 2 };

export function filtered(records: readonly LogRecord[], filter: LogFilter): LogRecord[] {
  const { component, severity } = filter;
  return records.filter(
    (one) =>
      ranks[one.severity] >= ranks[severity] &&
      (component === "" || one.component === component) &&
      holds(one, filter.text),
  );
}

/** Which of the records have the text, by their place in the list. */
export function foundIn(records: readonly LogRecord[], text: string): number[] {
  if (text.trim() === "") return [];
  return records.flatMap((one, index) => (holds(one, text) ? [index] : []));
}

function holds(one: LogRecord, wanted: string): boolean {
  const text = wanted.trim().toLowerCase();
  return one.text.toLowerCase().includes(text) || one.component.toLowerCase().includes(text);
}

export function componentsOf(records: readonly LogRecord[]): string[] {
  return [...new Set(records.map(({ component }) => component))].filter((one) => one !== "").toSorted();
}
