/** The record format of Configuration Manager's logs, which CMTrace and its relatives read. */

export type Severity = "info" | "warning" | "error";
const types: Record<Severity, 1 | 2 | 3> = { info: 1, warning: 2, error: 3 };

export interface LogRecord {
  text: string;
  time: Date;
  severity: Severity;
  /** The part of the program, for example "Imaging". */
  component: string;
  /** The source file, for example "deploy.ts". */
  file: string;
  /** Process number: each of ours has one thread that logs. */
  thread: number;
}

/** One record with its line end. The text may have several lines; the bias is UTC minus local time, in minutes. */
export function formatCmtrace(record: LogRecord): string {
  const { time } = record;
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const milliseconds = String(time.getMilliseconds()).padStart(3, "0");
  const date = `${two(time.getMonth() + 1)}-${two(time.getDate())}-${time.getFullYear()}`;
  // The end mark in a text would cut the record short.
  const text = record.text.replaceAll("]LOG]!>", "]LOG] !>");
  return (
    `<![LOG[${text}]LOG]!><time="${clock}.${milliseconds}${biasText(time.getTimezoneOffset())}" date="${date}" ` +
    `component="${attribute(record.component)}" context="" type="${types[record.severity]}" ` +
    `thread="${record.thread}" file="${attribute(record.file)}">\r\n`
  );
}

/** "+300", "-60", "+00" */
export function biasText(minutes: number): string {
  return `${minutes < 0 ? "-" : "+"}${String(Math.abs(minutes)).padStart(2, "0")}`;
}

function attribute(text: string): string {
  return text.replaceAll(/["<>\r\n]/g, " ");
}
