/** POST /login and /logout: the page's cookie, which opens what only reads. */
import { LoginRequest } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { matchesHash } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import { cookieName, parse, type Route } from "./routes.ts";

const attributes = "Path=/; HttpOnly; Secure; SameSite=Strict";

export function loginRoutes({ attempts, adminTokenHash, cookie, log }: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/login",
      who: "anyone",
      handle: ({ request, reply }) => {
        attempts.check(request.ip);
        const { token } = parse(LoginRequest, request.body);
        if (!matchesHash(token, adminTokenHash)) {
          attempts.failed(request.ip);
          log.warn(`a login from ${request.ip} was refused`);
          throw new VolleyError("E_FORBIDDEN", "This is not the administrator's token.");
        }
        const seconds = limits.pageLoginHours * 3600;
        const value = cookie.make(Date.now() + seconds * 1000);
        reply.header("set-cookie", `${cookieName}=${value}; Max-Age=${seconds}; ${attributes}`);
      },
    },
    {
      method: "POST",
      path: "/logout",
      who: "anyone",
      handle: ({ reply }) => {
        reply.header("set-cookie", `${cookieName}=; Max-Age=0; ${attributes}`);
      },
    },
  ];
}
