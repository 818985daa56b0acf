/**
 * Reports that have to reach the site: JSON lines in a file, appended and flushed before `add` returns, kept until the
 * site has acknowledged them. A process that dies in mid-write leaves a torn last line, which the next one cuts off.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { Report } from "../../contract/report.ts";
import { stateFiles, writeWhole } from "../state-folder.ts";

const Line = z.union([z.object({ report: Report }), z.object({ acknowledged: z.array(Identifier) })]);

export interface Outbox {
  /** Durable when it returns. Does nothing for a report whose id is already in. Throws E_OUTBOX. */
  add(report: Report): void;
  /** In the order they were added: as many as one request may hold, at least one if there is any. */
  next(): Report[];
  /** Durable when it returns. Unknown ids are ignored. Throws E_OUTBOX. */
  acknowledge(ids: readonly string[]): void;
  readonly pending: number;
  /** Lines of the file that could not be read when it was opened. */
  readonly damagedLines: number;
  close(): void;
}

/** Acknowledged lines that are put up with before the file is written anew. */
const staleLinesMost = 512;

/** Throws E_OUTBOX when the file cannot be read or written. One process at a time (Platform.hold). */
export function openOutbox(folder: string, flushFolder: (folder: string) => void): Outbox {
  const path = join(folder, stateFiles.outbox);
  const loaded = guarded(path, () => load(path));
  const reports = loaded.reports;
  let staleLines = loaded.staleLines;
  let descriptor = guarded(path, () => {
    const opened = openSync(path, "a", 0o600);
    ftruncateSync(opened, loaded.wholeBytes);
    fsyncSync(opened);
    flushFolder(folder);
    return opened;
  });
  let bytes = loaded.wholeBytes;

  const append = (line: z.infer<typeof Line>): void => {
    const text = Buffer.from(`${JSON.stringify(line)}\n`);
    guarded(path, () => {
      try {
        // Unlike writeSync it goes on until everything is written, or throws.
        writeFileSync(descriptor, text);
        fsyncSync(descriptor);
      } catch (error) {
        // Half a line in the middle of the file would damage the next one, too.
        ftruncateSync(descriptor, bytes);
        throw error;
      }
    });
    bytes += text.length;
  };
  const compact = (): void => {
    guarded(path, () => {
      const text = [...reports.values()].map((report) => `${JSON.stringify({ report })}\n`).join("");
      writeWhole(path, text);
      flushFolder(folder);
      closeSync(descriptor);
      descriptor = openSync(path, "a", 0o600);
      bytes = Buffer.byteLength(text);
    });
    staleLines = 0;
  };
  const isFull = (): boolean => reports.size >= limits.outboxReports || bytes >= limits.outboxBytes;
  return {
    add(report) {
      if (reports.has(report.id)) return;
      if (isFull()) {
        dropNotices(reports);
        compact();
      }
      if (isFull()) {
        throw new VolleyError("E_OUTBOX", `${path} is full: ${reports.size} reports wait for the site`);
      }
      append({ report });
      reports.set(report.id, report);
    },
    next: () => batchOf(reports),
    acknowledge(ids) {
      const known = ids.filter((id) => reports.has(id));
      if (known.length === 0) return;
      append({ acknowledged: known });
      for (const id of known) reports.delete(id);
      staleLines += known.length + 1;
      if (staleLines > staleLinesMost || reports.size === 0) compact();
    },
    get pending() {
      return reports.size;
    },
    damagedLines: loaded.damagedLines,
    close: () => closeSync(descriptor),
  };
}

interface Loaded {
  reports: Map<string, Report>;
  wholeBytes: number;
  staleLines: number;
  damagedLines: number;
}

function load(path: string): Loaded {
  const loaded: Loaded = { reports: new Map(), wholeBytes: 0, staleLines: 0, damagedLines: 0 };
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return loaded;
    throw error;
  }
  // Only a line with its end was written whole.
  loaded.wholeBytes = content.lastIndexOf("\n") + 1;
  const lines = content.subarray(0, loaded.wholeBytes).toString("utf8").split("\n").slice(0, -1);
  for (const text of lines) take(text, loaded);
  if (content.length > loaded.wholeBytes) loaded.damagedLines += 1;
  return loaded;
}

function take(text: string, loaded: Loaded): void {
  let line: z.infer<typeof Line>;
  try {
    line = Line.parse(JSON.parse(text));
  } catch {
    loaded.damagedLines += 1;
    loaded.staleLines += 1;
    return;
  }
  if ("report" in line) {
    loaded.reports.set(line.report.id, line.report);
    return;
  }
  for (const id of line.acknowledged) if (loaded.reports.delete(id)) loaded.staleLines += 1;
  loaded.staleLines += 1;
}

/** A full outbox lets go of notices, the oldest first; what decides over a deployment is never dropped. */
/** Notices and what single steps came to: the outcome of it all says more than they. */
function dropNotices(reports: Map<string, Report>): void {
  const notices = [...reports.values()].filter(({ kind }) => kind === "notice" || kind === "step-status");
  for (const notice of notices.slice(0, Math.ceil(limits.outboxReports / 10))) reports.delete(notice.id);
}

function batchOf(reports: Map<string, Report>): Report[] {
  const batch: Report[] = [];
  let bytes = 0;
  for (const report of reports.values()) {
    bytes += JSON.stringify(report).length * 2;
    if (
      batch.length > 0 &&
      (bytes > limits.reportBytesPerRequest || batch.length >= limits.reportsPerRequest)
    ) {
      break;
    }
    batch.push(report);
  }
  return batch;
}

function guarded<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof VolleyError) throw error;
    throw new VolleyError("E_OUTBOX", `${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
