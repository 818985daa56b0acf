/** People's accounts, as an administrator manages them. Nobody changes the own role here or locks the own account. */
import {
  AccountChange,
  AccountRequest,
  PasswordReset,
  type AccountAnswer,
  type AccountRecord,
} from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { newPassword } from "../authority/passwords.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse, personOf } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function accountRoutes({ passwords, store }: ApiContext): Route[] {
  const who = "administrator";
  const find = async ({ request }: Call): Promise<AccountRecord> => {
    const id = identifierOf(request, "account");
    const account = (await store.accounts.list()).find((one) => one.id === id);
    if (!account) throw new VolleyError("E_NOT_FOUND", `There is no account ${id}.`);
    return account;
  };
  const findOther = async (call: Call): Promise<AccountRecord> => {
    const account = await find(call);
    if (personOf(call).id !== account.id) return account;
    throw new VolleyError("E_CONFLICT", "This is your own account: another administrator has to do that.");
  };
  return [
    { method: "GET", path: "/accounts", who, handle: () => store.accounts.list() },
    {
      method: "POST",
      path: "/accounts",
      who,
      handle: async ({ reply, request }): Promise<AccountAnswer> => {
        const { name, password, role } = parse(AccountRequest, request.body);
        const made = password === undefined ? newPassword() : null;
        const proof = await passwords.hash(password ?? made ?? "");
        const account = await store.accounts.add({ name, role, proof, mustChangePassword: made !== null });
        reply.code(201);
        return { ...account, password: made };
      },
    },
    {
      method: "POST",
      path: "/accounts/:id",
      who,
      whenFull: true,
      handle: async (call): Promise<AccountRecord> => {
        const { id } = await findOther(call);
        const { disabled, role } = parse(AccountChange, call.request.body);
        await store.accounts.change(id, {
          ...(role !== undefined && { role }),
          ...(disabled !== undefined && { disabled }),
        });
        return await find(call);
      },
    },
    {
      method: "POST",
      path: "/accounts/:id/password",
      who,
      whenFull: true,
      handle: async (call): Promise<AccountAnswer> => {
        const { id } = await findOther(call);
        const { password } = parse(PasswordReset, call.request.body);
        const made = password === undefined ? newPassword() : null;
        const proof = await passwords.hash(password ?? made ?? "");
        await store.accounts.setPassword(id, proof, { keep: null, mustChange: made !== null });
        return { ...(await find(call)), password: made };
      },
    },
    {
      method: "DELETE",
      path: "/accounts/:id",
      who,
      handle: async (call) => {
        const { id } = await findOther(call);
        await store.accounts.remove(id);
      },
    },
  ];
}
