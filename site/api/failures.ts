/** Every error the API answers is an ErrorAnswer with its registry's status, whatever it was thrown as. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ErrorAnswer } from "../../contract/common.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";

export function answerFailures(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = translate(error);
    if (failure.entry.httpStatus >= 500) {
      log.error(
        `${request.method} ${request.routeOptions.url ?? "unknown route"}: ${failure.code}: ${failure.detail}`,
        {
          stack: error.stack,
        },
      );
    }
    return answer(reply, failure);
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const [path = ""] = request.url.split("?");
    return answer(
      reply,
      new VolleyError("E_NOT_FOUND", `The site has no ${request.method} ${path.slice(0, 200)}.`),
    );
  });
}

function answer(reply: FastifyReply, failure: VolleyError): FastifyReply {
  // An answer of the machine's own fault tells nothing of our insides.
  const detail = failure.code === "E_INTERNAL" ? "The site's log says more." : failure.detail;
  const body: ErrorAnswer = {
    code: failure.code,
    detail: detail.slice(0, limits.reportTextCharacters),
    remedy: failure.entry.remedy,
  };
  return reply.code(failure.entry.httpStatus).type("application/json").send(body);
}

/** Fastify's refusals of a request carry a status of 400 and something; the database's a severity. */
function translate(error: FastifyError): VolleyError {
  if (!(error instanceof VolleyError) && error.statusCode !== undefined && error.statusCode < 500) {
    return new VolleyError("E_REQUEST_INVALID", error.message, { cause: error });
  }
  if ("severity" in error) return new VolleyError("E_STORE", error.message, { cause: error });
  return toVolleyError(error);
}
