/** What the person at the machine sees: lines that stay, and below them the progress, which is drawn over itself. */
import type { Progress } from "../../contract/report.ts";
import { sequenceLine, sequenceLines, type SequenceView } from "./sequence-view.ts";
import { durationText, sizeText } from "./words.ts";

export interface ProgressView {
  phase: "preparing" | "receiving" | "finishing" | "done" | "failed";
  /** A sentence; empty when the work goes on. */
  waitingFor: string;
  bottleneck: Progress["bottleneck"];
  bytesVerified: number;
  bytesTotal: number;
  multicastBytes: number;
  unicastBytes: number;
  /** Raw bytes that the disk held already. */
  bytesFound: number;
  repairedSymbols: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
}

export interface Screen {
  line(text: string): void;
  progress(view: ProgressView): void;
  /** In place of the progress: a task sequence and its step. */
  sequence(view: SequenceView): void;
  /** Leaves the last progress standing; what comes next begins below it. */
  settle(): void;
}

/** The part of a terminal or file that is used. */
export interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const plainIntervalMs = 3000;

export function openScreen(terminal: Terminal, now: () => number = Date.now): Screen {
  return terminal.isTTY === true ? liveScreen(terminal) : plainScreen(terminal, now);
}

function liveScreen(terminal: Terminal): Screen {
  let drawn: string[] = [];
  const erase = (): string => (drawn.length === 0 ? "" : `\x1b[${drawn.length}A\r\x1b[0J`);
  const draw = (): string => drawn.map((line) => `${line}\n`).join("");
  const columns = (): number => Math.max(40, terminal.columns ?? 80);
  const redraw = (lines: string[]): void => {
    const before = erase();
    drawn = lines.map((line) => line.slice(0, columns() - 1));
    terminal.write(before + draw());
  };
  return {
    line(text) {
      terminal.write(`${erase()}${text}\n${draw()}`);
    },
    progress: (view) => redraw([barLine(view, columns()), pathLine(view)]),
    sequence: (view) => redraw(sequenceLines(view, columns())),
    settle() {
      drawn = [];
    },
  };
}

/** For a file, a pipe or a serial console: a line every few seconds, and whenever the phase or the waiting changes. */
function plainScreen(terminal: Terminal, now: () => number): Screen {
  let last = { time: Number.NEGATIVE_INFINITY, state: "" };
  const say = (state: string, text: () => string): void => {
    if (state === last.state && now() - last.time < plainIntervalMs) return;
    last = { time: now(), state };
    terminal.write(`${text()}\n`);
  };
  return {
    line: (text) => void terminal.write(`${text}\n`),
    progress: (view) =>
      say(`${view.phase} ${view.waitingFor}`, () => `${amountText(view)} · ${pathLine(view).trimStart()}`),
    sequence: (view) => say(`${view.number} ${view.step}`, () => sequenceLine(view)),
    settle: () => {},
  };
}

function barLine(view: ProgressView, columns: number): string {
  const amount = amountText(view);
  const width = Math.max(10, Math.min(40, columns - amount.length - 5));
  const filled = Math.floor(width * part(view));
  return ` ${"█".repeat(filled)}${"░".repeat(width - filled)} ${amount}`;
}

function amountText(view: ProgressView): string {
  const pieces = [
    `${String(Math.floor(part(view) * 100)).padStart(3)} %`,
    `${sizeText(view.bytesVerified)} of ${sizeText(view.bytesTotal)}`,
  ];
  if (view.phase === "receiving" && view.bytesPerSecond > 0) {
    pieces.push(`${sizeText(view.bytesPerSecond)}/s`);
  }
  if (view.phase === "receiving" && view.secondsLeft !== null) {
    pieces.push(`${durationText(view.secondsLeft)} left`);
  }
  return pieces.join("  ");
}

function pathLine(view: ProgressView): string {
  const pieces = [
    view.phase === "receiving" && view.waitingFor !== "" ? view.waitingFor : phaseText[view.phase],
  ];
  if (view.multicastBytes > 0) pieces.push(`${sizeText(view.multicastBytes)} by multicast`);
  if (view.unicastBytes > 0) pieces.push(`${sizeText(view.unicastBytes)} by unicast`);
  if (view.bytesFound > 0) pieces.push(`${sizeText(view.bytesFound)} was there`);
  if (view.repairedSymbols > 0) pieces.push(`${view.repairedSymbols} repaired`);
  if (heldBack[view.bottleneck] !== "") pieces.push(`held back by ${heldBack[view.bottleneck]}`);
  return ` ${pieces.join(" · ")}`;
}

/** Empty where it is the site's pace, which is nobody's fault. */
const heldBack: Record<ProgressView["bottleneck"], string> = {
  none: "",
  site: "",
  network: "the network",
  processor: "this machine's processor",
  disk: "this machine's disk",
};

const phaseText = {
  preparing: "preparing the disk",
  receiving: "receiving",
  finishing: "making it durable and bootable",
  done: "verified",
  failed: "failed",
} as const;

function part(view: ProgressView): number {
  return view.bytesTotal === 0 ? 0 : Math.min(1, view.bytesVerified / view.bytesTotal);
}
