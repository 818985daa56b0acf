/**
 * The screen of a machine that is the agent's alone, as in a PE: above, what does not scroll (which machine, the step, two
 * bars, what it waits for or why it failed); below, the lines; last, where the log is. Whatever else is written to the
 * terminal goes among the lines, since only they scroll (DECSTBM, ECMA-48 and the VT100's manual; the Linux console
 * and Windows' own terminal have it).
 */
import type { MachineTitle, Screen, Terminal } from "./screen.ts";
import { barText, countText, doneOf, flatText, percentText, type SequenceView } from "./sequence-view.ts";
import { amountText, part, pathText, type ProgressView } from "./transfer-view.ts";

/** Rows of the panel, with its two rules. */
const panelRows = 9;
const leastRows = 16;
const leastColumns = 40;
const style = { title: "\x1b[7m", failure: "\x1b[1;31m", rule: "\x1b[2m", plain: "\x1b[0m" };

interface Shown {
  title: MachineTitle | null;
  /** Undefined where there is none, null where nothing of it is to be seen. */
  sequence: SequenceView | null | undefined;
  transfer: ProgressView | null;
  failure: readonly string[];
  /** The newest line: what it does while there is no bar. */
  line: string;
}

/** `foot` is the last row: where the log is, and what key helps. */
export function openFullScreen(terminal: Terminal, foot: string): Screen {
  const shown: Shown = { title: null, sequence: undefined, transfer: null, failure: [], line: "" };
  const columns = (): number => Math.max(leastColumns, terminal.columns ?? 80);
  const rows = (): number => Math.max(leastRows, terminal.rows ?? 25);
  let size = "";
  const lay = (): string => {
    const now = `${columns()} ${rows()}`;
    if (now === size) return "";
    size = now;
    const last = `\x1b[${rows()};1H${row(` ${foot}`, columns(), style.title)}`;
    return `\x1b[r\x1b[2J${last}\x1b[${panelRows + 1};${rows() - 1}r\x1b[${panelRows + 1};1H`;
  };
  const draw = (): void => {
    const panel = panelOf(shown, columns()).map((text, index) => `\x1b[${index + 1};1H${text}`);
    terminal.write(`${lay()}\x1b7${panel.join("")}\x1b8`);
  };
  draw();
  return {
    line(text) {
      shown.line = text.split("\n")[0] ?? "";
      terminal.write(`${lay()}${text}\n`);
      draw();
    },
    progress(view) {
      if (shown.sequence === null) return;
      Object.assign(shown, { transfer: view, failure: [] });
      draw();
    },
    sequence(view) {
      const isNew = view?.number !== shown.sequence?.number;
      Object.assign(shown, { sequence: view, failure: [], ...(isNew && { transfer: null }) });
      draw();
    },
    machine(title) {
      shown.title = title;
      draw();
    },
    failed(lines) {
      if (shown.failure.length === 0) shown.failure = lines;
      draw();
    },
    settle() {
      Object.assign(shown, { sequence: undefined, transfer: null });
    },
  };
}

/** Exactly `panelRows` rows. */
function panelOf(shown: Shown, columns: number): string[] {
  const { title } = shown;
  const head = title === null ? "Volley" : `Volley ${title.agentVersion}   ${title.name}`;
  const rule = `${style.rule}${"─".repeat(columns)}${style.plain}\x1b[K`;
  const isFailed = shown.failure.length > 0;
  const body = isFailed ? shown.failure : workLines(shown, columns);
  return [
    row(` ${head}`, columns, style.title),
    row(title === null ? "" : ` ${title.hardware}`, columns),
    row(title === null ? "" : ` ${title.site}`, columns),
    rule,
    ...[0, 1, 2, 3].map((index) => row(` ${body[index] ?? ""}`, columns, isFailed ? style.failure : "")),
    rule,
  ];
}

/** Four lines: what, the whole's bar, the step's, and what it waits for. */
function workLines({ line, sequence, transfer }: Shown, columns: number): string[] {
  const width = Math.max(10, Math.min(40, Math.floor(columns / 3)));
  const amounts = transfer === null ? "" : amountText(transfer);
  const path = transfer === null ? "" : pathText(transfer);
  if (sequence === undefined || sequence === null) {
    return transfer === null ? [line] : ["", `${barText(part(transfer), width)} ${amounts}`, path];
  }
  const whole = `${barText(doneOf(sequence), width)} ${percentText(doneOf(sequence))}  of "${sequence.title}"`;
  const own = `${barText(sequence.fraction, width)} ${amounts || percentText(sequence.fraction)}`;
  return [`${countText(sequence)}   ${sequence.step}`, whole, own, path || sequence.doing];
}

function row(text: string, columns: number, look = ""): string {
  const flat = flatText(text).slice(0, columns).padEnd(columns);
  return look === "" ? flat : `${look}${flat}${style.plain}`;
}
