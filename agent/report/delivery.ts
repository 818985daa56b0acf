/** Carries the outbox to the site, in order, for as long as it takes, beside everything else. */
import { randomUUID } from "node:crypto";
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Report } from "../../contract/report.ts";
import { backOffMs } from "../back-off.ts";
import type { Log } from "./logs.ts";
import type { Outbox } from "./outbox.ts";
import type { Redactor } from "./redactor.ts";

/** A report without what delivery adds. */
export type Told = Report extends infer Each
  ? Each extends Report
    ? Omit<Each, "id" | "time">
    : never
  : never;

export interface Delivery {
  /** Durable when it returns; the site hears of it when it can. Throws E_OUTBOX. */
  tell(told: Told): void;
  /** Waits until the site has everything, at most `timeMs`; answers how many reports are left. */
  settle(timeMs: number): Promise<number>;
  close(): void;
}

export interface DeliveryOptions {
  outbox: Outbox;
  /** Makes one try; answers the ids that the site keeps. */
  send(reports: readonly Report[]): Promise<string[]>;
  redactor: Redactor;
  log: Log;
}

export function startDelivery({ log, outbox, redactor, send }: DeliveryOptions): Delivery {
  let timer: NodeJS.Timeout | null = null;
  let sending = false;
  let closed = false;
  let failures = 0;
  let onProgress: (() => void)[] = [];

  const schedule = (delayMs: number): void => {
    if (closed || sending || timer !== null || outbox.pending === 0) return;
    timer = setTimeout(() => {
      timer = null;
      void deliver();
    }, delayMs);
  };
  const deliver = async (): Promise<void> => {
    sending = true;
    const batch = outbox.next();
    try {
      // After a refusal one at a time, to find the one that the site does not take.
      const tried = failures > 0 ? batch.slice(0, 1) : batch;
      await hand(tried);
      failures = 0;
    } catch (error) {
      failures += 1;
      log.detail(`${outbox.pending} reports wait for the site: ${toVolleyError(error).detail}`);
    }
    sending = false;
    for (const tell of onProgress) tell();
    schedule(failures === 0 ? 0 : backOffMs(failures));
  };
  const hand = async (reports: readonly Report[]): Promise<void> => {
    let taken: string[];
    try {
      taken = await send(reports);
    } catch (error) {
      const failure = toVolleyError(error);
      const [only] = reports;
      const refused = ["E_REQUEST_INVALID", "E_NOT_FOUND", "E_FORBIDDEN", "E_CONFLICT"].includes(
        failure.code,
      );
      if (only === undefined || reports.length > 1 || !refused) throw failure;
      // It would stand in the way of all later ones for ever.
      log.warning(`The site does not take a report (${only.kind}): ${failure.detail}`);
      taken = [only.id];
    }
    if (closed) return;
    if (taken.length === 0) throw new Error("the site acknowledged nothing");
    outbox.acknowledge(taken);
  };
  schedule(0);
  return {
    tell(told) {
      const report = { ...told, id: randomUUID(), time: new Date().toISOString() } as Report;
      outbox.add(cleanReport(report, redactor));
      schedule(0);
    },
    settle(timeMs) {
      return new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(late);
          onProgress = onProgress.filter((each) => each !== check);
          resolve(outbox.pending);
        };
        const check = (): void => {
          if (outbox.pending === 0) finish();
        };
        const late = setTimeout(finish, timeMs);
        onProgress.push(check);
        check();
      });
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      outbox.close();
    },
  };
}

/** Texts for people pass the redactor and are cut to what the contract allows. */
function cleanReport(report: Report, redactor: Redactor): Report {
  const clean = (text: string): string => redactor.clean(text).slice(0, limits.reportTextCharacters);
  if (report.kind === "notice") return { ...report, text: clean(report.text) };
  if (report.kind === "step-status") {
    const { action, group, output, ...status } = report.status;
    // Of what a step printed, the end says how it ended.
    const tail = redactor.clean(output).slice(-limits.reportTextCharacters);
    return { ...report, status: { ...status, action: clean(action), group: clean(group), output: tail } };
  }
  if (report.kind === "failed") {
    const { code, detail, remedy } = report.error;
    return { ...report, error: { code, detail: clean(detail), remedy } };
  }
  return report;
}
