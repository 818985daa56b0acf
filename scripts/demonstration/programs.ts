/** The processes of the demo: each writes a log of its own, and none outlives the demo unless it is let go. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

const endPatienceMs = 8000;

export interface Program {
  readonly logFile: string;
  readonly processId: number;
  /** The exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Standard output so far. */
  output(): string;
  /** Asks it to end, and insists after a while. */
  end(): Promise<void>;
  /** Lets it live on when the demo ends. */
  letGo(): void;
}

export class Programs {
  readonly #logFolder: string;
  readonly #running = new Set<Program>();

  constructor(logFolder: string) {
    this.#logFolder = logFolder;
  }

  /** Starts a Node program of dist/. Its standard output and error go to one log file. */
  start(name: string, script: string, argv: string[]): Program {
    const logFile = join(this.#logFolder, `${name}.log`);
    const log = openSync(logFile, "w");
    // A group of its own: Ctrl-C reaches the demo alone, which then ends its programs in order.
    const child = spawn(process.execPath, ["--enable-source-maps", script, ...argv], {
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    const program = this.#describe(child, logFile);
    this.#running.add(program);
    void program.ended.then(() => this.#running.delete(program));
    return program;
  }

  #describe(child: ChildProcess, logFile: string): Program {
    const ended = new Promise<number | null>((resolve) => {
      child.once("error", () => resolve(null));
      child.once("exit", resolve);
    });
    return {
      logFile,
      processId: child.pid ?? -1,
      ended,
      output: () => readFileSync(logFile, "utf8"),
      end: async () => {
        const insist = setTimeout(() => child.kill("SIGKILL"), endPatienceMs);
        child.kill("SIGTERM");
        await ended;
        clearTimeout(insist);
      },
      letGo: () => {
        child.unref();
        for (const program of this.#running) if (program.logFile === logFile) this.#running.delete(program);
      },
    };
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.end()));
  }
}
