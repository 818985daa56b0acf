/** Live progress: drawn over itself on a terminal, a line now and then elsewhere. */
import type { MachineRecord, SessionRecord } from "../../contract/administration.ts";
import { megabytes } from "./table.ts";

const barCells = 30;
const plainIntervalMs = 2000;

export interface RoomView {
  machines: MachineRecord[];
  sessions: SessionRecord[];
}

const partOf = ({ state, progress }: MachineRecord): number => {
  if (state === "succeeded") return 1;
  return progress && progress.bytesTotal > 0 ? progress.bytesVerified / progress.bytesTotal : 0;
};

const percent = (part: number): string => `${Math.floor(part * 100)} %`;

function doingOf(machine: MachineRecord): string {
  if (machine.error) return machine.error.code;
  if (machine.state === "succeeded") return "done";
  const { progress } = machine;
  if (!progress) return machine.state;
  return progress.waitingFor || `${progress.phase}, ${(progress.bytesPerSecond / 1e6).toFixed(0)} MB/s`;
}

function machineLine(machine: MachineRecord): string {
  const part = partOf(machine);
  const full = Math.round(part * barCells);
  const bar = "█".repeat(full) + "░".repeat(barCells - full);
  return `  ${machine.facts.name.padEnd(6)} ${bar} ${percent(part).padStart(5)}  ${doingOf(machine)}`;
}

function sessionLine(session: SessionRecord): string {
  const sent = `${megabytes(session.multicastBytes)} sent once to ${session.machines} machines`;
  return `  site   ${session.group}:${session.port}  ${sent}, ${(session.parityPart * 100).toFixed(1)} % of it parity`;
}

export class DemoScreen {
  readonly #terminal: NodeJS.WriteStream;
  #drawnLines = 0;
  #lastPlainMs = 0;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
  }

  /** A line that stays. */
  line(text: string): void {
    this.#erase();
    this.#terminal.write(`${text}\n`);
  }

  /** One step with its progress from 0 to 1. */
  step(text: string, part: number): void {
    this.#show([`${text} ${percent(part)}`], `${text} ${percent(part)}`);
  }

  room({ machines, sessions }: RoomView): void {
    const named = machines.toSorted((a, b) => (a.facts.name < b.facts.name ? -1 : 1));
    const open = sessions.filter(({ state }) => state !== "closed");
    const plain = named.map((machine) => `${machine.facts.name} ${percent(partOf(machine))}`).join("  ");
    this.#show([...open.map(sessionLine), ...named.map(machineLine)], plain);
  }

  #show(lines: string[], plain: string): void {
    if (this.#terminal.isTTY) {
      this.#erase();
      const width = this.#terminal.columns;
      this.#terminal.write(lines.map((line) => `${line.slice(0, width - 1)}\n`).join(""));
      this.#drawnLines = lines.length;
    } else if (plain !== "" && Date.now() - this.#lastPlainMs >= plainIntervalMs) {
      this.#lastPlainMs = Date.now();
      this.#terminal.write(`  ${plain}\n`);
    }
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#terminal.write(`\x1b[${this.#drawnLines}A\x1b[0J`);
    this.#drawnLines = 0;
  }
}
