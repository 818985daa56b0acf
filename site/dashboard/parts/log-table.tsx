/** Records of a log in CMTrace's columns, errors and warnings in its colours. */
import { useEffect, useRef } from "preact/hooks";
import type { LogRecord } from "../words/cmtrace.ts";

interface LogTableProps {
  records: readonly LogRecord[];
  name: string;
  /** Places of those that were looked for, and which of them is looked at. */
  found: readonly number[];
  at: number | null;
  /** Its end is kept in sight. */
  isFollowed: boolean;
}

export function LogTable({ at, found, isFollowed, name, records }: LogTableProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (at !== null) box.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  }, [at, records]);
  useEffect(() => {
    // The end is where it failed, or where it is now.
    if (at === null) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [records, isFollowed, at]);
  const marked = new Set(found);
  return (
    <div class="scroll log" role="region" aria-label={`Log of ${name}`} tabIndex={0} ref={box}>
      <table>
        <thead>
          <tr>
            <th scope="col">Log text</th>
            <th scope="col">Component</th>
            <th scope="col">Date and time</th>
            <th scope="col">Thread</th>
          </tr>
        </thead>
        <tbody>
          {records.map((one, index) => (
            <tr
              key={index}
              data-severity={one.severity}
              data-found={marked.has(index)}
              aria-current={index === at ? "true" : undefined}
            >
              <td>
                {one.severity === "info" ? null : <span class="unseen">{`${one.severity}: `}</span>}
                {one.text}
              </td>
              <td>{one.component}</td>
              <td>{one.time}</td>
              <td>{one.thread}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {records.length === 0 ? <p class="empty">No line is as asked for.</p> : null}
    </div>
  );
}
