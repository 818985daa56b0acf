/** What machines show a distribution point: made by the site, checked here without asking it. */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { Ticket, ticketMark } from "../../contract/point.ts";

export class Tickets {
  readonly #key: KeyObject;
  readonly #pointId: string;

  /** `manifestKey`: the site's, SPKI in PEM. */
  constructor(manifestKey: string, pointId: string) {
    this.#key = createPublicKey(manifestKey);
    this.#pointId = pointId;
  }

  /** Of an Authorization header. Throws E_NOT_ENROLLED for what the site did not sign, E_FORBIDDEN for what is not for here and now. */
  read(authorization: string | undefined, nowMs = Date.now()): Ticket {
    const text = authorization?.startsWith("Ticket ") ? authorization.slice("Ticket ".length) : "";
    const [encoded = "", signature = ""] = text.length > limits.ticketCharacters ? [] : text.split(".");
    const json = Buffer.from(encoded, "base64url").toString();
    const signed = Buffer.from(ticketMark + json);
    if (json === "" || !verify(null, signed, this.#key, Buffer.from(signature, "base64url"))) {
      throw new VolleyError(
        "E_NOT_ENROLLED",
        "The request carries no ticket that this point's site has signed.",
      );
    }
    const ticket = Ticket.parse(JSON.parse(json));
    if (ticket.pointId !== this.#pointId) {
      throw new VolleyError("E_FORBIDDEN", "The ticket is for another distribution point.");
    }
    if (Date.parse(ticket.expires) < nowMs) {
      throw new VolleyError("E_FORBIDDEN", `The ticket has expired at ${ticket.expires}.`);
    }
    return ticket;
  }
}
