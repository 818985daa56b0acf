/** Who calls, and whether that caller may: a machine by its key, a person by the page's cookie or by a token. */
import type { FastifyRequest } from "fastify";
import type { Role } from "../../contract/accounts.ts";
import { Identifier } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { hashSecret, isApiToken, matchesHash, pageMarkOf } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import type { Person, Route } from "./route.ts";

export interface Caller {
  machineId: string | null;
  person: Person | null;
  pointId: string | null;
}
export const nobody: Caller = { machineId: null, person: null, pointId: null };

/** No script can read it, only this site gets it, and the name keeps others from setting it (RFC 6265bis, 4.1.3.2). */
export const cookieName = "__Host-volley";
/** What changes something says this beside the cookie, which a form or link of another page cannot. */
export const pageMarkHeader = "x-volley-page";

const ranks: Record<Role, number> = { viewer: 0, operator: 1, administrator: 2 };

function roleWanted({ who }: Route): Role | null {
  if (who === "anyone" || who === "machine" || who === "point") return null;
  if (who === "machine-or-viewer") return "viewer";
  return who === "machine-or-administrator" ? "administrator" : who;
}

const takesMachines = ({ who }: Route): boolean => who.startsWith("machine");

/** Throws E_NOT_ENROLLED, E_NOT_SIGNED_IN, E_FORBIDDEN, E_PASSWORD_CHANGE, E_PAGE_MARK, E_TOO_MANY_ATTEMPTS. */
export async function callerOf(request: FastifyRequest, route: Route, context: ApiContext): Promise<Caller> {
  if (route.who === "anyone") return nobody;
  const token = /^Bearer (.{1,300})$/.exec(request.headers.authorization ?? "")?.[1];
  const machineId = token === undefined ? undefined : context.machineKeys.identify(token);
  if (machineId !== undefined) {
    if (!takesMachines(route)) throw new VolleyError("E_FORBIDDEN", "A machine's key does not open this.");
    context.room.saw(machineId);
    if (route.beforeApproval !== true && !(await context.devices.isApproved(machineId))) {
      throw new VolleyError(
        "E_FORBIDDEN",
        "This machine waits for approval at the site, or was refused there.",
      );
    }
    return { ...nobody, machineId };
  }
  if (route.who === "point") {
    const pointId = await pointOfToken(token, context);
    if (pointId !== undefined) return { ...nobody, pointId };
  }
  const wanted = roleWanted(route);
  const person = wanted === null ? null : await personOf(request, token, context);
  if (wanted === null || (person === null && takesMachines(route))) {
    throw new VolleyError("E_NOT_ENROLLED", "The request carries no key that this site knows.");
  }
  if (person === null) throw new VolleyError("E_NOT_SIGNED_IN", "Nobody is signed in.");
  try {
    checkPerson(person, wanted, request, route);
  } catch (error) {
    if (error instanceof VolleyError) await context.audit.refused(person, request, route, error.code);
    throw error;
  }
  return { ...nobody, person };
}

/** `token` is "<pointId>.<key>". */
async function pointOfToken(token = "", { store }: ApiContext): Promise<string | undefined> {
  const [, id = "", key = ""] = /^([0-9a-f-]{36})\.([0-9a-f]{64})$/.exec(token) ?? [];
  const hash = Identifier.safeParse(id).success ? await store.points.keyHash(id) : null;
  return hash && matchesHash(key, hash) ? id : undefined;
}

function checkPerson(person: Person, wanted: Role, request: FastifyRequest, route: Route): void {
  // A form of another page would come with the cookie where a browser does not keep SameSite.
  if (person.pageMark !== null && route.method !== "GET") {
    const { [pageMarkHeader]: mark, "sec-fetch-site": from } = request.headers;
    if (mark !== person.pageMark || (from !== undefined && from !== "same-origin")) {
      throw new VolleyError("E_PAGE_MARK", "The page's own mark is missing.");
    }
  }
  if (ranks[person.role] < ranks[wanted]) {
    throw new VolleyError(
      "E_FORBIDDEN",
      `This is for the role ${wanted}, and ${person.name} is ${person.role}.`,
    );
  }
  if (person.mustChangePassword && route.beforePasswordChange !== true) {
    throw new VolleyError("E_PASSWORD_CHANGE", `${person.name} has to choose a password first.`);
  }
}

/** Null where there is none. A token that is sent counts alone: a wrong one is not made good by a cookie. */
export async function personOf(
  request: FastifyRequest,
  token: string | undefined,
  context: ApiContext,
): Promise<Person | null> {
  if (token === undefined) return await personOfCookie(request, context);
  if (matchesHash(token, context.adminTokenHash)) {
    return { ...withoutCookie, kind: "local", id: null, name: "local", role: "administrator" };
  }
  if (!isApiToken(token)) return null;
  context.tokenAttempts.check(request.ip);
  const found = await context.store.tokens.find(hashSecret(token));
  if (found === undefined) {
    context.tokenAttempts.failed(request.ip);
    return null;
  }
  const now = new Date().toISOString();
  // To the minute is enough, and one write a minute.
  if (found.lastUsed === null || found.lastUsed.slice(0, 16) !== now.slice(0, 16)) {
    await context.store.tokens.used(found.id, now);
  }
  return { ...withoutCookie, kind: "token", id: found.id, name: found.name, role: found.role };
}

const withoutCookie = { mustChangePassword: false, cookieHash: null, pageMark: null };

async function personOfCookie(request: FastifyRequest, { store }: ApiContext): Promise<Person | null> {
  const cookie = cookieOf(request);
  if (cookie === "") return null;
  const cookieHash = hashSecret(cookie);
  const account = await store.accounts.signedIn(cookieHash);
  if (account === undefined) return null;
  const { id, mustChangePassword, name, role } = account;
  return { kind: "account", id, name, role, mustChangePassword, cookieHash, pageMark: pageMarkOf(cookie) };
}

function cookieOf(request: FastifyRequest): string {
  const pairs = (request.headers.cookie ?? "").split("; ");
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1) ?? "";
}
