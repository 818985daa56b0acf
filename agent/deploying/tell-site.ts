/** Reports of what goes on anyway, whether or not the outbox takes them. */
import { toVolleyError } from "../../contract/errors.ts";
import type { Delivery, Told } from "../report/delivery.ts";
import type { Log } from "../report/logs.ts";

/** A state folder that has filled up is no reason to stop in the middle of a disk: the log says the same. */
export function tellSite(told: Told, by: { delivery: Pick<Delivery, "tell">; log: Log }): void {
  try {
    by.delivery.tell(told);
  } catch (cause) {
    by.log.warning(`The site cannot be told: ${toVolleyError(cause).detail}`);
  }
}
