/** GET /authority: the certificate of the site's authority, to compare its fingerprint or to trust it from then on. */
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";

export function authorityRoutes({ authority }: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/authority",
      who: "anyone",
      handle: ({ reply }) => {
        reply.type("application/x-pem-file");
        return authority.certificate;
      },
    },
  ];
}
