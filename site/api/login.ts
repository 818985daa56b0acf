/** Signing in on the page and out again, who that is, and a password of one's own. */
import { AccountName, LoginRequest, PasswordChange, type Me } from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { hashSecret, newToken, pageMarkOf } from "../authority/secrets.ts";
import type { StoredAccount } from "../store/accounts.ts";
import { cookieName } from "./callers.ts";
import type { Call, Person, Route } from "./route.ts";
import type { ApiContext } from "./context.ts";
import { parse, personOf } from "./routes.ts";

const attributes = "Path=/; HttpOnly; Secure; SameSite=Strict";

export function loginRoutes(context: ApiContext): Route[] {
  const { audit, store } = context;
  return [
    {
      method: "POST",
      path: "/login",
      who: "anyone",
      whenFull: true,
      handle: (call) => signIn(call, context),
    },
    {
      method: "POST",
      path: "/logout",
      who: "viewer",
      whenFull: true,
      beforePasswordChange: true,
      audited: false,
      handle: async (call) => {
        const { cookieHash, name } = personOf(call);
        if (cookieHash === null) return;
        await store.accounts.signOut(cookieHash);
        await audit.signing(name, call.request, "sign out", "done");
        call.reply.header("set-cookie", `${cookieName}=; Max-Age=0; ${attributes}`);
      },
    },
    {
      method: "GET",
      path: "/me",
      who: "viewer",
      beforePasswordChange: true,
      handle: (call): Me => meOf(personOf(call)),
    },
    {
      method: "POST",
      path: "/me/password",
      who: "viewer",
      whenFull: true,
      beforePasswordChange: true,
      handle: (call) => changePassword(call, context),
    },
  ];
}

function meOf({ kind, mustChangePassword, name, pageMark, role }: Person): Me {
  return { name, kind, role, mustChangePassword, pageMark };
}

async function signIn({ reply, request }: Call, context: ApiContext): Promise<Me> {
  const { attempts, audit, log, store } = context;
  attempts.check(request.ip);
  const { name, password } = parse(LoginRequest, request.body);
  const wanted = AccountName.safeParse(name);
  const account = wanted.success ? await store.accounts.named(wanted.data) : undefined;
  // What nobody is called may be a password in the wrong field: that is not written down.
  const who = account?.name ?? "(unknown)";
  try {
    await check(account, password, context);
  } catch (error) {
    if (!(error instanceof VolleyError) || error.code !== "E_SIGN_IN") throw error;
    attempts.failed(request.ip);
    log.warn(`a sign-in from ${request.ip} was refused`);
    await audit.signing(who, request, "sign in", error.code);
    throw error;
  }
  if (account === undefined) throw new VolleyError("E_INTERNAL", "Nobody has signed in.");
  const seconds = limits.pageLoginHours * 3600;
  const cookie = newToken();
  const expires = new Date(Date.now() + seconds * 1000).toISOString();
  await store.accounts.signIn(account.id, hashSecret(cookie), expires);
  await audit.signing(account.name, request, "sign in", "done");
  reply.header("set-cookie", `${cookieName}=${cookie}; Max-Age=${seconds}; ${attributes}`);
  const { mustChangePassword, role } = account;
  return { name: account.name, kind: "account", role, mustChangePassword, pageMark: pageMarkOf(cookie) };
}

/** Throws E_SIGN_IN, and E_TOO_MANY_ATTEMPTS where this account was tried too often. */
async function check(
  account: StoredAccount | undefined,
  password: string,
  { accountAttempts, passwords, store }: ApiContext,
): Promise<void> {
  if (account !== undefined) accountAttempts.check(`account ${account.name}`);
  const matches = await passwords.matches(password, account?.proof ?? null);
  if (account !== undefined && matches && !account.disabled) {
    if (passwords.isOutdated(account.proof)) {
      await store.accounts.renewProof(account.id, await passwords.hash(password));
    }
    return;
  }
  if (account !== undefined) accountAttempts.failed(`account ${account.name}`);
  throw new VolleyError("E_SIGN_IN", "This name and this password do not open an account.");
}

async function changePassword(call: Call, context: ApiContext): Promise<void> {
  const { accountAttempts, passwords, store } = context;
  const { cookieHash, id, kind } = personOf(call);
  const { current, password } = parse(PasswordChange, call.request.body);
  const account = kind === "account" && id !== null ? await store.accounts.find(id) : undefined;
  if (account === undefined) throw new VolleyError("E_CONFLICT", "A token has no password.");
  accountAttempts.check(`account ${account.name}`);
  if (!(await passwords.matches(current, account.proof))) {
    accountAttempts.failed(`account ${account.name}`);
    throw new VolleyError("E_SIGN_IN", "The present password is another one.");
  }
  if (password === current) throw new VolleyError("E_REQUEST_INVALID", "password: the same as before.");
  const proof = await passwords.hash(password);
  await store.accounts.setPassword(account.id, proof, { keep: cookieHash, mustChange: false });
}
