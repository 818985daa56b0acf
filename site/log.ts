/** The site's log: one line of JSON for each event, with nothing secret in it (no headers, bodies or queries). */
import winston from "winston";

export type Log = winston.Logger;

/** `file` null = only to the console; `quiet` = not to the console. */
export function openLog(options: { file: string | null; quiet: boolean }): Log {
  const transports: winston.transport[] = [];
  if (options.file !== null) {
    transports.push(
      new winston.transports.File({ filename: options.file, maxsize: 10_000_000, maxFiles: 3 }),
    );
  }
  if (!options.quiet) {
    const line = winston.format.printf(
      (entry) => `${String(entry["timestamp"])} ${entry.level}: ${String(entry.message)}`,
    );
    transports.push(
      new winston.transports.Console({ stderrLevels: ["error", "warn", "info", "debug"], format: line }),
    );
  }
  return winston.createLogger({
    level: "info",
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    silent: transports.length === 0,
    transports,
  });
}
