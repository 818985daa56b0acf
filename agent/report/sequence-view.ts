/** A running task sequence as a person sees it: which step of how many, a bar for the whole and one for the step. */

export interface SequenceView {
  /** Name of the sequence, or of who deploys. */
  title: string;
  step: string;
  /** "n of m": steps that count, without groups, references to children and what is disabled. */
  number: number;
  total: number;
  /** Of the step, 0 to 1. */
  fraction: number;
  /** What the step does now, a phrase; empty when it does not say. */
  doing: string;
  /** TSProgressInfoLevel: 1 "2 of 10", 2 "2 of 10 (20 % complete)", 3 "20 % complete". */
  infoLevel: 1 | 2 | 3;
}

/** What is no documented level is the first. */
export function infoLevelOf(text: string): SequenceView["infoLevel"] {
  if (text.trim() === "2") return 2;
  return text.trim() === "3" ? 3 : 1;
}

/** Two lines of at most `columns` characters. */
export function sequenceLines(view: SequenceView, columns: number): string[] {
  const done = doneOf(view);
  const whole = `${countText(view)}  ${view.step}`;
  const own = `${percentText(view.fraction)}  ${view.doing || view.title}`;
  return [line(done, whole, columns), line(view.fraction, own, columns)];
}

/** One line, for what is no terminal. */
export function sequenceLine(view: SequenceView): string {
  const doing = view.doing === "" ? "" : ` · ${view.doing}`;
  return `${countText(view)}  ${view.step}  ${percentText(view.fraction).trimStart()}${doing}`;
}

function line(fraction: number, text: string, columns: number): string {
  const width = Math.max(10, Math.min(30, Math.floor(columns / 3)));
  return ` ${barText(fraction, width)} ${flatText(text)}`.slice(0, columns - 1);
}

/** `width` characters. */
export function barText(fraction: number, width: number): string {
  const filled = Math.floor(width * clamp(fraction));
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
}

/** On one line, whatever others have named their things. */
export const flatText = (text: string): string => text.replaceAll(/\p{Cc}+/gu, " ");

/** Of the whole sequence, 0 to 1. */
export function doneOf({ fraction, number, total }: SequenceView): number {
  return total === 0 ? 1 : (Math.max(0, number - 1) + clamp(fraction)) / total;
}

/** "2 of 10", as TSProgressInfoLevel has it. */
export function countText(view: SequenceView): string {
  const count = `${view.number} of ${view.total}`;
  const complete = `${percentText(doneOf(view)).trimStart()} complete`;
  if (view.infoLevel === 3) return complete;
  return view.infoLevel === 2 ? `${count} (${complete})` : count;
}

/** " 61 %" */
export function percentText(fraction: number): string {
  return `${String(Math.floor(clamp(fraction) * 100)).padStart(3)} %`;
}

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction));
}
