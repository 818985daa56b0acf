/** Who may do what at a site: people's accounts, tokens for programs, signing in, and the log of who did what. */
import { z } from "zod";
import { Identifier, Name, Time } from "./common.ts";
import { limits } from "./limits.ts";

/** Each may do what those before it may. */
export const Role = z.enum(["viewer", "operator", "administrator"]);
export type Role = z.infer<typeof Role>;

/** In lower case, so that two accounts never differ by that alone. */
export const AccountName = z
  .string()
  .transform((text) => text.trim().toLowerCase())
  .pipe(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/, "up to 64 of a-z, 0-9, dot, hyphen, underscore and @, no space"),
  );
export const Password = z
  .string()
  .min(limits.passwordCharactersLeast, `at least ${limits.passwordCharactersLeast} characters`)
  .max(limits.passwordCharactersMost);

/** POST /login, from the page: answers a cookie and who that is. */
export const LoginRequest = z.object({
  name: z.string().min(1).max(200),
  password: z.string().min(1).max(limits.passwordCharactersMost),
});

/** GET /me, and the answer of POST /login. */
export const Me = z.object({
  name: z.string(),
  /** local: the token in the site's data folder. */
  kind: z.enum(["account", "token", "local"]),
  role: Role,
  /** Nothing but a new password is taken until there is one. */
  mustChangePassword: z.boolean(),
  /** What the page sends as x-volley-page with all that changes something; null without a cookie. */
  pageMark: z.string().nullable(),
});
export type Me = z.infer<typeof Me>;

/** POST /me/password: every other sign-in of the account ends. */
export const PasswordChange = z.object({
  current: z.string().max(limits.passwordCharactersMost),
  password: Password,
});

/** POST /accounts. Without a password the site makes one, which has to be changed at the first sign-in. */
export const AccountRequest = z.object({ name: AccountName, role: Role, password: Password.optional() });
export type AccountRequest = z.infer<typeof AccountRequest>;
/** POST /accounts/:id */
export const AccountChange = z.object({ role: Role.optional(), disabled: z.boolean().optional() });
export type AccountChange = z.infer<typeof AccountChange>;
/** POST /accounts/:id/password, as for a new account. */
export const PasswordReset = z.object({ password: Password.optional() });

export const AccountRecord = z.object({
  id: Identifier,
  name: AccountName,
  role: Role,
  disabled: z.boolean(),
  mustChangePassword: z.boolean(),
  created: Time,
  lastSignIn: Time.nullable(),
});
export type AccountRecord = z.infer<typeof AccountRecord>;
/** `password` is what the site made, answered once; null when one was given. */
export const AccountAnswer = AccountRecord.extend({ password: z.string().nullable() });
export type AccountAnswer = z.infer<typeof AccountAnswer>;

/** POST /tokens */
export const TokenRequest = z.object({
  name: Name,
  role: Role,
  validDays: z.number().min(0.001).max(limits.tokenDaysMost),
});
export type TokenRequest = z.infer<typeof TokenRequest>;
export const TokenRecord = z.object({
  id: Identifier,
  name: Name,
  role: Role,
  created: Time,
  createdBy: z.string(),
  expires: Time,
  lastUsed: Time.nullable(),
});
export type TokenRecord = z.infer<typeof TokenRecord>;
/** The token is answered once; the site keeps its hash. */
export const TokenAnswer = TokenRecord.extend({ token: z.string() });
export type TokenAnswer = z.infer<typeof TokenAnswer>;

/** One thing that somebody did or tried. */
export const AuditEntry = z.object({
  /** Ascends, and is never given twice. */
  sequence: z.int(),
  time: Time,
  who: z.string(),
  /**
   * "machine": one enrolled as a machine that was known, whose key ended by that. "site": by itself, as when the time of a
   * deployment came.
   */
  kind: z.enum([...Me.shape.kind.options, "machine", "site"]),
  address: z.string(),
  /** The request: method and path, or "sign in", "sign out", and the site's own "wake". */
  action: z.string(),
  /** What it was about, as far as the request says. */
  target: z.string(),
  /** "done", or the code of the error that it was refused with. */
  outcome: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
/** GET /audit, the newest first. */
export const AuditQuery = z.object({
  from: Time.optional(),
  to: Time.optional(),
  who: z.string().max(200).optional(),
  /** A part of the action or of the target. */
  text: z.string().max(200).optional(),
  outcome: z.string().max(100).optional(),
  /** Only entries before this one. */
  before: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(limits.auditAnswerMost).default(200),
  format: z.enum(["csv", "json"]).default("json"),
});
export type AuditQuery = z.infer<typeof AuditQuery>;
/** GET /audit/export: without a limit all that it matches. */
export const AuditExportQuery = AuditQuery.extend({
  limit: z.coerce.number().int().min(1).optional(),
});
