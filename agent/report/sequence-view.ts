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
}

/** Two lines of at most `columns` characters. */
export function sequenceLines(view: SequenceView, columns: number): string[] {
  const done = view.total === 0 ? 1 : (Math.max(0, view.number - 1) + clamp(view.fraction)) / view.total;
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
  const filled = Math.floor(width * clamp(fraction));
  const flat = text.replaceAll(/\p{Cc}+/gu, " ");
  return ` ${"█".repeat(filled)}${"░".repeat(width - filled)} ${flat}`.slice(0, columns - 1);
}

function countText({ number, total }: SequenceView): string {
  return `${number} of ${total}`;
}

function percentText(fraction: number): string {
  return `${String(Math.floor(clamp(fraction) * 100)).padStart(3)} %`;
}

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction));
}
