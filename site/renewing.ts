/** A site runs for months: its certificate is looked at now and then, and taken into use once it is another. */
import { toVolleyError } from "../contract/errors.ts";
import type { CertifiedKey } from "./authority/certificates.ts";
import type { Doors } from "./doors.ts";
import type { Log } from "./log.ts";

const certificateCheckMs = 12 * 3_600_000;

/** Answers what ends that. */
export function renewing(doors: Doors, certificate: () => Promise<CertifiedKey>, log: Log): () => void {
  const timer = setInterval(() => {
    certificate()
      .then((current) => doors.setCertificate(current))
      .catch((error: unknown) => log.error(`the certificate is not renewed: ${toVolleyError(error).detail}`));
  }, certificateCheckMs);
  return () => clearInterval(timer);
}
