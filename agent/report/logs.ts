/** The agent's logs: the screen for people, JSON lines for programs, smsts.log for who knows Configuration Manager. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import winston from "winston";
import { limits } from "../../contract/limits.ts";
import { formatCmtrace, type Severity } from "./cmtrace.ts";
import type { Redactor } from "./redactor.ts";
import { rollingFile } from "./rolling-file.ts";
import type { Screen } from "./screen.ts";

/** A sentence for people each. */
export interface Log {
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
  /** Only for the files. */
  detail(text: string, severity?: Severity): void;
}

export interface Logs {
  /** `component` as CMTrace shows it, `file` the source file that speaks. */
  of(component: string, file: string): Log;
  /**
   * From now on smsts.log is in this folder, too, with what it says so far; in one such folder at a time. Null: in none, and
   * once it resolves no file is open there.
   */
  alsoIn(folder: string | null): Promise<void>;
  close(): void;
}

interface Entry extends winston.Logform.TransformableInfo {
  message: string;
  severity: Severity;
  component: string;
  file: string;
  time: Date;
}

const logName = "smsts.log";
const levels = { error: 0, warning: 1, info: 2, detail: 3 };

export interface LogsOptions {
  /** Created if need be. */
  folder: string;
  screen: Pick<Screen, "line">;
  redactor: Redactor;
}

export function openLogs({ folder, redactor, screen }: LogsOptions): Logs {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // The outbox says so, clearly, when the state folder cannot be written; a log alone is no reason to stop.
  }
  const jsonFile = rollingFile(join(folder, "agent.jsonl"), join(folder, "agent.jsonl.old"), limits.logBytes);
  const cmtraceFile = rollingFile(join(folder, logName), join(folder, "smsts.lo_"), limits.logBytes);
  const logger = winston.createLogger({
    levels,
    level: "detail",
    format: winston.format((info) => ({ ...info, message: redactor.clean(String(info.message)) }))(),
    transports: [
      transport("info", screenWriter(screen), screenText),
      transport("detail", jsonFile, jsonText),
      transport("detail", cmtraceFile, cmtraceText),
    ],
  });
  let second: SecondLog | null = null;
  const write = (
    level: keyof typeof levels,
    origin: { component: string; file: string },
    message: string,
    severity: Severity = level === "detail" ? "info" : level,
  ): void => {
    logger.log({ level, message, severity, time: new Date(), ...origin });
  };
  return {
    of(component, file) {
      const origin = { component, file };
      return {
        info: (text) => write("info", origin, text),
        warning: (text) => write("warning", origin, text),
        error: (text) => write("error", origin, text),
        detail: (text, severity) => write("detail", origin, text, severity),
      };
    },
    async alsoIn(place) {
      if (place === folder || place === (second?.place ?? null)) return;
      const before = second;
      second = place === null ? null : openSecond(place, folder, logger);
      await before?.end();
    },
    close() {
      void second?.end();
      logger.close();
      jsonFile.end();
      cmtraceFile.end();
    },
  };
}

interface SecondLog {
  place: string;
  /** Resolves once its file is closed. */
  end(): Promise<void>;
}

/** A log that cannot be written is no reason to stop. */
function openSecond(place: string, folder: string, logger: winston.Logger): SecondLog {
  const path = join(place, logName);
  try {
    mkdirSync(place, { recursive: true });
    if (!existsSync(path)) copyFileSync(join(folder, logName), path);
  } catch {
    // It begins here, then, if it can be written at all.
  }
  const file = rollingFile(path, join(place, "smsts.lo_"), limits.logBytes);
  const added = transport("detail", file, cmtraceText);
  logger.add(added);
  return {
    place,
    async end() {
      logger.remove(added);
      file.end();
      await finished(file);
    },
  };
}

/** `text` brings its own line end: CMTrace's is two characters, and the screen adds its own. */
function transport(level: string, target: Writable, text: (entry: Entry) => string): winston.transport {
  const format = winston.format.printf((info) => text(info as Entry));
  return new winston.transports.Stream({ level, stream: target, eol: "", format });
}

function screenWriter(screen: Pick<Screen, "line">): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      screen.line(chunk.toString("utf8"));
      done();
    },
  });
}

function screenText({ message, severity }: Entry): string {
  return severity === "info" ? message : `${severity}: ${message}`;
}

function jsonText({ component, file, message, severity, time }: Entry): string {
  return `${JSON.stringify({ time: time.toISOString(), severity, component, file, text: message })}\n`;
}

function cmtraceText(entry: Entry): string {
  return formatCmtrace({ ...entry, text: entry.message, thread: process.pid });
}
