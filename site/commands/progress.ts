/** Follows an import or a verification: one line that is redrawn on a terminal, plain lines elsewhere. */
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode, VolleyError } from "../../contract/errors.ts";
import { bytesText, durationText, rateText } from "../quantities.ts";

export interface TaskState {
  state: "running" | "done" | "failed";
  bytesDone: number;
  bytesTotal: number;
  error: { code: string; detail: string } | null;
}

const pollMs = 200;
/** Between two lines where lines stay. */
const plainLineMs = 5000;

/** Resolves with the last state; throws the error the task ended with. Progress goes to standard error. */
export async function follow<State extends TaskState>(
  what: string,
  poll: () => Promise<State>,
  quiet: boolean,
): Promise<State> {
  const beganMs = Date.now();
  const redraw = process.stderr.isTTY && !quiet;
  let nextLineMs = beganMs + plainLineMs;
  for (;;) {
    const state = await poll();
    const line = describe(what, state, (Date.now() - beganMs) / 1000);
    if (redraw) process.stderr.write(`\r\x1b[2K${line}`);
    if (state.state !== "running") {
      if (redraw) process.stderr.write("\n");
      if (state.error === null) return state;
      throw new VolleyError(
        isErrorCode(state.error.code) ? state.error.code : "E_INTERNAL",
        state.error.detail,
      );
    }
    if (!redraw && !quiet && Date.now() >= nextLineMs) {
      process.stderr.write(`${line}\n`);
      nextLineMs += plainLineMs;
    }
    await delay(pollMs);
  }
}

function describe(what: string, state: TaskState, seconds: number): string {
  const part = state.bytesTotal > 0 ? state.bytesDone / state.bytesTotal : 0;
  const rate = seconds > 0 ? state.bytesDone / seconds : 0;
  const left = rate > 0 && state.state === "running" ? (state.bytesTotal - state.bytesDone) / rate : null;
  const amount = `${bytesText(state.bytesDone)} of ${bytesText(state.bytesTotal)}`;
  const rest = left === null ? "" : `, ${durationText(left)} left`;
  return `${what}: ${(part * 100).toFixed(0)} %, ${amount}, ${rateText(rate)}${rest}`;
}
