/** The screen for what is written to: a terminal of the agent's own, one among others' lines, or a file. */
import { openFullScreen } from "./full-screen.ts";
import type { Screen, ScreenWish, Terminal } from "./screen.ts";
import { barText, sequenceLine, sequenceLines, type SequenceView } from "./sequence-view.ts";
import { amountText, part, pathText, type ProgressView } from "./transfer-view.ts";

const plainIntervalMs = 3000;

export function openScreen(terminal: Terminal, wish: ScreenWish = { fullWith: null }): Screen {
  if (terminal.isTTY !== true) return plainScreen(terminal, wish.now ?? Date.now);
  return wish.fullWith === null ? liveScreen(terminal) : openFullScreen(terminal, wish.fullWith);
}

function liveScreen(terminal: Terminal): Screen {
  let drawn: string[] = [];
  let sequence: SequenceView | null | undefined;
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
    progress(view) {
      if (sequence === null) return;
      // The step's own bar is the transfer's.
      const above = sequence === undefined ? [barLine(view, columns())] : sequenceLines(sequence, columns());
      redraw([...above, ` ${pathText(view)}`]);
    },
    sequence(view) {
      sequence = view;
      redraw(view === null ? [] : sequenceLines(view, columns()));
    },
    machine: () => {},
    failed: () => {},
    settle() {
      drawn = [];
      sequence = undefined;
    },
  };
}

/** For a file, a pipe or a serial console: a line every few seconds, and whenever the phase or the waiting changes. */
function plainScreen(terminal: Terminal, now: () => number): Screen {
  let last = { time: Number.NEGATIVE_INFINITY, state: "" };
  let isSequence = false;
  const say = (state: string, text: () => string): void => {
    if (state === last.state && now() - last.time < plainIntervalMs) return;
    last = { time: now(), state };
    terminal.write(`${text()}\n`);
  };
  return {
    line: (text) => void terminal.write(`${text}\n`),
    progress(view) {
      if (isSequence) return;
      say(`${view.phase} ${view.waitingFor}`, () => `${amountText(view)} · ${pathText(view)}`);
    },
    sequence(view) {
      isSequence = true;
      if (view !== null) say(`${view.number} ${view.step}`, () => sequenceLine(view));
    },
    machine: () => {},
    failed: () => {},
    settle() {
      isSequence = false;
    },
  };
}

function barLine(view: ProgressView, columns: number): string {
  const amount = amountText(view);
  return ` ${barText(part(view), Math.max(10, Math.min(40, columns - amount.length - 5)))} ${amount}`;
}
