/** An error of the addon as the person at the machine and the site are told. */
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { NativeError } from "../../native/index.ts";

/** The same code; what happened on `device` outside any chunk's own work still names the chunk that lies there. */
export function toDeviceFailure(error: unknown, device: string): VolleyError {
  const failure = toVolleyError(error);
  const { chunk, device: on, offset } = (error ?? {}) as Partial<NativeError>;
  if (on !== device || offset === undefined || offset < 0 || (chunk ?? -1) >= 0) return failure;
  const lies = Math.floor(offset / limits.chunkBytes);
  return new VolleyError(failure.code, `${failure.detail} (chunk ${lies})`, { cause: error });
}
