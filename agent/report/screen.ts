/** What the person at the machine sees: lines that stay, and progress that is drawn over itself. */
import type { SequenceView } from "./sequence-view.ts";
import type { ProgressView } from "./transfer-view.ts";

/** Which machine this is, and whose. */
export interface MachineTitle {
  name: string;
  /** Make, model, firmware, serial number: what is known of them. */
  hardware: string;
  site: string;
  agentVersion: string;
}

export interface Screen {
  line(text: string): void;
  /** A transfer: alone, or of the sequence's step. */
  progress(view: ProgressView): void;
  /** A task sequence and its step; what was shown of a transfer was the step's before. Null where nothing is to be seen. */
  sequence(view: SequenceView | null): void;
  /** For a screen that has a place for it; others are the program's among many. */
  machine(title: MachineTitle): void;
  /** What ended the work, most important first. Lines and errors say so, too; a full screen keeps it in sight. */
  failed(lines: readonly string[]): void;
  /** Leaves the last progress standing; what comes next begins below it. */
  settle(): void;
}

/** The part of a terminal or file that is used. */
export interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface ScreenWish {
  /** All of the terminal is the agent's; this is its last row. Null for lines among other programs'. */
  fullWith: string | null;
  now?: () => number;
}
