/** Which ends of an agent's work are none of the deployment. */
import type { VolleyError } from "../../contract/errors.ts";

/** It was stopped or restarts the machine: the deployment goes on at the next start, and nothing has failed. */
export function leavesUnfinished({ code }: VolleyError): boolean {
  return code === "E_CANCELLED" || code === "E_RESTART_NEEDED";
}
