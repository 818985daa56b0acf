/** volley user list | add | change | password | remove, and volley token list | new | revoke */
import { Role, type AccountAnswer, type AccountRecord } from "../../contract/accounts.ts";
import type { TokenAnswer, TokenRecord } from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { SiteClient } from "../client.ts";
import { minuteText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { number } from "./numbers.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { passwordIn } from "./passwords.ts";

const defaultTokenDays = 90;

async function findUser(client: SiteClient, call: CommandCall): Promise<AccountRecord> {
  const name = (call.positionals[0] ?? "").toLowerCase();
  const found = (await client.get<AccountRecord[]>("/accounts")).find((one) => one.name === name);
  if (!found) throw new VolleyError("E_NOT_FOUND", `There is no user ${name}.`);
  return found;
}

function role(call: CommandCall): Role | undefined {
  const given = text(call, "role");
  if (given === undefined) return undefined;
  const parsed = Role.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new VolleyError("E_USAGE", `--role is one of ${Role.options.join(", ")}, not "${given}".`);
}

function showPassword(call: CommandCall, answer: AccountAnswer): void {
  if (call.json) return printJson(answer);
  if (answer.password === null) return printLine(`User ${answer.name} (${answer.role}) has that password.`);
  printLine(`User ${answer.name} (${answer.role}) signs in with ${answer.password}`);
  printLine("It is shown this once, and the next sign-in asks for another one.");
}

const roleOption: SiteCommand["options"][string] = {
  type: "string",
  value: "ROLE",
  help: "viewer sees everything; operator deploys, too; administrator does everything (viewer).",
};
const passwordFile: SiteCommand["options"][string] = {
  type: "string",
  value: "FILE",
  help: "The password is its first line; without it one is made and shown once.",
};

export const userCommands: SiteCommand[] = [
  {
    words: "user list",
    operands: "",
    operandCount: 0,
    summary: "List the people who may sign in.",
    options: {},
    run: async (client, call) => {
      const users = await client.get<AccountRecord[]>("/accounts");
      if (call.json) return printJson(users);
      const rows = users.map(({ disabled, lastSignIn, name, role: has }) => [
        name,
        has,
        disabled ? "disabled" : "",
        minuteText(lastSignIn),
      ]);
      printTable([["NAME", "ROLE", "", "LAST SIGN-IN (UTC)"], ...rows]);
    },
  },
  {
    words: "user add",
    operands: "NAME",
    operandCount: 1,
    summary: "Let somebody sign in on the page.",
    options: { role: roleOption, "password-file": passwordFile },
    run: async (client, call) => {
      const password = passwordIn(call, "password-file");
      const wanted = { name: call.positionals[0], role: role(call) ?? "viewer", password };
      showPassword(call, await client.post<AccountAnswer>("/accounts", wanted));
    },
  },
  {
    words: "user change",
    operands: "NAME",
    operandCount: 1,
    summary: "Give a user another role, or lock the account; whoever is signed in with it is signed out.",
    options: {
      role: { ...roleOption, help: roleOption.help.replace(" (viewer)", "") },
      disable: { type: "boolean", help: "Nobody signs in with it." },
      enable: { type: "boolean", help: "It works again." },
    },
    run: async (client, call) => {
      const [disable, enable] = [call.values["disable"] === true, call.values["enable"] === true];
      if (disable && enable) throw new VolleyError("E_USAGE", "--enable or --disable, not both.");
      const disabled = disable || enable ? disable : undefined;
      const { id } = await findUser(client, call);
      const user = await client.post<AccountRecord>(`/accounts/${id}`, { role: role(call), disabled });
      if (call.json) return printJson(user);
      printLine(`User ${user.name} is ${user.disabled ? "disabled" : user.role}.`);
    },
  },
  {
    words: "user password",
    operands: "NAME",
    operandCount: 1,
    summary: "Give a user another password, for one that is forgotten.",
    options: { "password-file": passwordFile },
    run: async (client, call) => {
      const password = passwordIn(call, "password-file");
      const { id } = await findUser(client, call);
      showPassword(call, await client.post<AccountAnswer>(`/accounts/${id}/password`, { password }));
    },
  },
  {
    words: "user remove",
    operands: "NAME",
    operandCount: 1,
    summary: "Remove a user. What the user did stays in the audit log.",
    options: {},
    run: async (client, call) => {
      const { id, name } = await findUser(client, call);
      await client.remove(`/accounts/${id}`);
      if (call.json) printJson({ removed: id });
      else printLine(`User ${name} is removed.`);
    },
  },
];

export const tokenCommands: SiteCommand[] = [
  {
    words: "token list",
    operands: "",
    operandCount: 0,
    summary: "List the tokens with which programs speak to the site.",
    options: {},
    run: async (client, call) => {
      const tokens = await client.get<TokenRecord[]>("/tokens");
      if (call.json) return printJson(tokens);
      const rows = tokens.map((one) => [
        one.name,
        one.role,
        minuteText(one.expires),
        minuteText(one.lastUsed),
        one.createdBy,
      ]);
      printTable([["NAME", "ROLE", "EXPIRES (UTC)", "LAST USED (UTC)", "MADE BY"], ...rows]);
    },
  },
  {
    words: "token new",
    operands: "NAME",
    operandCount: 1,
    summary: "Make a token for a program. It is shown once.",
    options: {
      role: roleOption,
      days: { type: "string", value: "D", help: `How long it is valid (${defaultTokenDays}).` },
    },
    run: async (client, call) => {
      const validDays =
        number(call, "days", { least: 0.001, most: limits.tokenDaysMost, whole: false }) ?? defaultTokenDays;
      const wanted = { name: call.positionals[0], role: role(call) ?? "viewer", validDays };
      const answer = await client.post<TokenAnswer>("/tokens", wanted);
      if (call.json) printJson(answer);
      else printLine(answer.token);
    },
  },
  {
    words: "token revoke",
    operands: "NAME",
    operandCount: 1,
    summary: "End a token at once.",
    options: {},
    run: async (client, call) => {
      const [name = ""] = call.positionals;
      const found = (await client.get<TokenRecord[]>("/tokens")).find((one) => one.name === name);
      if (!found) throw new VolleyError("E_NOT_FOUND", `There is no token ${name}.`);
      await client.remove(`/tokens/${found.id}`);
      if (call.json) printJson({ removed: found.id });
      else printLine(`Token ${name} is revoked.`);
    },
  },
];
