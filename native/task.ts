/** Work that the addon does beside JavaScript. */

/** Long native work: poll `progress()`, await `result`, or `cancel()` (then `result` rejects with E_CANCELLED). */
export interface Task<Result> {
  readonly result: Promise<Result>;
  progress(): { bytesDone: number; bytesTotal: number };
  cancel(): void;
}
