/** What every benchmark says about where it ran, and how sizes and figures are read and written. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";

export interface Machine {
  processor: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
}

export const machine = (): Machine => ({
  processor: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  kernel: release(),
  node: process.version,
});

/** Bytes of a size as a person writes it: 4096, 512K, 64M, 1G (powers of 1024). */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)$/i.exec(text);
  if (!match) throw new Error(`a size is a number with K, M, G or T behind it, like 512M; this is '${text}'`);
  return Number(match[1]) * 1024 ** " KMGT".indexOf((match[2] ?? "").toUpperCase() || " ");
}

/** A whole number between bounds, or an error that names the option. */
export function parseCount(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option} takes a whole number from ${least} to ${most}; this is '${text}'`);
}

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits));

/** Millions of bytes in a second. */
export const megabytesPerSecond = (bytes: number, seconds: number): number => rounded(bytes / 1e6 / seconds);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** `size` random bytes in a file, on the disk before this returns, so that writing back disturbs no run. */
export function makeImage(path: string, bytes: number): void {
  const blockBytes = 1024 * 1024;
  if (bytes % blockBytes !== 0) throw new Error("--size has to be a whole number of MiB");
  execFileSync("dd", [
    "if=/dev/urandom",
    `of=${path}`,
    `bs=${blockBytes}`,
    `count=${bytes / blockBytes}`,
    "iflag=fullblock",
    "conv=fsync",
    "status=none",
  ]);
}

/** Throws where the rival that a benchmark compares with is not on this machine. */
export function requireProgram(program: string, debianPackage: string): void {
  const paths = (process.env["PATH"] ?? "").split(delimiter);
  if (paths.some((folder) => existsSync(join(folder, program)))) return;
  throw new Error(
    `${program} is missing, which this is compared with: scripts/install-packages ${debianPackage}`,
  );
}
